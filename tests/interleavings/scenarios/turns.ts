import { expect } from 'vitest';
import type { Played } from '../play.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { THREE, TWO } from './commits.ts';

/** What the works saw of each other, in the order in which it happened. */
const seen: string[] = [];

function works(world: World, processes: readonly { readonly name: string }[]) {
  seen.length = 0;
  return Object.fromEntries(
    processes.map(({ name }, index) => {
      const { turns, log } = world.journal(name);
      const thread = 'abc'.charAt(index);
      const work = async (): Promise<string> => {
        seen.push(`${thread}(`);
        await log.size();
        seen.push(`)${thread}`);
        return `of ${thread}`;
      };
      return [thread, async () => turns?.inTurn('intake', work)];
    }),
  );
}

/** Each piece of work is done once, and its answer comes to who asked. */
function requireEach(played: Played, threads: readonly string[]): void {
  for (const thread of threads) expect(answerOf(played, thread)).toBe(`of ${thread}`);
  expect([...seen].sort()).toEqual([...threads.map((each) => `)${each}`), ...threads.map((each) => `${each}(`)].sort());
}

/** Whether nobody worked while somebody else did. */
function oneByOne(): boolean {
  return seen.every((each, index) => index % 2 === 0 || seen[index - 1] === `${each.charAt(1)}(`);
}

export const TURNS: readonly Scenario[] = [
  {
    name: 'three take turns',
    processes: THREE,
    programs: (world) => works(world, THREE),
    check(played) {
      requireEach(played, ['a', 'b', 'c']);
      expect({ seen, oneByOne: oneByOne() }).toEqual({ seen, oneByOne: true });
    },
    reaches: [/waits for/],
    suite: { preemptions: 2, faults: 0, schedules: 40, atLeast: 40 },
  },
  {
    // A turn protects nothing; what matters is that nobody is held up and that no lock is left.
    name: 'somebody loses patience with a turn',
    processes: TWO,
    firesTimers: true,
    programs: (world) => works(world, TWO),
    check: (played) => requireEach(played, ['a', 'b']),
    reaches: [/has waited 700 ms/, /waits for/],
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 40 },
  },
];
