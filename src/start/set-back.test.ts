import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { LogStore } from '../journal/journal.ts';
import { origin, signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, leafHash } from '../pipeline/audit/merkle.ts';
import { lookBack } from './set-back.ts';

/** A log of a few leaves against what was published of it. */

const dataDir = mkdtempSync(join(tmpdir(), 'firebreak-set-back-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

const key = generateKeyPairSync('ed25519');
const name = origin('jrn_1', { accelerated: false, generation: 1 });
const leaves = ['a', 'b', 'c', 'd', 'e'].map((bytes) => leafHash(bytes));
const rootOf = (hashes: readonly string[]): string => frontierRoot(appendLeaves(EMPTY_FRONTIER, hashes));
const note = (hashes: readonly string[], signer = key): string =>
  signCheckpoint({ origin: name, size: hashes.length, root: rootOf(hashes) }, signer);

/** A journal that holds these leaves, and signed the last of them. */
function journalOf(hashes: readonly string[], signed: readonly string[] = hashes) {
  const never = async (): Promise<never> => Promise.reject(new Error('not asked for'));
  const log: LogStore = {
    size: async () => hashes.length,
    leafHashes: async (from, to) => hashes.slice(from, to),
    checkpoints: async () => (signed.length === 0 ? [] : [{ size: signed.length, at: 0, note: note(signed) }]),
    unsequenced: never,
    recordRows: never,
    place: never,
    leaves: never,
    addCheckpoint: never,
  };
  return { id: 'jrn_1', accelerated: false, log, readStream: async () => [] };
}

const published = (...notes: readonly string[]): void => {
  writeFileSync(join(dataDir, 'checkpoints.txt'), '');
  for (const each of notes) appendFileSync(join(dataDir, 'checkpoints.txt'), `${each}\n`);
};
const look = (journal: ReturnType<typeof journalOf>) =>
  lookBack(journal, { dataDir, witness: null }, key, (thrown) => {
    throw thrown;
  });

describe('a journal beside what was published of it', () => {
  it('is in use when nothing was published', async () => {
    published();
    expect(await look(journalOf(leaves))).toBeNull();
  });

  it('is in use when it bears out the newest checkpoint, also where the last signature was not published', async () => {
    published(note(leaves.slice(0, 2)), note(leaves));
    expect(await look(journalOf(leaves))).toBeNull();
    expect(await look(journalOf([...leaves, leafHash('f')], leaves))).toBeNull();
    published(note(leaves.slice(0, 3)));
    expect(await look(journalOf(leaves))).toBeNull();
  });

  it('is set back when it holds less', async () => {
    published(note(leaves));
    expect(await look(journalOf(leaves.slice(0, 4), leaves.slice(0, 3)))).toEqual({
      size: 4,
      signedSize: 3,
      lost: [{ anchor: 'checkpoints.txt', origin: name, size: 5, root: rootOf(leaves) }],
    });
  });

  it('is set back when it has grown in another way since', async () => {
    const other = [...leaves.slice(0, 3), leafHash('x'), leafHash('y'), leafHash('z')];
    published(note(leaves));
    expect(await look(journalOf(other))).toMatchObject({ size: 6, lost: [{ size: 5 }] });
    expect(await look(journalOf(other.slice(0, 5)))).toMatchObject({ size: 5, lost: [{ size: 5 }] });
  });

  it('believes no note that is signed with another key', async () => {
    published(note(leaves, generateKeyPairSync('ed25519')));
    expect(await look(journalOf(leaves.slice(0, 2)))).toBeNull();
  });
});
