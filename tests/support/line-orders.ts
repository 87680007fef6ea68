import { DISORDER_TOLERANCE_MS } from '../../src/platform/limits.ts';
import type { Line } from './senders.ts';

/** The same lines in other orders and pieces, each time the same ones for a seed. Only tests import this file. */

/** Numbers that look random and are the same each time: x → 48271 x mod (2^31 - 1), Lehmer's generator. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}

/** Pieces of uneven sizes. */
export function pieces(all: readonly Line[], seed: number, most: number): (readonly Line[])[] {
  const draw = drawn(seed);
  const cut: (readonly Line[])[] = [];
  for (let from = 0; from < all.length;) {
    const size = 1 + (draw() % most);
    cut.push(all.slice(from, from + size));
    from += size;
  }
  return cut;
}

/** Each event comes up to the tolerance late. */
export function shuffled<L extends Line>(all: readonly L[], seed: number): readonly L[] {
  const draw = drawn(seed);
  return all
    .map((line) => ({ line, at: line.time + (draw() % DISORDER_TOLERANCE_MS) }))
    .sort((left, right) => left.at - right.at)
    .map(({ line }) => line);
}

export function sorted<L extends Line>(all: readonly L[]): readonly L[] {
  return [...all].sort((left, right) => left.time - right.time || (left.line < right.line ? -1 : 1));
}
