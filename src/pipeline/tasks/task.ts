import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { View } from '../../journal/journal.ts';
import type { TaskWords } from '../notifications/notice-of-task.ts';
import type { RoleName } from '../vocabulary.ts';

/** Work that people finish: a task folded from its records. Pure. */

/** Where a task comes from; each member as far as there is one. */
export interface TaskOrigin {
  /** `action`: a step of a playbook asks for it. `unsettled`: an action ended so that a person has to look. `person`: somebody opened it. */
  readonly kind: 'action' | 'unsettled' | 'person';
  readonly incidentId: string | null;
  readonly executionId: string | null;
  readonly actionId: string | null;
}

/** What a task is about; it never changes. */
export interface TaskSubject {
  readonly title: string;
  /** Who it is for. Others do not see it, but for those who answer for incidents. */
  readonly roles: readonly RoleName[];
  readonly origin: TaskOrigin;
}

/** Whom a record is told to: the record is all that the notice is made of. */
interface Telling {
  readonly about: TaskWords;
  readonly roles: readonly RoleName[];
  readonly userIds: readonly string[];
}

/** A record of a task's stream, before it is written or after. Times in ms since 1970. */
export type TaskRecord = { readonly at: number } & (
  | {
      readonly type: 'task.opened';
      readonly data: Telling & {
        readonly by: string;
        readonly task: TaskSubject;
        readonly draft: string;
        readonly dueAt: number | null;
        /** False: whoever asked for it tells people itself. */
        readonly told: boolean;
      };
    }
  /** `userId` differs from `by` where somebody else was given it. */
  | { readonly type: 'task.claimed'; readonly data: Telling & { readonly by: string; readonly userId: string } }
  | { readonly type: 'task.released'; readonly data: { readonly by: string } }
  | { readonly type: 'task.draft_saved'; readonly data: { readonly by: string; readonly draft: string } }
  | { readonly type: 'task.commented'; readonly data: { readonly by: string; readonly text: string } }
  | { readonly type: 'task.due_set'; readonly data: { readonly by: string; readonly dueAt: number | null } }
  | { readonly type: 'task.reminded'; readonly data: Telling & { readonly mark: ReminderMark; readonly dueAt: number } }
  | { readonly type: 'task.done'; readonly data: { readonly by: string; readonly note: string } }
  | { readonly type: 'task.dropped'; readonly data: { readonly by: string; readonly reason: string } }
);

/** `soon`: a part of the time is left. `due`: it is over. */
export type ReminderMark = 'soon' | 'due';

export const TASK_STATUSES = ['OPEN', 'CLAIMED', 'DONE', 'DROPPED'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** A task folded from its records, and the body of its row. */
export interface Task extends TaskSubject {
  readonly openedAt: number;
  readonly openedBy: string;
  /** The newest version; earlier ones are in the records. Markdown, hostile: parts of it come from incidents and people. */
  readonly draft: { readonly version: number; readonly text: string; readonly by: string; readonly at: number };
  /** Who has it; null: nobody. */
  readonly holder: { readonly userId: string; readonly at: number } | null;
  readonly dueAt: number | null;
  /** Marks of the present due time that were told. */
  readonly told: readonly ReminderMark[];
  /** From when the present due time was set: the first reminder is measured from there. */
  readonly dueSince: number;
  readonly comments: number;
  readonly ended: {
    readonly how: 'DONE' | 'DROPPED';
    readonly by: string;
    readonly at: number;
    readonly why: string;
  } | null;
  /** Of the newest record; the next one is never before it. */
  readonly changedAt: number;
  /** How many records it has. */
  readonly version: number;
}

/** One more record. @throws for one that cannot come next: only this room writes them. */
export function evolveTask(before: Task | null, record: TaskRecord): Task {
  if (record.type === 'task.opened') {
    invariant(before === null, 'a task is opened once');
    return newTask(record.data, record.at);
  }
  invariant(before !== null && before.ended === null, 'a task was opened, and has not ended');
  return { ...before, ...changeOf(before, record), changedAt: record.at, version: before.version + 1 };
}

function newTask({ by, task, draft, dueAt }: Extract<TaskRecord, { type: 'task.opened' }>['data'], at: number): Task {
  return {
    ...task,
    openedAt: at,
    openedBy: by,
    draft: { version: 1, text: draft, by, at },
    holder: null,
    dueAt,
    told: [],
    dueSince: at,
    comments: 0,
    ended: null,
    changedAt: at,
    version: 1,
  };
}

function changeOf(task: Task, record: Exclude<TaskRecord, { type: 'task.opened' }>): Partial<Task> {
  const { at, data, type } = record;
  switch (type) {
    case 'task.claimed':
      return { holder: { userId: data.userId, at } };
    case 'task.released':
      return { holder: null };
    case 'task.draft_saved':
      return { draft: { version: task.draft.version + 1, text: data.draft, by: data.by, at } };
    case 'task.commented':
      return { comments: task.comments + 1 };
    case 'task.due_set':
      return { dueAt: data.dueAt, dueSince: at, told: [] };
    case 'task.reminded':
      return { told: [...task.told, data.mark] };
    case 'task.done':
      return { ended: { how: 'DONE', by: data.by, at, why: data.note } };
    case 'task.dropped':
      return { ended: { how: 'DROPPED', by: data.by, at, why: data.reason } };
    default:
      return record;
  }
}

/** The task that the records of its stream make, or null where there are none. */
export function foldTask(
  records: readonly { readonly type: string; readonly at: number; readonly data: object }[],
): Task | null {
  // Streams of tasks hold these types only.
  return records.reduce<Task | null>((task, record) => evolveTask(task, record as TaskRecord), null);
}

export function taskStatus({ ended, holder }: Pick<Task, 'ended' | 'holder'>): TaskStatus {
  if (ended !== null) return ended.how;
  return holder === null ? 'OPEN' : 'CLAIMED';
}

/** How names of tasks' streams begin. */
export const TASK_STREAMS = 'task/';

export function taskStream(id: string): string {
  return `${TASK_STREAMS}${id}`;
}

/** The row of a task. */
export function taskView(id: string, task: Task): Omit<View, 'expectedVersion'> {
  return {
    kind: 'task',
    id,
    status: taskStatus(task),
    type: task.origin.kind,
    subject: task.holder?.userId ?? null,
    parent: task.origin.incidentId,
    ref: task.origin.executionId,
    at: task.openedAt,
    body: task as unknown as Json, // plain JSON by its type
  };
}

/** The share of the time after which a reminder comes, in thousandths: late enough to be news, early enough to act. */
const SOON_MARK = 800;

/** The next reminder and when it comes, business time; null: there is none. */
export function nextReminder(
  task: Task,
): { readonly mark: ReminderMark; readonly at: number; readonly dueAt: number } | null {
  const { ended, dueAt, told, dueSince } = task;
  if (ended !== null || dueAt === null || told.includes('due')) return null;
  if (told.includes('soon')) return { mark: 'due', at: dueAt, dueAt };
  return { mark: 'soon', at: dueSince + Math.floor(((dueAt - dueSince) * SOON_MARK) / 1_000), dueAt };
}

/** What is to be said by `now`: the last mark that has passed; the one before it is not told late. Null: nothing. */
export function dueReminder(task: Task, now: number): { readonly mark: ReminderMark; readonly dueAt: number } | null {
  const next = nextReminder(task);
  if (next === null || next.at > now) return null;
  return { mark: next.dueAt <= now ? 'due' : next.mark, dueAt: next.dueAt };
}

/** A task as a notice names it, which knows nothing but its record. */
export function taskWords({ title, origin }: TaskSubject): TaskWords {
  return { title, incidentId: origin.incidentId, executionId: origin.executionId };
}
