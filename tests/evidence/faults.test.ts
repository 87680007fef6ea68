import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { foldEvidence } from '../../src/pipeline/evidence/custody.ts';
import type { Evidence } from '../../src/pipeline/evidence/evidence.ts';
import {
  artifact,
  bytesOf,
  evidenceBed,
  NEVER_ABORTED,
  type BedOptions,
  type EvidenceBed,
} from '../support/evidence.ts';

/** What fails under an artefact while it is taken: what came is kept, says that it is not the whole, and the next try works. */

const DIGEST_THREAD = new URL('../support/digest-thread.js', import.meta.url);
const MIB = 1024 * 1024;

let beds: EvidenceBed[] = [];
afterEach(async () => {
  for (const bed of beds) await bed.stop();
  beds = [];
});

async function opened(options?: BedOptions): Promise<EvidenceBed> {
  const bed = await evidenceBed(options);
  beds.push(bed);
  return bed;
}

async function stateOf({ journal }: EvidenceBed, id: string): Promise<Evidence> {
  const folded = foldEvidence((await journal.readStream(`evidence/${id}`)).map(({ record }) => record));
  if (folded === null) throw new Error('there are no records of it');
  return folded;
}

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
