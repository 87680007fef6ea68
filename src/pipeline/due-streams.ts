import type { GroupCommitter } from '../journal/group-commit.ts';
import type { JournalReader, Timer } from '../journal/journal.ts';
import { putOffs } from './put-off.ts';

/**
 * Timers of rooms beside executions: they stand in one table with those of executions, under the names of the rooms' streams, and
 * the earliest ones are looked at first. One that cannot be applied is put off, or a batch of such would keep all others waiting.
 */

/** Timers that are looked at in one go; the rest is due the next time. */
const TIMERS_PER_TICK = 500;

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
  const failures = putOffs();

  /** A timer that is put off still is the one that the room has set: whatever the room sets next takes its place. */
  async function putOff(timer: Timer): Promise<void> {
    await committer.submit({
      appends: [],
      timers: [{ ...timer, due: clock.now() + failures.failed(timer.execution) }],
    });
  }

  async function applyOne(timer: Timer): Promise<void> {
    try {
      await apply(timer.execution.slice(prefix.length));
      failures.succeeded(timer.execution);
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
