import { expect, it } from 'vitest';
import { FIRST_DISTINCT_SEED, seededRandom } from '../../simulation/world/random.ts';

const WHOLE = 2 ** 32;
const SEEDS = 100_000;

it('gives every seed numbers of its own, and the same ones each time', () => {
  const numbersOf = (seed: number): string => {
    const random = seededRandom(seed);
    return `${random.below(WHOLE)} ${random.below(WHOLE)}`;
  };
  const seen = new Set(Array.from({ length: SEEDS }, (_, index) => numbersOf(FIRST_DISTINCT_SEED + index)));
  expect(seen.size).toBe(SEEDS);
  expect(seen.has(numbersOf(FIRST_DISTINCT_SEED))).toBe(true);
});
