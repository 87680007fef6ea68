import type { JournalReader } from '../../journal/journal.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { createDueStreams, type DueStreams } from '../due-streams.ts';
import { untilApplied } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import { taskChange, type TaskStep } from './task-change.ts';
import { TASK_LEADS } from './task-rights.ts';
import { dueReminder, TASK_STREAMS, taskWords, type Task, type TaskRecord } from './task.ts';

export interface TaskReminderPorts {
  readonly journal: Pick<JournalReader, 'dueTimers' | 'view'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly tell?: TellRecord;
  /** Told of a task that could not be reminded of; it is tried again later. */
  onError(thrown: unknown): void;
}

/** Reminds of tasks before and after their time, each mark once. */
export function createTaskReminders({ journal, committer, clock, tell, onError }: TaskReminderPorts): DueStreams {
  async function remind(id: string): Promise<void> {
    const step = await untilApplied<TaskStep | null>(async () => {
      const task = (await journal.view('task', id))?.body as unknown as Task | undefined; // only this room writes these bodies
      const due = task === undefined ? null : dueReminder(task, clock.now());
      // Somebody ended it, or gave it another time, at the same moment.
      if (task === undefined || due === null) return { result: { status: 'applied', hashes: [] }, answer: null };
      const answer = taskChange(id, task, reminded(task, due, clock.now()), { tell });
      return { result: await committer.submit(answer.change), answer };
    });
    step?.told();
  }

  return createDueStreams({ journal, committer, clock, prefix: TASK_STREAMS, apply: remind, onError });
}

/** Who has it hears of it, else everybody whom it is for; when its time is over those who answer for incidents hear it too. */
function reminded(task: Task, { mark, dueAt }: NonNullable<ReturnType<typeof dueReminder>>, at: number): TaskRecord {
  const { holder, roles } = task;
  const leads = mark === 'due' ? TASK_LEADS : [];
  const told = holder === null ? [...new Set([...roles, ...leads])].sort() : leads;
  const userIds = holder === null ? [] : [holder.userId];
  return { type: 'task.reminded', at, data: { mark, dueAt, about: taskWords(task), roles: told, userIds } };
}
