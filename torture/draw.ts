/** Draws that a seed decides: what is done to the server is random, and the same again with the same seed. */
export interface Draw {
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  /** True in `percent` of a hundred. */
  chance(percent: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** Draws of its own for one part of the run, so that parts do not disturb each other's. */
  branch(): Draw;
}

const MODULUS = 2_147_483_647;

/** Lehmer's generator with the multiplier 48271. */
export function drawFrom(seed: number): Draw {
  let state = (Math.abs(Math.trunc(seed)) % (MODULUS - 1)) + 1;
  const next = (): number => {
    state = (state * 48_271) % MODULUS;
    return state;
  };
  // The first values of neighbouring seeds are alike.
  for (let round = 0; round < 8; round += 1) next();
  const draw: Draw = {
    integer: (least, most) => least + (next() % (most - least + 1)),
    chance: (percent) => next() % 100 < percent,
    pick(items) {
      const item = items[next() % items.length];
      if (item === undefined) throw new Error('nothing to draw from');
      return item;
    },
    branch: () => drawFrom(next()),
  };
  return draw;
}
