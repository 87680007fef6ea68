import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { Change } from '../../journal/journal.ts';
import type { RecordTrace } from '../audit/record.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { MAX_TASK_RECORDS } from './read-task.ts';
import { evolveTask, nextReminder, taskStream, taskView, type Task, type TaskRecord } from './task.ts';

/** Name of the one timer of a task: its next reminder. */
const TIMER = 'reminder';
/** What ends a task; there is always room for it. */
const LAST: readonly TaskRecord['type'][] = ['task.done', 'task.dropped'];

export interface TaskStep {
  readonly change: Change;
  readonly after: Task;
  /** To be called when the change is on disk. */
  told(): void;
}

export interface TaskWriting {
  readonly tell: TellRecord | undefined;
  readonly trace?: RecordTrace | undefined;
}

/**
 * One more record of a task with its row, its timer, and whom it is told to; `before` null opens it.
 * @throws FirebreakError `conflict` where a task has as many records as it can have.
 */
export function taskChange(id: string, before: Task | null, given: TaskRecord, { tell, trace }: TaskWriting): TaskStep {
  if (before !== null && before.version >= MAX_TASK_RECORDS && !LAST.includes(given.type))
    throw new FirebreakError('conflict', `The task has ${MAX_TASK_RECORDS} entries: finish it, and open another one`);
  const stream = taskStream(id);
  const seq = before?.version ?? 0;
  // Business time may stand before the last record after a restart.
  const record = { ...given, at: Math.max(given.at, before?.changedAt ?? 0) };
  const after = evolveTask(before, record);
  const due = nextReminder(after)?.at ?? null;
  const isTimed = before !== null && nextReminder(before) !== null;
  const told = isTold(record) ? recordTells(tell, stream, seq + 1) : [];
  const { type, at, data } = record;
  return {
    after,
    change: {
      appends: [
        {
          stream,
          expectedSeq: seq,
          records: [
            {
              type,
              v: 1,
              at,
              ...(trace === undefined ? {} : { trace }),
              data: data as unknown as { readonly [key: string]: Json }, // plain JSON by its type
            },
          ],
        },
      ],
      views: [{ ...taskView(id, after), expectedVersion: null }],
      timers: due === null && !isTimed ? [] : [{ execution: stream, name: TIMER, generation: after.version, due }],
      effects: told,
    },
    told() {
      if (told.length > 0) tell?.(stream, recordTellName(seq + 1));
    },
  };
}

/** What people have to hear; the rest is seen by whoever looks at the task. */
function isTold(record: TaskRecord): boolean {
  switch (record.type) {
    case 'task.opened':
      return record.data.told;
    case 'task.claimed':
      return record.data.userId !== record.data.by;
    default:
      return record.type === 'task.reminded';
  }
}
