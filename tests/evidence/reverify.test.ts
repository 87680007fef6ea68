import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import { takeDigestsHere } from '../../src/pipeline/evidence/digests.ts';
import { createEvidenceStore } from '../../src/pipeline/evidence/evidence.store.ts';
import { createHoldKeeping } from '../../src/pipeline/evidence/holds.ts';
import { BYTES_PER_SECOND, reverifyDue } from '../../src/pipeline/evidence/reverify.ts';
import { createVerifying } from '../../src/pipeline/evidence/verifying.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { artifact, bytesOf, evidenceBed, NEVER_ABORTED, type EvidenceBed } from '../support/evidence.ts';

/* Reading everything again from time to time, by a clock that the test moves. */

const DAY_MS = 24 * 3_600_000;
const EVERY_MS = 30 * DAY_MS;

let beds: EvidenceBed[] = [];
afterEach(async () => {
  for (const bed of beds) await bed.stop();
  beds = [];
});

async function opened() {
  const bed = await evidenceBed();
  beds.push(bed);
  const { journal, vault, clock } = bed;
  const told: string[] = [];
  const slept: number[] = [];
  const failed: unknown[] = [];
  const onError = (thrown: unknown): void => void failed.push(thrown);
  const committer = groupCommitter(journal, realMachine);
  const store = createEvidenceStore({ journal, committer, tell: (stream) => void told.push(stream) });
  const holds = createHoldKeeping({ journal, store, vault, onError });
  const verifying = createVerifying({ store, vault, clock, holds, takeDigests: takeDigestsHere });
  const machine = { ...realMachine, sleep: async (ms: number) => void slept.push(ms) };
  const ports = {
    journal,
    verifying,
    vaultId: vault.id,
    clock,
    machine,
    closing: NEVER_ABORTED,
    everyMs: EVERY_MS,
    onError,
  };
  return { bed, told, slept, failed, round: () => reverifyDue(ports) };
}

async function typesOf({ journal }: EvidenceBed, id: string): Promise<readonly string[]> {
  return (await journal.readStream(`evidence/${id}`)).map(({ record }) => record.type.slice('evidence.'.length));
}

function change({ vaultFolder }: EvidenceBed, id: string, sha256: string, text: string): void {
  const path = join(vaultFolder, 'objects', id.slice(-2), id, sha256);
  chmodSync(path, 0o600);
  writeFileSync(path, text);
  chmodSync(path, 0o400);
}

it('reads each artefact when its time has come, tells people what was changed, and goes on until it is restored', async () => {
  const { bed, told, slept, failed, round } = await opened();
  const [sound, changed] = await Promise.all(
    ['sound', 'changed'].map((text) => bed.desk.preserve(artifact({ key: text }), bytesOf(text), NEVER_ABORTED)),
  );
  if (sound === undefined || changed === undefined) throw new Error('two were taken');
  change(bed, changed.evidenceId, changed.sha256, 'chanGed');
  // Nothing is due before its time.
  bed.clock.advanceTo(bed.clock.now() + EVERY_MS - 1);
  expect(await round()).toBe(0);
  bed.clock.advanceTo(bed.clock.now() + 1);
  expect(await round()).toBe(2);
  expect(await typesOf(bed, sound.evidenceId)).toEqual(['begun', 'preserved', 'verified']);
  expect(await typesOf(bed, changed.evidenceId)).toEqual(['begun', 'preserved', 'alarm']);
  expect(told).toEqual([`evidence/${changed.evidenceId}`]);
  // No faster than it may: a pause for what was read.
  expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(('soundchanGed'.length / BYTES_PER_SECOND) * 1_000);
  // Both were seen; an alarm is not raised anew with each look.
  expect(await round()).toBe(0);
  change(bed, changed.evidenceId, changed.sha256, 'changed');
  bed.clock.advanceTo(bed.clock.now() + EVERY_MS);
  expect(await round()).toBe(2);
  expect((await typesOf(bed, changed.evidenceId)).at(-1)).toBe('verified');
  expect(told).toHaveLength(1);
  expect(failed).toEqual([]);
});

it('goes by the records after a restart, and leaves out what is gone', async () => {
  const { bed, round } = await opened();
  const { evidenceId } = await bed.desk.preserve(artifact(), bytesOf('x'), NEVER_ABORTED);
  bed.clock.advanceTo(bed.clock.now() + EVERY_MS);
  expect(await round()).toBe(1);
  const next = await bed.again();
  await next.settle();
  expect(await round()).toBe(0);
  expect(await typesOf(bed, evidenceId)).toEqual(['begun', 'preserved', 'verified']);
});
