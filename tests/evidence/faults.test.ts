import { createHash } from 'node:crypto';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fullDisk } from '../support/ill-stores.ts';
import { writeCase } from '../support/evidence-case.ts';
import { callOf } from '../support/person.ts';
import { artifact, bedsOfTests, bytesOf, EVIDENCE_START, NEVER_ABORTED, stateOf } from '../support/evidence.ts';

/** What fails under an artefact while it is taken: what came is kept, says that it is not the whole, and the next try works. */

const DIGEST_THREAD = new URL('../support/digest-thread.js', import.meta.url);
const MIB = 1024 * 1024;
/** A store with less room than the artefact needs, in MiB. Made now: whether it can be decides what runs. */
const disk = fullDisk(6);
afterAll(() => disk?.remove());
if (disk === null) process.stderr.write('LOUD SKIP: no file system can be mounted here; a full disk is not tested\n');

const opened = bedsOfTests();

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('threads that take digests', () => {
  const bytes = Buffer.alloc(5 * MIB + 17, 'evidence');
  const fatal = Buffer.alloc(MIB, 0xdd);

  it('say of an artefact what it is', async () => {
    const bed = await opened({ digestThread: DIGEST_THREAD });
    const kept = await bed.desk.preserve(artifact(), bytesOf(bytes), NEVER_ABORTED);
    expect(kept).toMatchObject({ size: bytes.length, sha256: sha256(bytes), complete: true });
  });

  it.each([
    ['while it comes', ''],
    ['at its end', '?dies=finish'],
  ])('and die %s leave what came, marked and never as the whole; the next try has it all', async (_when, how) => {
    const bed = await opened({ digestThread: new URL(how, DIGEST_THREAD) });
    const first = bed.desk.preserve(artifact(), bytesOf(fatal, bytes), NEVER_ABORTED);
    await expect(first).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('thread'),
    });
    const rest = await bed.desk.find('action-1/0');
    expect(rest).toMatchObject({ complete: false });
    const { integrity, exceptions, storage } = await stateOf(bed, rest?.evidenceId ?? '');
    expect(exceptions).toEqual([expect.stringContaining('The thread that takes digests is gone')]);
    const folder = join(bed.vaultFolder, 'objects', storage.ref.slice(-2), storage.ref);
    const there = await readFile(join(folder, `${integrity?.sha256}.partial`));
    expect([there.length, sha256(there)]).toEqual([integrity?.size, integrity?.sha256]);
    expect(Buffer.concat([fatal, bytes]).subarray(0, there.length).equals(there)).toBe(true);
    const whole = await bed.desk.preserve(artifact(), bytesOf(bytes), NEVER_ABORTED);
    expect(whole).toMatchObject({ sha256: sha256(bytes), complete: true });
  });
});

describe.skipIf(disk === null)('a disk that is full in the middle of an artefact', () => {
  const EVIDENCE_DIR = join(disk?.dataDir ?? '', 'evidence');

  it('leaves what fitted, marked and on record; what was there is intact, and there is a next time', async () => {
    const bed = await opened({ env: { EVIDENCE_DIR } });
    const before = await bed.desk.preserve(artifact({ key: 'before' }), bytesOf('before'), NEVER_ABORTED);
    const bytes = Buffer.alloc(9 * MIB, 'evidence');
    const taking = bed.desk.preserve(artifact(), bytesOf(bytes), NEVER_ABORTED);
    await expect(taking).rejects.toMatchObject({ code: 'store_unavailable' });
    const rest = await bed.desk.find('action-1/0');
    expect(rest?.complete).toBe(false);
    const { integrity, exceptions, storage } = await stateOf(bed, rest?.evidenceId ?? '');
    expect(exceptions).toEqual([expect.stringContaining('ENOSPC')]);
    const folder = join(bed.vaultFolder, 'objects', storage.ref.slice(-2), storage.ref);
    const there = await readFile(join(folder, `${integrity?.sha256}.partial`));
    expect(there.length).toBeGreaterThan(3 * MIB);
    expect([there.length, sha256(there)]).toEqual([integrity?.size, integrity?.sha256]);
    expect(there.equals(bytes.subarray(0, there.length))).toBe(true);
    const { data } = await bed.service.examine(callOf('ada', bed.clock.now()), { id: before.evidenceId });
    expect(data['alarm']).toBeNull();
    // Somebody makes room: here the rest itself is let go by the operator's own hand.
    rmSync(folder, { recursive: true });
    const small = await bed.desk.preserve(artifact(), bytesOf(bytes.subarray(0, 2 * MIB)), NEVER_ABORTED);
    expect(small).toMatchObject({ complete: true, size: 2 * MIB });
  });

  it('takes nothing of an artefact when there is no room at all, and says so', async () => {
    const bed = await opened({ env: { EVIDENCE_DIR } });
    const ballast = join(disk?.dataDir ?? '', 'ballast');
    const { bfree, bsize } = statfsSync(disk?.dataDir ?? '');
    writeFileSync(ballast, Buffer.alloc(bfree * bsize));
    const key = 'no-room';
    const taking = bed.desk.preserve(artifact({ key }), bytesOf('some bytes'), NEVER_ABORTED);
    await expect(taking).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await bed.desk.find(key)).toBeNull();
    rmSync(ballast);
    expect(await bed.desk.preserve(artifact({ key }), bytesOf('some bytes'), NEVER_ABORTED)).toMatchObject({
      size: 10,
    });
  });
});

describe('a hold on all of an incident', () => {
  it('is also on what comes later, at the store too, and ends with it', async () => {
    const bed = await opened({ env: { EVIDENCE_RETENTION_DAYS: '0' } });
    await writeCase(bed.journal);
    const first = await bed.desk.preserve(artifact({ key: 'first' }), bytesOf('first'), NEVER_ABORTED);
    const { holdId } = await bed.desk.holdAll({ key: 'hold', origin: artifact().origin, reason: 'litigation' });
    const later = await bed.desk.preserve(artifact({ key: 'later' }), bytesOf('later'), NEVER_ABORTED);
    const call = callOf('ada', bed.clock.now());
    const dispose = (id: string) => bed.service.dispose(call, { id, witness: 'bob', how: 'destroyed', reason: 'x' });
    for (const { evidenceId: ref, sha256: digest } of [first, later]) {
      expect(await bed.vault.stat({ ref, sha256: digest })).toMatchObject({ held: true });
      await expect(dispose(ref)).rejects.toThrow('legal hold');
    }
    await bed.service.release(call, { id: holdId, reason: 'over' });
    expect((await dispose(later.evidenceId)).data['status']).toBe('DISPOSED');
  });
});

describe('a clock that is set back while an artefact is taken', () => {
  it('neither puts its records in the wrong order nor shortens its term, and is noted', async () => {
    let now = EVIDENCE_START;
    const clock = { accelerated: true, now: () => now, monotonic: () => performance.now(), advanceTo: () => undefined };
    const bed = await opened({ clock, clockJumpMs: () => now - EVIDENCE_START });
    const content = (async function* () {
      yield Buffer.from('before');
      now -= 3_600_000;
      yield Buffer.from('after');
    })();
    const { evidenceId } = await bed.desk.preserve(artifact(), content, NEVER_ABORTED);
    const state = await stateOf(bed, evidenceId);
    expect(state.acquisition).toMatchObject({ startedAt: EVIDENCE_START, endedAt: EVIDENCE_START });
    expect(state.storage.retainUntil).toBe(EVIDENCE_START + 365 * 24 * 3_600_000);
    expect(state.exceptions).toEqual([expect.stringContaining('3600 s off')]);
    await bed.service.examine(callOf('ada', now), { id: evidenceId });
    const times = (await bed.journal.readStream(`evidence/${evidenceId}`)).map(({ record }) => record.at);
    expect(times).toEqual(times.toSorted((left, right) => left - right));
  });
});
