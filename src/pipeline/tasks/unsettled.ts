import { derivedId } from '../../platform/hash.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { ActionState, ExecutionState } from '../executions/core/state.ts';
import { planActionOf } from '../executions/core/transition.ts';
import type { ExecutionStore } from '../executions/execution-store.ts';
import type { Plan } from '../playbooks/plan.ts';
import { oneLine } from '../notifications/one-line.ts';
import { untilApplied } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import { ENGINE } from './desk.ts';
import { MAX_TITLE_LENGTH } from './read-task.ts';
import { taskChange, type TaskStep } from './task-change.ts';
import { TASK_LEADS } from './task-rights.ts';
import { taskWords, type Task, type TaskRecord } from './task.ts';

/** Tasks of one execution at a time: it has at most 64 actions, and each a few over its retries. */
const MAX_OF_EXECUTION = 500;

/** How an action ends that somebody has to look at, and what they have to do. */
const LEFT = {
  UNKNOWN:
    'Nobody knows whether it was done: the call was sent, and the target does not show what became of it. Look at the target. If it was not done, retry the action; if it was, finish this task and say so.',
  COMPENSATION_FAILED:
    'It was done and could not be taken back: somebody may be locked out, or cut off, whom nobody means to be. Take it back at the target by hand, or cancel the execution with compensate once the target answers again.',
  SUPERSEDED:
    'It was not taken back, because somebody else has changed the target since. Look at the target and decide what it should be.',
} as const satisfies Partial<Record<NonNullable<ActionState['status']>, string>>;
type LeftStatus = keyof typeof LEFT;

const SAYS: Readonly<Record<LeftStatus, string>> = {
  UNKNOWN: 'Find out whether it was done',
  COMPENSATION_FAILED: 'Take it back by hand',
  SUPERSEDED: 'Look at what somebody else changed',
};

export interface UnsettledPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly tell?: TellRecord;
}

/**
 * Looks at an execution that may leave something for people: what is left for a person becomes a task, once, and a task
 * whose action has settled since is closed. Repeatable: an outage repeats it.
 */
export function createUnsettled({ journal, committer, clock, store, tell }: UnsettledPorts) {
  async function openTask(loaded: Loaded, action: LeftAction): Promise<void> {
    const id = taskIdOf(loaded.state.id, action);
    const step = taskChange(id, null, openedRecord(loaded, action, clock.now()), { tell, trace: loaded.trace });
    const result = await committer.submit(step.change);
    if (result.status === 'applied') return step.told();
    if ((await journal.view('task', id)) === null)
      throw new FirebreakError('overloaded', `A task could not be opened: ${result.what}`);
  }

  async function close(id: string, note: string, trace: Loaded['trace']): Promise<void> {
    await untilApplied<TaskStep | null>(async () => {
      const task = (await journal.view('task', id))?.body as unknown as Task | undefined; // only this room writes these bodies
      if (task === undefined || task.ended !== null) return { result: { status: 'applied', hashes: [] }, answer: null };
      const record = { type: 'task.done', at: clock.now(), data: { by: ENGINE, note } } as const;
      const answer = taskChange(id, task, record, { tell, trace });
      return { result: await committer.submit(answer.change), answer };
    });
  }

  /** @throws FirebreakError `not_found` */
  return async function look(executionId: string): Promise<void> {
    const loaded = await store.load(executionId);
    const { state, trace } = loaded;
    const left = Object.values(state.actions).filter(isLeft);
    const parent = state.snapshot.incident.id;
    const query = {
      kind: 'task',
      type: 'unsettled',
      parent,
      ref: executionId,
      limit: MAX_OF_EXECUTION,
      skip: 0,
    } as const;
    const open = (await journal.listViews(query)).items
      .map(({ id, body }) => ({ id, task: body as unknown as Task })) // only this room writes these bodies
      .filter(({ task }) => task.ended === null);
    const isOf = (actionId: string) => open.some(({ task }) => task.origin.actionId === actionId);
    for (const action of left) if (!isOf(action.actionId)) await openTask(loaded, action);
    for (const { id, task } of open) {
      const action = state.actions[task.origin.actionId ?? ''];
      if (action === undefined || action.phase !== 'settled' || isLeft(action)) continue;
      await close(id, `The action is settled: ${action.status ?? 'not started'}.`, trace);
    }
  };
}

type Loaded = Awaited<ReturnType<ExecutionStore['load']>>;
type LeftAction = ActionState & { readonly status: LeftStatus };

function isLeft(action: ActionState): action is LeftAction {
  return action.status !== null && Object.hasOwn(LEFT, action.status);
}

/** Another one after a retry, and after another try to take it back. */
function taskIdOf(executionId: string, { actionId, generation, status, undoAttempt }: LeftAction): string {
  return derivedId('tsk', 'unsettled', executionId, actionId, String(generation), status, String(undoAttempt));
}

function openedRecord(
  { plan, state }: { readonly plan: Plan; readonly state: ExecutionState },
  action: LeftAction,
  at: number,
): TaskRecord {
  const { actionId, status, target, reason, error } = action;
  const { type } = planActionOf(plan, actionId).declaration;
  const subject = {
    title: oneLine(`${SAYS[status]}: ${type} of ${target?.id ?? state.snapshot.incident.subject.id}`, MAX_TITLE_LENGTH)
      .text,
    roles: [...TASK_LEADS].sort(),
    origin: { kind: 'unsettled', incidentId: state.snapshot.incident.id, executionId: state.id, actionId },
  } as const;
  const why = error?.code ?? reason ?? 'no error was reported';
  const draft = `${LEFT[status]}\n\n- Action: ${code(actionId)} (${type})\n- Status: ${status}\n- Why: ${code(why)}\n- Execution: ${code(state.id)}\n`;
  // Ends that failed are told by notices of their own; of what somebody else has changed nobody hears otherwise.
  const told = status === 'SUPERSEDED';
  const telling = { about: taskWords(subject), roles: subject.roles, userIds: [] };
  return { type: 'task.opened', at, data: { by: ENGINE, task: subject, draft, dueAt: null, told, ...telling } };
}

/** Longest name of an attacker's choice in a draft, in UTF-16 units. */
const MAX_NAMED = 300;

/** As code in Markdown: what stands in it must not end it. */
function code(text: string): string {
  return `\`${oneLine(text, MAX_NAMED).text.replaceAll('`', "'")}\``;
}
