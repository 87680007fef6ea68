/** Chance from a seed: the same seed and the same questions in the same order give the same answers, for ever. */
export interface Random {
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number;
  /** A whole number from `from` to `to`, both possible. */
  between(from: number, to: number): number;
  /** True in `perMille` of a thousand cases. */
  chance(perMille: number): boolean;
  /** One of the items, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** A stream of its own: what is asked here does not move what is answered there. */
  fork(name: string): Random;
}

/**
 * The first of the seeds that all give different numbers. Of 300,000 below it a fifth repeat another one (`mix` gives some
 * values twice); they stay as they are because the suite and the regressions name them.
 */
export const FIRST_DISTINCT_SEED = 1_000_000;

/**
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, 32-bit integer arithmetic only, so that every engine
 * gives the same numbers.
 */
export function seededRandom(seed: number, name = ''): Random {
  let a = mix(seed >>> 0);
  let b = mix(Math.floor(seed / 4_294_967_296) >>> 0) ^ (seed < FIRST_DISTINCT_SEED ? 0 : seed >>> 0);
  let c = 0x9e3779b9;
  for (let index = 0; index < name.length; index += 1) c = mix(c ^ name.charCodeAt(index));
  let counter = 1;

  function next(): number {
    const answer = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + answer) | 0;
    return answer >>> 0;
  }
  // The first numbers still show the seed.
  for (let round = 0; round < 12; round += 1) next();

  const random: Random = {
    // The bias of the remainder is below 1 in 2^20 for the limits used here; what counts is that it repeats.
    below: (limit) => next() % Math.max(1, limit),
    between: (from, to) => from + random.below(to - from + 1),
    chance: (perMille) => random.below(1_000) < perMille,
    pick(items) {
      const item = items[random.below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    fork: (other) => seededRandom(seed, `${name}/${other}`),
  };
  return random;
}

function mix(value: number): number {
  let mixed = (value + 0x6d2b79f5) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
