import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARTIFACT_KINDS } from '../../src/pipeline/actions/desks.ts';
import { RETENTION_KINDS } from '../../src/platform/evidence-config.ts';
import { PRESERVE_POINTS, type PreservePoint } from '../../src/pipeline/evidence/preserve.ts';
import {
  artifact,
  bedsOfTests,
  bytesOf,
  EVIDENCE_START,
  NEVER_ABORTED,
  openGate,
  stateOf,
  type BedOptions,
  type EvidenceBed,
} from '../support/evidence.ts';

const opened = bedsOfTests();

async function typesOf({ journal }: EvidenceBed, id: string): Promise<readonly string[]> {
  return (await journal.readStream(`evidence/${id}`)).map(({ record }) => record.type);
}

async function rowsOf({ journal }: EvidenceBed) {
  return (await journal.listViews({ kind: 'evidence', limit: 100, skip: 0 })).items;
}

async function filesOf({ vaultFolder }: EvidenceBed, id: string): Promise<readonly string[]> {
  return (await readdir(join(vaultFolder, 'objects', id.slice(-2), id))).sort();
}

function digestsOf(bytes: Uint8Array) {
  const digest = (name: string) => createHash(name).update(bytes).digest('hex');
  return { size: bytes.length, sha256: digest('sha256'), sha512: digest('sha512') };
}

describe('an artefact', () => {
  it('is kept with its bytes, its custody record and a note beside them', async () => {
    const bed = await opened();
    const kept = await bed.desk.preserve(artifact(), bytesOf('Failed ', 'password'), NEVER_ABORTED);
    expect(kept).toEqual({ evidenceId: kept.evidenceId, ...digestsOf(Buffer.from('Failed password')), complete: true });
    const state = await stateOf(bed, kept.evidenceId);
    expect(state).toEqual({
      identity: {
        key: 'action-1/0',
        kind: 'file',
        name: 'auth.log',
        incidentId: null,
        executionId: 'exe_1',
        actionId: 'collect',
        personal: true,
      },
      source: {
        system: 'ssh',
        host: 'web-1.example',
        location: '/var/log/auth.log',
        modifiedAt: EVIDENCE_START - 60_000,
        timeZone: null,
        clockOffsetMs: -1_250,
      },
      acquisition: {
        startedAt: EVIDENCE_START,
        endedAt: EVIDENCE_START,
        collector: { type: 'service', id: 'firebreak', version: 'test' },
        authority: { type: 'none', id: '' },
        method: 'cat /var/log/auth.log',
        holder: expect.stringMatching(/^prc_/),
      },
      integrity: {
        ...digestsOf(Buffer.from('Failed password')),
        complete: true,
        verifiedAt: EVIDENCE_START,
        verifiedBy: 'firebreak',
      },
      storage: {
        vault: bed.vault.id,
        ref: kept.evidenceId,
        immutable: 'by-operator',
        encryptionKeyId: null,
        retainUntil: EVIDENCE_START + 365 * 24 * 3_600_000,
      },
      lineage: { form: 'original', parentId: null, attempt: 1, duplicateOf: null },
      exceptions: [],
      counts: { accesses: 0, transfers: 0, exports: 0, verifications: 0 },
      custodian: null,
      alarm: null,
      disposition: null,
      version: 2,
    });
    expect(await typesOf(bed, kept.evidenceId)).toEqual(['evidence.begun', 'evidence.preserved']);
    expect(await filesOf(bed, kept.evidenceId)).toEqual([kept.sha256, 'auth_meta.json', 'kept.json'].sort());
    const folder = join(bed.vaultFolder, 'objects', kept.evidenceId.slice(-2), kept.evidenceId);
    expect(JSON.parse(await readFile(join(folder, 'auth_meta.json'), 'utf8'))).toEqual({
      artifact: '/var/log/auth.log',
      collected_at: new Date(EVIDENCE_START).toISOString(),
      collector: 'firebreak',
      sha256: kept.sha256,
      chain_of_custody: true,
    });
    expect((await stat(join(folder, 'auth_meta.json'))).mode & 0o777).toBe(0o400);
  });

  it('is taken once under its key, and asks a repeat for nothing', async () => {
    const bed = await opened();
    const first = await bed.desk.preserve(artifact(), bytesOf('one'), NEVER_ABORTED);
    let asked = false;
    const second = await bed.desk.preserve(
      artifact(),
      (async function* () {
        asked = true;
        yield Buffer.from('two');
      })(),
      NEVER_ABORTED,
    );
    expect(second).toEqual(first);
    expect(asked).toBe(false);
    expect(await bed.desk.find('action-1/0')).toEqual(first);
    expect(await bed.desk.find('action-1/1')).toBeNull();
  });

  it('is taken once when it is asked for twice at the same time', async () => {
    const bed = await opened();
    const kept = await Promise.all(
      ['one', 'two', 'three'].map((text) => bed.desk.preserve(artifact(), bytesOf(text), NEVER_ABORTED)),
    );
    expect(new Set(kept.map(({ evidenceId }) => evidenceId)).size).toBe(1);
    expect(await rowsOf(bed)).toHaveLength(1);
  });

  it('is one for two processes that take it at the same time; what the second one took says so', async () => {
    const living = { isGone: () => false };
    const here = await opened(living);
    const there = await here.again(living);
    const gate = openGate();
    const slow = (async function* () {
      yield Buffer.from('the same');
      await gate.promise;
    })();
    const second = here.desk.preserve(artifact(), slow, NEVER_ABORTED);
    await untilRows(here, 1);
    const first = await there.desk.preserve(artifact(), bytesOf('the same'), NEVER_ABORTED);
    gate.resolve();
    expect(await second).toEqual(first);
    expect(await here.desk.find('action-1/0')).toEqual(first);
    const states = await Promise.all((await rowsOf(here)).map(({ id }) => stateOf(here, id)));
    expect(states.map(({ lineage }) => lineage.duplicateOf).sort()).toEqual([first.evidenceId, null].sort());
  });

  it('of the same stem as another does not lose its note', async () => {
    const bed = await opened();
    const ids = [];
    for (const [index, location] of ['/a/x.log', '/b/x.log'].entries()) {
      const one = artifact({ key: `k${index}`, name: 'x.log', source: { ...artifact().source, location } });
      ids.push((await bed.desk.preserve(one, bytesOf(location), NEVER_ABORTED)).evidenceId);
    }
    for (const id of ids) expect(await filesOf(bed, id)).toContain('x_meta.json');
  });

  it('keeps what was noticed while it was read', async () => {
    const bed = await opened({ clockJumpMs: () => -7_200_000 });
    const { evidenceId } = await bed.desk.preserve(
      artifact(),
      bytesOf('x'),
      NEVER_ABORTED,
      () => 'It grew by 12 bytes.',
    );
    const { exceptions } = await stateOf(bed, evidenceId);
    expect(exceptions).toEqual(['It grew by 12 bytes.', expect.stringContaining('7200 s off')]);
  });

  it('has a term by its kind', async () => {
    expect(RETENTION_KINDS).toEqual(ARTIFACT_KINDS);
    const bed = await opened({ env: { EVIDENCE_RETENTION_DAYS: '10,memory-image=2' } });
    const term = async (kind: 'file' | 'memory-image') => {
      const { evidenceId } = await bed.desk.preserve(artifact({ key: kind, kind }), bytesOf('x'), NEVER_ABORTED);
      return ((await stateOf(bed, evidenceId)).storage.retainUntil - EVIDENCE_START) / (24 * 3_600_000);
    };
    expect([await term('file'), await term('memory-image')]).toEqual([10, 2]);
  });

  it.each([
    ['leaves its folder', '../../etc/passwd'],
    ['ends a line', 'a\r\nSet-Cookie: x=1'],
    ['turns the writing', '\u202egpj.exe'],
    ['is far too long', 'x'.repeat(10_000)],
    ['is empty', ''],
    ['is half a character', '\ud800'],
    ['is the folder itself', '.'],
    ['is that of a note', '_meta.json'],
    ['has a zero in it', 'a\u0000b'],
  ])('is kept under its own id when its name %s', async (_what, name) => {
    const bed = await opened();
    const source = { ...artifact().source, location: name, host: name, system: name };
    const { evidenceId } = await bed.desk.preserve(
      artifact({ name, source, method: name }),
      bytesOf('x'),
      NEVER_ABORTED,
    );
    const { identity } = await stateOf(bed, evidenceId);
    expect(identity.name.length).toBeLessThanOrEqual(255);
    expect(identity.name.isWellFormed()).toBe(true);
    const files = await filesOf(bed, evidenceId);
    expect(files).toHaveLength(3);
    for (const file of files) expect(file).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
    expect(await readdir(bed.vaultFolder)).toEqual(['incoming', 'objects', 'vault.json']);
  });
});

describe('a source that breaks off', () => {
  const breaking = (text: string) =>
    (async function* () {
      yield Buffer.from(text);
      throw new Error('connection lost');
    })();

  it('leaves what came, marked, and its error to whoever asked', async () => {
    const bed = await opened();
    await expect(bed.desk.preserve(artifact(), breaking('half'), NEVER_ABORTED)).rejects.toThrow('connection lost');
    const found = await bed.desk.find('action-1/0');
    expect(found).toMatchObject({ ...digestsOf(Buffer.from('half')), complete: false });
    const { exceptions } = await stateOf(bed, found?.evidenceId ?? '');
    expect(exceptions).toEqual([expect.stringContaining('connection lost')]);
  });

  it('is followed by another try, which is the one that counts', async () => {
    const bed = await opened();
    await expect(bed.desk.preserve(artifact(), breaking('half'), NEVER_ABORTED)).rejects.toThrow();
    const partial = await bed.desk.find('action-1/0');
    const whole = await bed.desk.preserve(artifact(), bytesOf('the whole'), NEVER_ABORTED);
    expect(whole).toMatchObject({ complete: true, size: 9 });
    expect(await bed.desk.find('action-1/0')).toEqual(whole);
    expect(await stateOf(bed, whole.evidenceId)).toMatchObject({ lineage: { attempt: 2 } });
    expect(await stateOf(bed, partial?.evidenceId ?? '')).toMatchObject({ integrity: { complete: false } });
  });

  it('before anything came leaves a record that says so', async () => {
    const bed = await opened();
    const nothing = (async function* () {
      yield* [];
      throw new Error('no such file');
    })();
    await expect(bed.desk.preserve(artifact(), nothing, NEVER_ABORTED)).rejects.toThrow('no such file');
    expect(await bed.desk.find('action-1/0')).toBeNull();
    const [row] = await rowsOf(bed);
    expect(await stateOf(bed, row?.id ?? '')).toMatchObject({
      integrity: null,
      exceptions: [expect.stringContaining('no such file')],
    });
  });

  it('because it was told to end throws the reason of that', async () => {
    const bed = await opened();
    const controller = new AbortController();
    const endless = (async function* () {
      yield Buffer.from('x');
      controller.abort(new Error('the deadline'));
      await new Promise(() => undefined);
    })();
    await expect(bed.desk.preserve(artifact(), endless, controller.signal)).rejects.toThrow('the deadline');
    expect(await bed.desk.find('action-1/0')).toMatchObject({ complete: false, size: 1 });
  });
});

describe('a crash', () => {
  const stopAt = (stop: PreservePoint): BedOptions & { readonly reached: Promise<void> } => {
    const reached = openGate();
    return {
      reached: reached.promise,
      at(point) {
        if (point !== stop) return undefined;
        reached.resolve();
        return new Promise(() => undefined);
      },
    };
  };

  it.each(PRESERVE_POINTS)('when it is %s leaves nothing that the next start does not finish', async (point) => {
    const bytes = randomBytes(3_000_000);
    const options = stopAt(point);
    const bed = await opened(options);
    void bed.desk.preserve(artifact(), bytesOf(bytes), NEVER_ABORTED);
    await options.reached;
    const next = await bed.again();
    await next.settle();
    const [row, ...others] = await rowsOf(next);
    expect(others).toEqual([]);
    const state = await stateOf(next, row?.id ?? '');
    if (point === 'begun') expect(state).toMatchObject({ integrity: null, acquisition: { endedAt: EVIDENCE_START } });
    else {
      expect(state.integrity).toMatchObject({ ...digestsOf(bytes), complete: true });
      expect(await filesOf(next, row?.id ?? '')).toHaveLength(3);
    }
    // Whoever is asked to do it again takes it, or finds it there.
    const kept = await next.desk.preserve(artifact(), bytesOf(bytes), NEVER_ABORTED);
    expect(kept).toMatchObject({ ...digestsOf(bytes), complete: true });
    expect(kept.evidenceId === row?.id).toBe(point !== 'begun');
    expect(next.said).toEqual([]);
  });

  it('is also finished by whoever asks for the same before the start has come to it', async () => {
    const options = stopAt('written');
    const bed = await opened(options);
    void bed.desk.preserve(artifact(), bytesOf('all of it'), NEVER_ABORTED);
    await options.reached;
    const next = await bed.again();
    const kept = await next.desk.preserve(artifact(), bytesOf('asked in vain'), NEVER_ABORTED);
    expect(kept).toMatchObject({ complete: true, size: 9 });
    expect(await stateOf(next, kept.evidenceId)).toMatchObject({
      exceptions: [expect.stringContaining('all of it had come')],
    });
  });

  it('of somebody else is nothing to a process while that one lives', async () => {
    const options = { ...stopAt('written'), isGone: () => false };
    const bed = await opened(options);
    void bed.desk.preserve(artifact(), bytesOf('x'), NEVER_ABORTED);
    await options.reached;
    const next = await bed.again({ isGone: () => false });
    await next.settle();
    expect((await rowsOf(next)).map(({ id }) => id)).toHaveLength(1);
    expect(await next.desk.find('action-1/0')).toBeNull();
  });
});

async function untilRows(bed: EvidenceBed, count: number): Promise<void> {
  while ((await rowsOf(bed)).length < count) await new Promise((resolve) => setImmediate(resolve));
}
