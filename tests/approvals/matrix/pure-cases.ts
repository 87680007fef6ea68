import type { Case } from './case.ts';
import { CASES } from './cases.ts';

/** Next to each other stand cases of one family; a step of this many visits all of them soon. Prime to their number. */
const STRIDE = 1_009;

/** The cases without what only a server knows: who is let in, what was sent before, and over which surface. */
export const PURE_CASES: readonly Case[] = spread(CASES.filter(isPure)).map((given) => ({ ...given, surface: 'core' }));

function isPure({ surface, steps }: Case): boolean {
  const isServed = steps
    .flat()
    .some((event) => event.do === 'vote' && (event.ballot.repeatable !== undefined || event.ballot.door !== undefined));
  return (surface === 'api' || surface === 'core') && !isServed;
}

function spread<Item>(items: readonly Item[]): readonly Item[] {
  const seen = new Set(items.map((_, index) => (index * STRIDE) % items.length));
  return [...seen].flatMap((index) => items[index] ?? []);
}

/** In which orders a case can be played: events of one moment as they are given, and the other way round. */
export function ordersOf({ steps }: Case): readonly boolean[] {
  return steps.some((step) => step.length > 1) ? [false, true] : [false];
}
