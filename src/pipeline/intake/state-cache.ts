import type { Json } from '../../platform/canonical-json.ts';
import { detectorStateKey, type DetectorStateWrite, type JournalReader } from '../../journal/journal.ts';

/** States kept in memory: what a few minutes of a busy company touch. At about 4 KiB each that is 40 MB. */
const MAX_STATES = 10_000;

export interface CachedState {
  readonly version: number;
  readonly body: Json;
}

/**
 * The detector states that were touched last, so that the hot ones (an office's address, a common browser) are not
 * read and parsed for every batch. Only a memory of the journal: it moves after the commit, and every write still
 * names the version it was computed from, so that a memory that is wrong can make a batch stale, never its result.
 */
export interface StateCache {
  /** The states of the given keys, by `detectorStateKey`; what is not remembered is read. */
  load(keys: readonly { readonly rule: string; readonly key: string }[]): Promise<ReadonlyMap<string, CachedState>>;
  /** Remembers what was written. To be called when the commit is on disk. */
  committed(writes: readonly DetectorStateWrite[]): void;
  /** Forgets what is about to be written: until the commit is on disk nobody knows what stands there. */
  forget(writes: readonly DetectorStateWrite[]): void;
}

export function stateCache(journal: Pick<JournalReader, 'detectorStates'>, maxStates = MAX_STATES): StateCache {
  const states = new Map<string, CachedState>();

  return {
    async load(keys) {
      const missing = keys.filter(({ rule, key }) => !states.has(detectorStateKey(rule, key)));
      const found = new Map(missing.length === 0 ? [] : await journal.detectorStates(missing));
      for (const { rule, key } of keys) {
        const name = detectorStateKey(rule, key);
        const known = states.get(name);
        if (known !== undefined) found.set(name, known);
      }
      return found;
    },
    committed(writes) {
      // A Map keeps the order of insertion: what is remembered again moves to the end, and the front is dropped.
      for (const { rule, key, expectedVersion, body } of writes) {
        const name = detectorStateKey(rule, key);
        states.delete(name);
        states.set(name, { version: expectedVersion + 1, body });
      }
      for (const name of states.keys()) {
        if (states.size <= maxStates) break;
        states.delete(name);
      }
    },
    forget(writes) {
      for (const { rule, key } of writes) states.delete(detectorStateKey(rule, key));
    },
  };
}
