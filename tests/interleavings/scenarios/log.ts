import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'vitest';
import { openLogKeeper, type LogKeeper } from '../../../src/journal/log-keeper.ts';
import { leafHash } from '../../../src/pipeline/audit/merkle.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { append, AT } from '../../support/journal-conformance.ts';
import { expectIntact } from '../../support/records.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { commit, commitAll, THREE, TWO } from './commits.ts';

/** Gives a place to what waits for one, as the log's keeper does it. */
async function placeWaiting(world: World, process: string): Promise<string> {
  const { log } = world.journal(process);
  const size = await log.size();
  const waiting = await log.unsequenced(10);
  if (waiting.length === 0) return 'nothing';
  const leaves = waiting.map(({ stream, seq, bytes }, index) => ({
    position: size + index,
    stream,
    seq,
    leafHash: leafHash(bytes),
  }));
  return (await log.place(size, leaves)) ? 'placed' : 'refused';
}

const SIGNING = generateKeyPairSync('ed25519');

export const LOG: readonly Scenario[] = [
  {
    name: 'two give places in the log while a third commits',
    processes: THREE,
    prepare: async (world) => {
      await commitAll(world, 'one', append('s/1', 0, AT), append('s/2', 0, AT));
      await placeWaiting(world, 'one');
      await commitAll(world, 'one', append('s/1', 1, AT), append('s/2', 1, AT));
    },
    programs: (world) => ({
      a: () => placeWaiting(world, 'one'),
      b: () => placeWaiting(world, 'two'),
      // In a stream that comes before what is placed already: a cursor would have passed it by.
      c: commit(world, 'three', append('s/1', 2, AT)),
    }),
    async check(played, rows, world) {
      const answers = ['a', 'b'].map((thread) => answerOf(played, thread));
      expect(answers).toContain('placed');
      expect(rows.leaves.length + rows.unsequenced).toBe(5);
      // Whoever comes last finds all that is left.
      await placeWaiting(world, 'two');
      expect(await world.journal('one').log.size()).toBe(5);
      await expectIntact(world.journal('three'), SIGNING);
    },
    reaches: [/a ended with "refused"/, /b ended with "refused"/, /waits for/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 40 },
    all: { schedules: 1_000 },
  },
  {
    name: 'two keepers of the log place and sign at the same time',
    processes: TWO,
    prepare: async (world) => {
      const clock = systemClock();
      for (const [index, process] of ['one', 'two'].entries()) {
        keepers[index] = await openLogKeeper(world.journal(process), SIGNING, clock, []);
      }
      await commitAll(world, 'one', append('s/1', 0, AT, AT), append('s/2', 0, AT));
    },
    programs: () => ({
      a: async () => keepers[0]?.keep(true),
      b: async () => keepers[1]?.keep(true),
    }),
    async check(played, rows, world) {
      for (const thread of ['a', 'b']) answerOf(played, thread);
      expect(rows.leaves).toHaveLength(3);
      expect(rows.checkpoints.map(({ size }) => size)).toEqual([3]);
      await expectIntact(world.journal('two'), SIGNING);
    },
    reaches: [/waits for/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 20 },
  },
  {
    name: 'two add a checkpoint of the same size',
    processes: TWO,
    programs: (world) => ({
      a: () => world.journal('one').log.addCheckpoint({ size: 1, at: AT, note: 'of a' }),
      b: () => world.journal('two').log.addCheckpoint({ size: 1, at: AT, note: 'of b' }),
    }),
    serializable: true,
    check(played, { checkpoints }) {
      const winner = ['a', 'b'].filter((thread) => answerOf(played, thread) === true);
      expect(winner).toHaveLength(1);
      expect(checkpoints).toEqual([{ size: 1, note: `of ${winner[0]}` }]);
    },
    reaches: [/waits for/],
    suite: { preemptions: 2, faults: 0, schedules: 40, atLeast: 12 },
  },
];

const keepers: (LogKeeper | undefined)[] = [];
