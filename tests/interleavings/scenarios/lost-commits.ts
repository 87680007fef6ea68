import { expect } from 'vitest';
import { StoreUnavailableError, type ChangeResult } from '../../../src/journal/journal.ts';
import { append, AT } from '../../support/journal-conformance.ts';
import type { Rows } from '../intact.ts';
import type { Played } from '../play.ts';
import type { Scenario } from '../scenario.ts';
import { commit, commitAll, THREE, TWO } from './commits.ts';

/** What a process was told about its one change is what the journal holds of it. */
function requireTruth(played: Played, rows: Rows, threads: readonly string[]): void {
  const applied = threads.filter((thread) => {
    const outcome = played.outcomes.get(thread);
    if (outcome === undefined) throw new Error(`${thread} has not ended`);
    // Whoever is told nothing must not be told that it is certain.
    if ('thrown' in outcome) {
      expect(outcome.thrown).toBeInstanceOf(StoreUnavailableError);
      expect(outcome.thrown).toMatchObject({ unknown: true });
      return false;
    }
    const [result] = outcome.value as readonly ChangeResult[]; // as the program answers
    if (result?.status !== 'applied') return false;
    const hashes = rows.records.filter(({ stream }) => stream === 's').map(({ hash }) => hash);
    expect(hashes).toEqual(expect.arrayContaining([...result.hashes]));
    return true;
  });
  expect(applied, 'applied by one of them').toHaveLength(1);
  expect(rows.records.filter(({ stream }) => stream === 's').map(({ seq }) => seq)).toEqual([1, 2]);
}

/** The names of the ways in which a COMMIT is lost stand in `play.ts`. */
export const LOST_COMMITS: readonly Scenario[] = [
  {
    name: 'a commit of which the answer is lost, beside another one',
    processes: TWO,
    losesCommits: ['a'],
    prepare: (world) => commitAll(world, 'one', append('s', 0, AT)),
    programs: (world) => ({
      a: commit(world, 'one', append('s', 1, AT + 1)),
      b: commit(world, 'two', append('s', 1, AT + 2)),
    }),
    check: (played, rows) => requireTruth(played, rows, ['a', 'b']),
    reaches: [/arrives late$/, /arrives late -> /, /^a\+ {2}commit$/, /a ended with .*stale/, /a ended with .*applied/],
    suite: { preemptions: 1, faults: 1, schedules: 60, atLeast: 60 },
  },
  {
    name: 'a commit of one of two is lost',
    processes: THREE,
    losesCommits: ['a', 'b'],
    prepare: (world) => commitAll(world, 'one', append('s', 0, AT)),
    programs: (world) => ({
      a: commit(world, 'one', append('s', 1, AT + 1)),
      b: commit(world, 'two', append('s', 1, AT + 2)),
      c: commit(world, 'three', append('s', 1, AT + 3)),
    }),
    check: (played, rows) => requireTruth(played, rows, ['a', 'b', 'c']),
    suite: { preemptions: 1, faults: 1, schedules: 40, atLeast: 40 },
    all: { preemptions: 1, schedules: 1_000 },
  },
];
