import { FirebreakError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { allCustomRoles, loadUserInForce } from '../access/access-in-force.ts';
import { rolesMay } from '../access/operations.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { given, requireVersion, untilApplied, type Answer, type IfMatch, type Listing } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import type { RoleName } from '../vocabulary.ts';
import { draftOf, dueOf, linesOf, rolesOf, titleOf } from './read-task.ts';
import { shownTask, shownWhole } from './show-task.ts';
import { taskChange } from './task-change.ts';
import {
  isLead,
  maySee,
  mayWork,
  requireHolder,
  requireHolderOrLead,
  requireSight,
  requireWork,
  type Worker,
} from './task-rights.ts';
import { taskStream, taskWords, type Task, type TaskRecord, type TaskStatus } from './task.ts';

/** Tasks that are looked through for a list, the newest first: which of them somebody may see stands in no index. */
const MAX_LISTED = 2_000;

export interface TaskPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly tell?: TellRecord;
}

export interface TaskQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: TaskStatus | undefined;
  readonly incidentId?: string | undefined;
  readonly executionId?: string | undefined;
  /** Only those that are for this role. */
  readonly role?: RoleName | undefined;
  /** Only those that the caller has. */
  readonly mine?: boolean | undefined;
  /** Only those whose time is over. */
  readonly overdue?: boolean | undefined;
}

export interface NewTask {
  readonly title: string;
  readonly draft: string;
  readonly roles: readonly RoleName[];
  readonly incidentId: string | null;
  /** Business time, ms since 1970; null: none. */
  readonly dueAt: number | null;
}

/** What changes one task: which, and which versions of it the caller has seen. */
interface OfTask {
  readonly id: string;
  readonly ifMatch: IfMatch;
}

/**
 * The verbs of tasks. Whoever a task is not for is answered as if there were none (`not_found`).
 * All that change one throw FirebreakError `stale_version`, and `conflict` for one that has ended.
 */
export interface TaskService {
  list(ctx: CallContext, query: TaskQuery): Promise<Listing>;
  /** With its draft, the versions before it and all that was said. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** @throws FirebreakError `invalid_task` naming the members, `not_found` for an incident that there is not. */
  open(ctx: CallContext, input: NewTask): Promise<Answer>;
  /** @throws FirebreakError `conflict` where somebody else has it: only who leads takes it over. */
  claim(ctx: CallContext, input: OfTask): Promise<Answer>;
  /** Gives it to somebody who may work on it: by who has it, or who leads. @throws FirebreakError `invalid_task`. */
  assign(ctx: CallContext, input: OfTask & { readonly userId: string }): Promise<Answer>;
  release(ctx: CallContext, input: OfTask): Promise<Answer>;
  /** A new version of the draft, by who has the task. */
  saveDraft(ctx: CallContext, input: OfTask & { readonly draft: string }): Promise<Answer>;
  comment(ctx: CallContext, input: OfTask & { readonly text: string }): Promise<Answer>;
  /** When it has to be finished, by who has it or leads; null: at no time. */
  setDue(ctx: CallContext, input: OfTask & { readonly dueAt: number | null }): Promise<Answer>;
  /** By who has it. */
  finish(ctx: CallContext, input: OfTask & { readonly note: string }): Promise<Answer>;
  /** By who has it, or leads. */
  drop(ctx: CallContext, input: OfTask & { readonly reason: string }): Promise<Answer>;
}

/** Builds the service. Each verb is one record of the task's own stream. */
export function createTaskService({ journal, committer, ids, tell }: TaskPorts): TaskService {
  async function stored(id: string): Promise<Task | null> {
    const view = await journal.view('task', id);
    return view === null ? null : taskOf(view);
  }

  /** Adds the record that somebody's word makes of the task as it is. */
  async function change(
    ctx: CallContext,
    { id, ifMatch }: OfTask,
    recordOf: (task: Task, worker: Worker) => Pick<TaskRecord, 'type' | 'data'>,
  ): Promise<Answer> {
    const worker = workerOf(ctx);
    return untilApplied(async () => {
      const before = requireWork(id, await stored(id), worker);
      requireVersion(ifMatch, before.version);
      // The pair is that of one kind of record: `recordOf` makes both.
      const record = { ...recordOf(before, worker), at: ctx.now } as TaskRecord;
      const step = taskChange(id, before, record, { tell, trace: recordedTrace(ctx) });
      const result = await committer.submit(step.change);
      if (result.status === 'applied') step.told();
      return { result, answer: { data: shownTask(id, step.after, ctx.now), version: step.after.version } };
    });
  }

  /** @throws FirebreakError `invalid_task` unless it is an enabled person who may work on the task. */
  async function requireAssignee(task: Task, userId: string): Promise<void> {
    const user = await loadUserInForce(journal, userId);
    const able =
      user !== null &&
      !user.disabled &&
      rolesMay(user.roles, user.kind, 'task.work', user.grants) &&
      mayWork(task, user);
    if (able) return;
    throw new FirebreakError('invalid_task', `${userId} cannot be given the task`, [
      { pointer: '/userId', detail: `is nobody who may work on it: it is for ${task.roles.join(', ')}` },
    ]);
  }

  return {
    async list(ctx, { limit, skip, status, incidentId, executionId, role, mine, overdue }) {
      const worker = workerOf(ctx);
      const wanted = given({
        status,
        parent: incidentId,
        ref: executionId,
        subject: mine === true ? worker.userId : undefined,
      });
      const { items } = await journal.longReads.listViews({ kind: 'task', ...wanted, limit: MAX_LISTED, skip: 0 });
      const shown = items
        .map((view) => ({ id: view.id, task: taskOf(view) }))
        .filter(({ task }) => maySee(task, worker))
        .filter(({ task }) => role === undefined || task.roles.includes(role))
        .map(({ id, task }) => shownTask(id, task, ctx.now))
        .filter((task) => overdue === undefined || task['overdue'] === overdue);
      return { items: shown.slice(skip, skip + limit), total: shown.length };
    },
    async get(ctx, { id }) {
      const task = requireSight(id, await stored(id), workerOf(ctx));
      const records = (await journal.readStream(taskStream(id))).slice(0, task.version);
      return { data: shownWhole(id, task, records, ctx.now), version: task.version };
    },
    async open(ctx, input) {
      const customRoles = [...(await allCustomRoles(journal)).keys()];
      const { incidentId } = input;
      const subject = {
        title: titleOf(input.title),
        roles: rolesOf(input.roles, customRoles),
        origin: { kind: 'person', incidentId, executionId: null, actionId: null },
      } as const;
      const draft = draftOf(input.draft);
      const dueAt = dueOf(input.dueAt, ctx.now);
      if (incidentId !== null && (await journal.view('incident', incidentId)) === null)
        throw new FirebreakError('not_found', `There is no incident ${incidentId}`);
      const by = ctx.principal.userId;
      const telling = { about: taskWords(subject), roles: subject.roles, userIds: [] };
      const data = { by, task: subject, draft, dueAt, told: true, ...telling };
      return untilApplied(async () => {
        const id = ids.next('tsk');
        const record = { type: 'task.opened', at: ctx.now, data } as const;
        const step = taskChange(id, null, record, { tell, trace: recordedTrace(ctx) });
        const result = await committer.submit(step.change);
        if (result.status === 'applied') step.told();
        // Whoever opens a task for others has written all of it: nothing is shown that they could not know.
        return { result, answer: { data: shownTask(id, step.after, ctx.now), version: step.after.version } };
      });
    },
    claim: (ctx, input) =>
      change(ctx, input, (task, worker) => {
        if (task.holder?.userId === worker.userId) throw new FirebreakError('conflict', 'You have the task already');
        if (task.holder !== null && !isLead(worker)) requireHolder(task, worker);
        return claimed(task, worker.userId, worker.userId);
      }),
    async assign(ctx, { userId, ...input }) {
      await requireAssignee(requireWork(input.id, await stored(input.id), workerOf(ctx)), userId);
      return change(ctx, input, (task, worker) => {
        requireHolderOrLead(task, worker);
        if (task.holder?.userId === userId) throw new FirebreakError('conflict', `${userId} has the task already`);
        return claimed(task, worker.userId, userId);
      });
    },
    release: (ctx, input) =>
      change(ctx, input, (task, worker) => {
        if (task.holder === null) throw new FirebreakError('conflict', 'Nobody has the task');
        requireHolderOrLead(task, worker);
        return { type: 'task.released', data: { by: worker.userId } };
      }),
    saveDraft: (ctx, { draft, ...input }) =>
      change(ctx, input, (task, worker) => {
        requireHolder(task, worker);
        return { type: 'task.draft_saved', data: { by: worker.userId, draft: draftOf(draft) } };
      }),
    comment: (ctx, { text, ...input }) =>
      change(ctx, input, (_task, { userId: by }) => ({
        type: 'task.commented',
        data: { by, text: linesOf(text, '/text') },
      })),
    setDue: (ctx, { dueAt, ...input }) =>
      change(ctx, input, (task, worker) => {
        requireHolderOrLead(task, worker);
        return { type: 'task.due_set', data: { by: worker.userId, dueAt: dueOf(dueAt, ctx.now) } };
      }),
    finish: (ctx, { note, ...input }) =>
      change(ctx, input, (task, worker) => {
        requireHolder(task, worker);
        return { type: 'task.done', data: { by: worker.userId, note: linesOf(note, '/note') } };
      }),
    drop: (ctx, { reason, ...input }) =>
      change(ctx, input, (task, worker) => {
        requireHolderOrLead(task, worker);
        return { type: 'task.dropped', data: { by: worker.userId, reason: linesOf(reason, '/reason') } };
      }),
  };
}

function claimed(
  task: Task,
  by: string,
  userId: string,
): Pick<Extract<TaskRecord, { type: 'task.claimed' }>, 'type' | 'data'> {
  return { type: 'task.claimed', data: { by, userId, about: taskWords(task), roles: [], userIds: [userId] } };
}

function workerOf({ principal: { userId, roles } }: CallContext): Worker {
  return { userId, roles };
}

function taskOf(view: { readonly body: unknown }): Task {
  // Only `task-change.ts` writes these bodies.
  return view.body as Task;
}
