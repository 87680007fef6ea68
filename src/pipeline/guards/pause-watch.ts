import type { JournalReader } from '../../journal/journal.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Machine } from '../../platform/machine.ts';
import { readPause, type StoredPause } from './pause-row.ts';

/** How often a process looks whether others have paused, in ms of machine time: one read by key. */
export const PAUSE_POLL_MS = 250;

/**
 * After the answer to a pause no call that changes something begins later than this, in ms of machine time: what a process knows
 * about it is never older when it sends. Several looks may be lost before nothing is sent any more because of that.
 */
export const PAUSE_BOUND_MS = 2_000;

/**
 * What a process knows about the pause. `unknown`: it could never read it, or not lately enough while others may have paused.
 * Whoever was paused stays so until somebody could be heard to resume.
 */
export type Standing = 'open' | 'paused' | 'unknown';

export interface PauseWatch {
  /** Answers without asking anybody: in the turn in which a first byte is written. */
  standing(): Standing;
  /** Asks the journal. @throws StoreUnavailableError */
  look(): Promise<void>;
  /** What this process has just committed: it counts from now on. */
  learn(stored: Pick<StoredPause, 'document' | 'version'>): void;
  /** A change may have been committed without anybody hearing of it: nothing is sent before a look. */
  doubt(): void;
  /** Looks again and again, until the process ends. */
  keepLooking(): Promise<void>;
}

export interface PauseWatchPorts {
  /** Where other processes share the journal what was read grows old; where none does nobody else can have paused. */
  readonly journal: Pick<JournalReader, 'view' | 'shared'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly closing: AbortSignal;
  /** Everything goes on: what was kept back may begin. */
  onResumed(): void;
}

/** Builds the watch. It knows nothing before its first look. */
export function createPauseWatch({ journal, clock, machine, closing, onResumed }: PauseWatchPorts): PauseWatch {
  let known: { readonly version: number; readonly paused: boolean } | null = null;
  let readAt = 0;
  let sure = false;
  let doubts = 0;

  function learn({ document, version }: Pick<StoredPause, 'document' | 'version'>): void {
    // A read that began before somebody said otherwise may come after it.
    if (known !== null && version < known.version) return;
    const resumed = known?.paused === true && document.paused === null;
    known = { version, paused: document.paused !== null };
    if (resumed) onResumed();
  }

  const watch: PauseWatch = {
    standing() {
      if (known === null) return 'unknown';
      if (known.paused) return 'paused';
      const isFresh = !journal.shared || clock.monotonic() - readAt < PAUSE_BOUND_MS;
      return sure && isFresh ? 'open' : 'unknown';
    },
    async look() {
      const begunAt = clock.monotonic();
      const doubtsThen = doubts;
      const stored = await readPause(journal);
      readAt = Math.max(readAt, begunAt);
      sure ||= doubts === doubtsThen;
      learn(stored);
    },
    learn,
    doubt() {
      doubts += 1;
      sure = false;
    },
    async keepLooking() {
      while (!closing.aborted) {
        // A store that is away is said by those who write: what was known counts, until it is too old.
        await watch.look().catch(() => undefined);
        await machine.sleep(PAUSE_POLL_MS, closing);
      }
    },
  };
  return watch;
}
