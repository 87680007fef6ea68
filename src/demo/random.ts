/** Draws for the demo's invented traffic: the same seed always gives the same sequence, on every machine. */
export interface Random {
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  /** The items in another order; the given list is not changed. */
  shuffled<T>(items: readonly T[]): T[];
  /** True in `percent` of all draws. */
  chance(percent: number): boolean;
  /** Lower-case hexadecimal digits. */
  hex(length: number): string;
  /** The shape of a UUID, version 4. */
  uuid(): string;
}

/**
 * A generator from a seed: mulberry32 (Tommy Ettinger, public domain), 32 bits of state. Good enough to vary a demo;
 * never to be used for anything secret.
 */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  const hex = (length: number): string => Array.from({ length }, () => integer(0, 15).toString(16)).join('');
  return {
    integer,
    hex,
    pick(items) {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    },
    shuffled(items) {
      const result = [...items];
      for (let last = result.length - 1; last > 0; last -= 1) {
        const other = integer(0, last);
        // Both indices are within the list, so both items are there.
        [result[last], result[other]] = [
          result[other] as (typeof result)[number],
          result[last] as (typeof result)[number],
        ];
      }
      return result;
    },
    chance: (percent) => next() * 100 < percent,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'.charAt(integer(0, 3))}${hex(3)}-${hex(12)}`,
  };
}
