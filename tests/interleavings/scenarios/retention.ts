import { expect } from 'vitest';
import type { Change, ChangeResult } from '../../../src/journal/journal.ts';
import type { Json } from '../../../src/platform/canonical-json.ts';
import { leafHash } from '../../../src/pipeline/audit/merkle.ts';
import { append, AT } from '../../support/journal-conformance.ts';
import type { Played } from '../play.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { commit, commitAll, rows, THREE, TWO, view } from './commits.ts';

const STREAM = 'execution/exe_1';
const ended = view('exe_1', 'ended', { kind: 'execution' });

async function placeAll(world: World): Promise<void> {
  const { log } = world.journal('one');
  const size = await log.size();
  const waiting = await log.unsequenced(100);
  await log.place(
    size,
    waiting.map(({ stream, seq, bytes }, index) => ({
      position: size + index,
      stream,
      seq,
      leafHash: leafHash(bytes),
    })),
  );
}

async function endedExecution(world: World): Promise<void> {
  await commitAll(world, 'one', { ...append(STREAM, 0, AT, AT), views: [ended] }, append('execution/exe_2', 0, AT));
  await placeAll(world);
}

/** Takes out the execution as an archive names it, which looked at it when nobody else was awake. */
function remove(world: World, process: string) {
  return async (): Promise<unknown> => {
    const { retention } = world.journal(process);
    const head = await world.journal(process).streamHead(STREAM);
    return retention.removeStreams([
      {
        stream: STREAM,
        seq: 2,
        hash: head?.hash ?? '',
        execution: 'exe_1',
        views: [{ kind: 'execution', id: 'exe_1' }],
        marker: { at: AT, body: 'archive' },
      },
    ]);
  };
}

/** A timer and an effect of the execution; null takes them away. */
function owed(due: number | null, body: Json | null): Pick<Change, 'timers' | 'effects'> {
  return {
    timers: [{ execution: 'exe_1', name: 't', generation: 1, due }],
    effects: [{ execution: 'exe_1', name: 'e', body }],
  };
}

/** It went on, or it is gone; and it is taken out once at most. */
function requireOneOfThem(removers: readonly string[], committer: string) {
  return (played: Played): void => {
    const removed = removers.filter((thread) => JSON.stringify(answerOf(played, thread)) === JSON.stringify([STREAM]));
    const [result] = answerOf(played, committer) as readonly ChangeResult[]; // as `commit` answers
    expect(removed.length + (result?.status === 'applied' ? 1 : 0)).toBe(1);
  };
}

const goOn = { ...append(STREAM, 2, AT), views: [view('exe_1', 'goes on', { kind: 'execution' })] };

export const RETENTION: readonly Scenario[] = [
  {
    name: 'a stream is taken out while somebody goes on with it',
    processes: TWO,
    prepare: endedExecution,
    programs: (world) => ({
      a: remove(world, 'one'),
      b: commit(world, 'two', goOn, append('execution/exe_2', 1, AT)),
    }),
    serializable: true,
    check: requireOneOfThem(['a'], 'b'),
    reaches: [/a ended with \["execution/, /b ended with .*stale/, /waits for/],
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 30 },
  },
  {
    name: 'a stream is taken out while what it owes is done',
    processes: TWO,
    prepare: async (world) => {
      await endedExecution(world);
      await commitAll(world, 'one', rows(owed(AT, {})));
    },
    programs: (world) => ({
      a: remove(world, 'one'),
      b: commit(world, 'two', { ...append(STREAM, 2, AT), ...owed(null, null) }),
    }),
    serializable: true,
    // Before, something is owed; after, it has gone on.
    check: (played) => {
      expect(answerOf(played, 'a')).toEqual([]);
      expect(answerOf(played, 'b')).toMatchObject([{ status: 'applied' }]);
    },
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 30 },
  },
  {
    name: 'two take out the same stream while a third goes on with it',
    processes: THREE,
    prepare: endedExecution,
    programs: (world) => ({
      a: remove(world, 'one'),
      b: remove(world, 'two'),
      c: commit(world, 'three', goOn),
    }),
    serializable: true,
    check: requireOneOfThem(['a', 'b'], 'c'),
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 40 },
    all: { schedules: 1_000 },
  },
];
