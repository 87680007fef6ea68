import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { origin, signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, leafHash, type Frontier } from '../pipeline/audit/merkle.ts';
import { noteKey } from '../pipeline/audit/signed-note.ts';
import type { Change, StoredView } from './journal.ts';
import { keptFrontier } from './kept-frontier.ts';

const NAME = origin('jrn_test', { accelerated: false, generation: 1 });
const pair = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const key = noteKey(NAME, pair.publicKey);

/** A fake journal of one row, with a count of its commits. */
let row: StoredView | null;
let commits: number;
const journal = {
  view: async () => row,
  async commit(changes: readonly Change[]) {
    commits += 1;
    for (const { at, body } of changes.flatMap(({ views = [] }) => views))
      row = { id: 'frontier', version: 1, at, body };
    return [];
  },
};
beforeEach(() => {
  row = null;
  commits = 0;
});

function frontierOf(size: number): Frontier {
  return appendLeaves(
    EMPTY_FRONTIER,
    Array.from({ length: size }, (_, index) => leafHash(`leaf ${index}`)),
  );
}

function noteFor(frontier: Frontier, signing = pair): string {
  return signCheckpoint({ origin: NAME, size: frontier.size, root: frontierRoot(frontier) }, signing);
}

const kept = frontierOf(20_001);

describe('the kept frontier', () => {
  it('is what it was at its checkpoint, in the next process', async () => {
    await keptFrontier(journal, key).keep(kept, noteFor(kept), 1);
    expect(await keptFrontier(journal, key).read(20_001)).toEqual(kept);
    expect(await keptFrontier(journal, key).read(500_000)).toEqual(kept);
  });

  it('is due only after many leaves', async () => {
    const frontier = keptFrontier(journal, key);
    expect(frontier.isDue(frontierOf(19_999))).toBe(false);
    expect(frontier.isDue(kept)).toBe(true);
    await frontier.keep(kept, noteFor(kept), 1);
    expect(frontier.isDue(frontierOf(20_005))).toBe(false);
    const next = keptFrontier(journal, key);
    await next.read(20_001);
    expect(next.isDue(frontierOf(20_005))).toBe(false);
    expect(commits).toBe(1);
  });

  it('counts for nothing in a shorter log, by another key, of another size or root, or when it is no frontier', async () => {
    const other = appendLeaves(kept, [leafHash('one more')]);
    const [, ...fewer] = kept.hashes;
    const cases: readonly unknown[] = [
      null,
      'text',
      { ...kept, note: noteFor(kept, stranger) },
      { ...kept, note: noteFor(other) },
      { ...other, note: noteFor(kept) },
      { ...kept, hashes: [...fewer, leafHash('x')], note: noteFor(kept) },
      { ...kept, hashes: fewer, note: noteFor(kept) },
      { ...kept, hashes: ['short'], note: noteFor(kept) },
      { ...kept, size: -1, note: noteFor(kept) },
      { ...kept, note: 'none' },
    ];
    for (const body of cases) {
      // Whatever a row may hold.
      row = { id: 'frontier', version: 1, at: 1, body: body as StoredView['body'] };
      expect(await keptFrontier(journal, key).read(1_000_000), JSON.stringify(body)).toEqual(EMPTY_FRONTIER);
    }
    row = { id: 'frontier', version: 1, at: 1, body: { ...kept, hashes: [...kept.hashes], note: noteFor(kept) } };
    expect(await keptFrontier(journal, key).read(20_000)).toEqual(EMPTY_FRONTIER);
  });
});
