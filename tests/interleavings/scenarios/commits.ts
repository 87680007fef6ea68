import { expect } from 'vitest';
import type { Change, ChangeResult, DetectorStateWrite, View } from '../../../src/journal/journal.ts';
import { accepted, append, AT } from '../../support/journal-conformance.ts';
import type { Played } from '../play.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

export const TWO = [{ name: 'one' }, { name: 'two' }] as const;
export const THREE = [...TWO, { name: 'three' }] as const;

export async function commitAll(world: World, process: string, ...changes: readonly Change[]): Promise<void> {
  const results = await world.journal(process).commit(changes);
  const stale = results.find(({ status }) => status === 'stale');
  if (stale !== undefined) throw new Error(`prepared in vain: ${JSON.stringify(stale)}`);
}

export function commit(world: World, process: string, ...changes: readonly Change[]) {
  return (): Promise<readonly ChangeResult[]> => world.journal(process).commit(changes);
}

/** What became of the first change of each thread, whoever was first. */
function firstOf(played: Played): readonly string[] {
  return [...played.outcomes.keys()]
    .map((thread) => (answerOf(played, thread) as readonly ChangeResult[])[0]?.status ?? 'nothing') // as `commit` answers
    .sort();
}

/** One of them is first, and all others hear that they were not. */
function oneIsApplied(played: Played): void {
  const [first, ...others] = firstOf(played);
  expect([first, ...others]).toEqual(['applied', ...others.map(() => 'stale')]);
}

export function view(id: string, body: string, more: Partial<View> = {}): View {
  return { kind: 'finding', id, expectedVersion: null, at: AT, body, ...more };
}

export function state(key: string, expectedVersion: number, body: string): DetectorStateWrite {
  return { rule: 'r', key, expectedVersion, chosen: true, touchedAt: AT, body };
}

export function rows(more: Omit<Change, 'appends'>): Change {
  return { appends: [], ...more };
}

/** The same place of a stream, and beside it a change of each one's own that the other one's must not take along. */
function sameStream(name: string, expectedSeq: number, processes: readonly { readonly name: string }[]): Scenario {
  return {
    name,
    processes,
    prepare: async (world) => {
      if (expectedSeq > 0) await commitAll(world, 'one', append('s', 0, ...Array<number>(expectedSeq).fill(AT)));
    },
    programs: (world) =>
      Object.fromEntries(
        processes.map((each, index) => [
          'abc'.charAt(index),
          commit(world, each.name, append('s', expectedSeq, AT + index), append(`own/${each.name}`, 0, AT)),
        ]),
      ),
    serializable: true,
    check: oneIsApplied,
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: processes.length === 2 ? 8 : 40 },
  };
}

/** Everything that a commit writes, by name, in the order given. */
function everything(order: readonly string[], body: string, version: number): Change {
  return {
    appends: order.flatMap((name) => append(`s/${name}`, version, AT).appends),
    objects: order.map((hash) => ({ hash, body: 'same' })),
    detectorStates: order.map((key) => state(key, version, body)),
    views: order.map((id) => view(id, body, { uniqueKey: `key of ${id}` })),
    timers: order.map((name) => ({ execution: 'e', name, generation: 1, due: AT })),
    effects: order.map((name) => ({ execution: 'e', name, body })),
  };
}

function sameRows(name: string, version: number): Scenario {
  const names = ['a', 'b', 'c'];
  return {
    name,
    processes: TWO,
    prepare: async (world) => {
      if (version > 0) await commitAll(world, 'one', everything(names, 'before', 0));
    },
    programs: (world) => ({
      a: commit(world, 'one', everything(names, 'x', version)),
      b: commit(world, 'two', everything([...names].reverse(), 'y', version)),
    }),
    serializable: true,
    check: oneIsApplied,
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 15 },
  };
}

/** One version of one row and nothing beside it: whatever else a commit locks would protect it too. */
function sameVersion(name: string, change: (version: number, by: string) => Change): Scenario {
  return {
    name,
    processes: TWO,
    prepare: (world) => commitAll(world, 'one', change(0, 'before')),
    programs: (world) => ({
      a: commit(world, 'one', change(1, 'a')),
      b: commit(world, 'two', change(1, 'b')),
    }),
    serializable: true,
    check: oneIsApplied,
    reaches: [/waits for/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 8 },
  };
}

export const COMMITS: readonly Scenario[] = [
  sameStream('two go on with the same stream', 1, TWO),
  sameStream('two begin the same stream', 0, TWO),
  sameStream('three go on with the same stream', 1, THREE),
  sameStream('three begin the same stream', 0, THREE),
  sameVersion('two write one version of a view', (version, by) =>
    rows({ views: [view('v', by, { expectedVersion: version })] }),
  ),
  sameVersion('two write one version of a detector state', (version, by) =>
    rows({ detectorStates: [state('k', version, by)] }),
  ),
  sameRows('two write the same rows in opposite order', 1),
  sameRows('two write the same new rows in opposite order', 0),
  {
    name: 'two store the same event',
    processes: TWO,
    programs: (world) => ({
      a: commit(world, 'one', rows({ events: [accepted('e1', AT)] }), append('a', 0, AT)),
      b: commit(world, 'two', rows({ events: [accepted('e0', AT), accepted('e1', AT)] }), append('b', 0, AT)),
    }),
    serializable: true,
    check: oneIsApplied,
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 15 },
  },
  {
    name: 'a unique key is passed on while another one wants it',
    processes: TWO,
    prepare: (world) => commitAll(world, 'one', rows({ views: [view('old', 'holds', { uniqueKey: 'k' })] })),
    programs: (world) => ({
      a: commit(
        world,
        'one',
        rows({ views: [view('old', 'gave', { uniqueKey: null }), view('new', 'took', { uniqueKey: 'k' })] }),
      ),
      b: commit(world, 'two', rows({ views: [view('other', 'wants', { uniqueKey: 'k' })] })),
    }),
    serializable: true,
    // It is held before, and after.
    check: oneIsApplied,
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 15 },
  },
  {
    // The only circle that the order of locks leaves open: two unique keys that are taken through views of other names.
    // The third makes the first one stop between its two keys.
    name: 'three wait for each other in a circle of unique keys',
    processes: THREE,
    programs: (world) => {
      const keyed = (id: string, uniqueKey: string): View =>
        view(id, id, { kind: 'incident', expectedVersion: 0, uniqueKey });
      return {
        a: commit(world, 'one', rows({ views: [keyed('a1', 'k1'), keyed('m', 'ka'), keyed('z1', 'k2')] })),
        b: commit(world, 'two', rows({ views: [keyed('a2', 'k2'), keyed('z2', 'k1')] })),
        c: commit(world, 'three', rows({ views: [keyed('m', 'kc')] })),
      };
    },
    serializable: true,
    reaches: [/deadlock detected/],
    suite: { preemptions: 2, faults: 0, schedules: 40, atLeast: 40 },
  },
  {
    name: 'a detector state is forgotten while it is written',
    processes: TWO,
    prepare: (world) => commitAll(world, 'one', rows({ detectorStates: [state('k', 0, 'old'), state('l', 0, 'old')] })),
    programs: (world) => ({
      a: commit(world, 'one', rows({ forgottenStates: [{ chosen: true, before: AT + 1 }] })),
      b: commit(world, 'two', rows({ detectorStates: [{ ...state('k', 1, 'new'), touchedAt: AT + 5 }] })),
    }),
    // A state that somebody works on is left to be forgotten the next time: see `forget`.
    serializable: true,
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 15 },
  },
];
