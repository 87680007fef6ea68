/** How long something is left alone that failed and may fail again: it must neither be tried all the time nor be forgotten. */

/** How long one that failed is put off the first time, in ms; each further time twice as long. */
export const FIRST_PUT_OFF_MS = 30_000;
/** How long at most: what was mended is taken up again within the hour. */
export const LONGEST_PUT_OFF_MS = 3_600_000;
/** Names whose tries are remembered; beyond that the oldest begins anew. */
const MAX_REMEMBERED = 10_000;

/** Counts by name how often something has failed in a row. */
export interface PutOffs {
  /** It has failed again. Answers how long it is to be left alone, in ms. */
  failed(name: string): number;
  succeeded(name: string): void;
}

/** Nothing has failed yet. */
export function putOffs(): PutOffs {
  const tries = new Map<string, number>();
  return {
    failed(name) {
      const count = (tries.get(name) ?? 0) + 1;
      tries.delete(name);
      tries.set(name, count);
      const oldest = tries.size > MAX_REMEMBERED ? tries.keys().next() : null;
      if (oldest?.done === false) tries.delete(oldest.value);
      return putOffMs(count);
    },
    succeeded: (name) => void tries.delete(name),
  };
}

/** How long one is put off that has failed so often, in ms. */
export function putOffMs(tries: number): number {
  let wait = FIRST_PUT_OFF_MS;
  for (let times = 1; times < tries && wait < LONGEST_PUT_OFF_MS; times += 1) wait *= 2;
  return Math.min(wait, LONGEST_PUT_OFF_MS);
}
