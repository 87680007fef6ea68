import type { GroupCommitter } from '../journal/group-commit.ts';
import type { JournalReader, Timer } from '../journal/journal.ts';

/**
 * Timers of rooms beside executions: they stand in one table with those of executions, under the names of the rooms' streams, and
 * the earliest ones are looked at first. One that cannot be applied is put off, or a batch of such would keep all others waiting.
 */

/** Timers that are looked at in one go; the rest is due the next time. */
const TIMERS_PER_TICK = 500;
/** How long one that failed is put off the first time, in ms of business time; each further time twice as long. */
export const FIRST_PUT_OFF_MS = 30_000;
/** How long at most: what was mended is taken up again within the hour. */
export const LONGEST_PUT_OFF_MS = 3_600_000;
/** Failing timers whose tries are remembered; beyond that the oldest begins anew. */
const MAX_REMEMBERED = 10_000;

export interface DueStreamPorts {
  readonly journal: Pick<JournalReader, 'dueTimers'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly clock: { now(): number };
  /** How the names of the room's streams begin. */
  readonly prefix: string;
  /** Does what is due of one stream, by the name behind the prefix; a repeat does nothing more. */
  apply(id: string): Promise<void>;
  /** Told of one that could not be applied; it is tried again later. */
  onError(thrown: unknown): void;
}

/** Applies what is due of a room, each stream once. */
export interface DueStreams {
  /** Answers how many there were. */
  tick(): Promise<number>;
}

export function createDueStreams({ journal, committer, clock, prefix, apply, onError }: DueStreamPorts): DueStreams {
  const failed = new Map<string, number>();

  /** A timer that is put off still is the one that the room has set: whatever the room sets next takes its place. */
  async function putOff(timer: Timer): Promise<void> {
    const tries = (failed.get(timer.execution) ?? 0) + 1;
    failed.delete(timer.execution);
    failed.set(timer.execution, tries);
    const oldest = failed.size > MAX_REMEMBERED ? failed.keys().next() : null;
    if (oldest?.done === false) failed.delete(oldest.value);
    await committer.submit({ appends: [], timers: [{ ...timer, due: clock.now() + putOffMs(tries) }] });
  }

  async function applyOne(timer: Timer): Promise<void> {
    try {
      await apply(timer.execution.slice(prefix.length));
      failed.delete(timer.execution);
    } catch (thrown) {
      onError(thrown);
      // Where the store itself is away this fails too: then it stays due, as everything does.
      await putOff(timer).catch(onError);
    }
  }

  return {
    async tick() {
      const due = await journal.dueTimers(clock.now(), TIMERS_PER_TICK);
      const own = due.filter(({ execution }) => execution.startsWith(prefix));
      for (const timer of own) await applyOne(timer);
      return own.length;
    },
  };
}

/** How long a timer is put off that has failed so often, in ms. */
export function putOffMs(tries: number): number {
  let wait = FIRST_PUT_OFF_MS;
  for (let times = 1; times < tries && wait < LONGEST_PUT_OFF_MS; times += 1) wait *= 2;
  return Math.min(wait, LONGEST_PUT_OFF_MS);
}
