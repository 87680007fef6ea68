import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { TellRecord } from '../tell-of-record.ts';
import { createDueStreams } from '../due-streams.ts';
import { changeOfClocks, clockChange } from './clock-change.ts';
import { clockStream, type Clock } from './clock.ts';
import type { DeadlineRuleService } from './deadline-rules.service.ts';
import { dueRecords } from './reminders.ts';

/** Tries of one clock while others change it: the next look does it otherwise. */
const MAX_TRIES = 8;
/** How the timers of clocks are named among those of executions. */
const PREFIX = clockStream('');

export interface RemindingPorts {
  readonly journal: Pick<JournalReader, 'dueTimers' | 'view'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly rules: Pick<DeadlineRuleService, 'inForce'>;
  readonly tell?: TellRecord;
  /** Told of a clock that could not be reminded of; its timer is put off, and tried again. */
  onError(thrown: unknown): void;
}

/** Reminds of deadlines: timers of clocks stand beside those of executions, under the name of the clock's stream. */
export interface Reminding {
  /** Records and tells whatever is due, each once: who comes second finds the clock changed. Answers how many clocks there were. */
  tick(): Promise<number>;
}

export function createReminding({ journal, committer, clock, rules, tell, onError }: RemindingPorts): Reminding {
  async function remind(id: string): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const view = await journal.view('deadline', id);
      if (view === null) return;
      const before = view.body as unknown as Clock; // only this room writes these bodies
      const { reminders } = (await rules.inForce()).settings;
      // None where people have other reminders by now: then only the timer is set anew.
      const records = dueRecords(before, reminders, clock.now());
      const next = clockChange(id, before, records, { reminders, tell });
      const result = await committer.submit(changeOfClocks([next]));
      if (result.status !== 'applied') continue;
      next.told();
      return;
    }
  }

  return createDueStreams({ journal, committer, clock, prefix: PREFIX, apply: remind, onError });
}
