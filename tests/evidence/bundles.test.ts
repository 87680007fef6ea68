import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chmodSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { evidenceExportCommand } from '../../src/cli/evidence-export.ts';
import { processIo } from '../../src/cli/io.ts';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import { loadLogKey } from '../../src/journal/log-key.ts';
import type { CallContext } from '../../src/pipeline/access/principal.ts';
import type { BundleRequest, BundleService } from '../../src/pipeline/evidence/bundles/bundles.service.ts';
import { blocksIn, tarSource } from '../../src/pipeline/evidence/bundles/bundle-source.ts';
import { verifyBundle, type BundleVerification } from '../../src/pipeline/evidence/bundles/verify-bundle.ts';
import type { SealedBundle } from '../../src/pipeline/evidence/bundles/write-bundle.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { openEvidenceBundles } from '../../src/start/evidence-bundles.ts';
import type { TimeStampAuthority } from '../../src/timestamps/time-stamp-authority.ts';
import {
  artifact,
  bytesOf,
  evidenceBed,
  EVIDENCE_START,
  NEVER_ABORTED,
  type EvidenceBed,
} from '../support/evidence.ts';
import { startHarness } from '../support/server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Scene {
  readonly bed: EvidenceBed;
  readonly bundles: BundleService;
  readonly ids: readonly string[];
  readonly unstamped: unknown[];
}

/** An incident with one execution that has taken three artefacts into a real vault, and a log that is kept. */
async function scene(more: { authority?: TimeStampAuthority; setBack?: never } = {}): Promise<Scene> {
  const bed = await evidenceBed();
  closers.push(() => bed.stop());
  const { journal, clock } = bed;
  await write(bed, 'incident', 'inc_1', null);
  await write(bed, 'execution', 'exe_1', 'inc_1');
  await write(bed, 'incident', 'inc_2', null);
  const ids: string[] = [];
  for (const [index, text] of ['first', 'second', 'third'].entries()) {
    const taken = artifact({ key: `action-1/${index}`, name: `../../${text}` });
    ids.push((await bed.desk.preserve(taken, bytesOf(text), NEVER_ABORTED)).evidenceId);
  }
  const key = loadLogKey(join(bed.folder, 'log-key.pem'));
  const keeper = await openLogKeeper(journal, key, clock, []);
  const unstamped: unknown[] = [];
  const bundles = openEvidenceBundles({
    journal,
    committer: groupCommitter(journal, {
      turn: async () => undefined,
      sleep: async () => undefined,
      after: () => () => undefined,
    }),
    vault: bed.vault,
    ids: randomIds(),
    // Who waits for the log has it kept.
    machine: { turn: async () => undefined, sleep: async () => keeper.keep(true), after: () => () => undefined },
    key,
    authority: more.authority ?? null,
    onUnstamped: (thrown) => unstamped.push(thrown),
    setBack: null,
    persons: { load: async () => null },
  });
  return { bed, bundles, ids, unstamped };
}

async function write({ journal }: EvidenceBed, kind: 'incident' | 'execution', id: string, parent: string | null) {
  const data = { cause: {}, incident: { id, summary: 'a summary' } };
  const type = kind === 'incident' ? 'incident.opened' : 'execution.note';
  const view = {
    kind,
    id,
    expectedVersion: 0,
    at: EVIDENCE_START,
    body: { id, status: 'RUNNING', incidentId: parent, planHash: '' },
  };
  const records = [{ type, v: 1, at: EVIDENCE_START, data }];
  const [result] = await journal.commit([
    {
      appends: [{ stream: `${kind}/${id}`, expectedSeq: 0, records }],
      views: [parent === null ? view : { ...view, parent }],
    },
  ]);
  expect(result?.status).toBe('applied');
}

const CTX: CallContext = {
  principal: {
    userId: 'usr_1',
    kind: 'person',
    name: 'Ada',
    roles: ['LEGAL'],
    linkedAccounts: [],
    provenBy: 'key',
    keyId: 'key_1',
    keyIssuedBy: 'usr_1',
    scopes: null,
    source: null,
  },
  traceId: '1'.repeat(32),
  correlationId: 'test',
  now: EVIDENCE_START + 60_000,
  idempotencyKey: null,
};
const REQUEST = { incidentId: 'inc_1', reason: 'for the police', without: [] };

async function archiveOf(sealed: SealedBundle): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of sealed.content()) blocks.push(block);
  return Buffer.concat(blocks);
}

function verify(bytes: Buffer): Promise<BundleVerification> {
  return verifyBundle(tarSource(blocksIn(bytes)), { keys: null, anchors: [], roots: [] });
}

async function exported(bundles: BundleService, request: BundleRequest) {
  const { data } = await bundles.order(CTX, request);
  return bundles.take(CTX, { id: typeof data['id'] === 'string' ? data['id'] : '' });
}

describe('the bundle of an incident', () => {
  it('holds its artefacts, all records of it with their custody, and the record of this export', async () => {
    const { bundles, ids, bed } = await scene();
    const { bundleId, sealed } = await exported(bundles, REQUEST);
    const bytes = await archiveOf(sealed);
    expect(bytes.length).toBe(sealed.size);
    const verified = await verify(bytes);
    expect([verified.verdict, verified.problem]).toEqual(['intact', null]);
    expect(verified.manifest?.streams.map(({ stream }) => stream)).toEqual(
      [`bundle/${bundleId}`, ...ids.map((id) => `evidence/${id}`), 'execution/exe_1', 'incident/inc_1'].toSorted(),
    );
    expect(verified.manifest?.artifacts.map(({ file }) => file)).toEqual(
      expect.arrayContaining(ids.map((id) => `evidence/${id}`)),
    );
    for (const id of ids) {
      const records = await bed.journal.readStream(`evidence/${id}`);
      expect(records.at(-1)?.record).toMatchObject({
        type: 'evidence.exported',
        data: { by: 'usr_1', reason: 'for the police', into: bundleId },
      });
    }
    const [made] = await bed.journal.readStream(`bundle/${bundleId}`);
    expect(made?.record).toMatchObject({ type: 'evidence.bundle_exported', data: { incidentId: 'inc_1' } });
    expect(made?.record.data['artifacts']).toHaveLength(3);
    expect(bytes.includes('first')).toBe(true);
  });

  it('leaves out what it is asked to, and says so; an unknown id is refused before anything is on record', async () => {
    const { bundles, ids, bed } = await scene();
    const [first = '', second = ''] = ids;
    const { sealed } = await exported(bundles, { ...REQUEST, without: [first] });
    expect((await verify(await archiveOf(sealed))).verdict).toBe('intact');
    expect(sealed.manifest.artifacts.find(({ evidenceId }) => evidenceId === first)).toMatchObject({ file: null });
    const custody = async (id: string) =>
      (await bed.journal.readStream(`evidence/${id}`)).map(({ record }) => record.type);
    expect(await custody(first)).not.toContain('evidence.exported');
    expect(await custody(second)).toContain('evidence.exported');
    await expect(bundles.order(CTX, { ...REQUEST, without: ['evi_none'] })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(await bed.journal.streams('bundle/')).toHaveLength(1);
  });

  it('breaks off where an artefact is no longer what was preserved', async () => {
    const { bundles, ids, bed } = await scene();
    const id = ids[1] ?? '';
    const folder = join(bed.vaultFolder, 'objects', id.slice(-2), id);
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      if (!readFileSync(file).equals(Buffer.from('second'))) continue;
      chmodSync(file, 0o600);
      writeFileSync(file, 'SECOND');
    }
    const { sealed } = await exported(bundles, REQUEST);
    await expect(archiveOf(sealed)).rejects.toThrow();
  });

  it('goes out without a time stamp where the authority is away, and somebody is told', async () => {
    const away = { name: 'tsa.example', stamp: () => Promise.reject(new Error('away')) };
    const { bundles, unstamped } = await scene({ authority: away });
    const verified = await verify(await archiveOf((await exported(bundles, REQUEST)).sealed));
    expect([verified.verdict, verified.stamps]).toEqual(['intact', []]);
    expect(unstamped).toHaveLength(1);
  });

  it('of an incident without evidence has its records; of none there is none', async () => {
    const { bundles } = await scene();
    const { sealed } = await exported(bundles, { ...REQUEST, incidentId: 'inc_2' });
    expect(sealed.manifest.artifacts).toEqual([]);
    expect((await verify(await archiveOf(sealed))).verdict).toBe('intact');
    await expect(bundles.order(CTX, { ...REQUEST, incidentId: 'inc_3' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('evidence export', () => {
  it('writes the bundle of a running server, verifies it, and never over another', async () => {
    const house = await startHarness();
    closers.push(() => house.stop());
    const time = new Date().toISOString();
    const event = { id: 'a1', kind: 'alert', action: 'edr.alert', severity: 'HIGH', subject: 'anna', time };
    expect((await house.admin.api('POST', '/api/events', event)).status).toBe(200);
    const [incident] = (await house.admin.api('GET', '/api/incidents')).body.data;
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-export-'));
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    let said = '';
    const io = {
      ...processIo(),
      env: { FIREBREAK_API_KEY: house.admin.key },
      stdout: { write: (text: string) => void (said += text) },
    };
    const out = join(folder, 'bundle.tar');
    const options = { url: house.url, incident: incident.id, out, reason: 'for the police', json: false };
    expect(await evidenceExportCommand(options, io)).toBe(0);
    expect(said).toContain('check it with: firebreak evidence verify');
    expect((await verify(readFileSync(out))).manifest).toMatchObject({
      incidentId: incident.id,
      exportedBy: house.admin.id,
    });
    expect(readFileSync(out).includes('Ada Admin')).toBe(true);
    await expect(evidenceExportCommand(options, io)).rejects.toMatchObject({ code: 'conflict' });
    const none = { ...options, incident: 'inc_none', out: join(folder, 'none.tar') };
    await expect(evidenceExportCommand(none, io)).rejects.toMatchObject({ code: 'not_found' });
    expect(await readdir(folder)).toEqual(['bundle.tar']);
    const refused = await house.admin.api('POST', '/api/evidence-bundles', { incidentId: '../x', reason: '' });
    expect(refused.status).toBe(400);
  });
});
