import type { PlanAction } from '../../playbooks/plan.ts';
import { backoffMs } from './backoff.ts';
import { actionOf } from './evolve.ts';
import type { CompensateInput, InterruptedInput, UndoneInput } from './inputs.ts';
import { isFailure } from './settle.ts';
import type { ActionPhase, ExecutionState } from './state.ts';
import { idempotencyKey, planActionOf, type Transition } from './transition.ts';

/**
 * Tries of one undo before a person is needed, each time that it is asked for: more than for performing, because leaving it half done is
 * worse.
 */
const MAX_UNDO_ATTEMPTS = 5;

/** Begins to undo everything that was, or may have been, performed and can be undone; newest first. */
export function startCompensation(t: Transition, reason: string): void {
  const queue = [...t.state.settledOrder]
    .reverse()
    .filter((actionId) => mayUndo(t.state, planActionOf(t.plan, actionId)));
  if (queue.length > 0) t.add({ type: 'compensation.started', reason, queue });
}

/** Whether the end of the execution undoes what was done. */
export function wantsCompensation({ plan, state }: Pick<Transition, 'plan' | 'state'>): boolean {
  if (state.cancel?.compensate === true) return true;
  const failed = (actionId: string): boolean => isFailure(actionOf(state, actionId).status);
  return plan.stages.some(({ actions }) =>
    actions.some(({ actionId, onFailure }) => onFailure === 'COMPENSATE' && failed(actionId)),
  );
}

/** Whether the action is undone with the rest as soon as what is under way has ended. */
export function isToBeUndone(t: Pick<Transition, 'plan' | 'state'>, actionId: string): boolean {
  const { stopped, ended } = t.state;
  const isDecided = stopped !== null && ended === null && wantsCompensation(t);
  return isDecided && mayUndo(t.state, planActionOf(t.plan, actionId));
}

/** Whether something was undone with the rest, and nothing that can be undone was done since. */
export function isRolledBack({ plan, state }: Pick<Transition, 'plan' | 'state'>): boolean {
  const actions = Object.values(state.actions);
  const stands = actions.some(({ actionId }) => mayUndo(state, planActionOf(plan, actionId)));
  return !stands && actions.some((action) => action.isRolledBack === true);
}

/** Settled, or already being undone because its time was over: then the compensation waits for it. */
const UNDOABLE: ReadonlySet<ActionPhase> = new Set<ActionPhase>([
  'settled',
  'undoing',
  'undo_backoff',
  'undo_paused',
  'undoing_children',
]);

/** An unknown result counts as performed: undoing what was not done is harmless, leaving it is not. */
function mayUndo(state: ExecutionState, plan: PlanAction): boolean {
  const action = state.actions[plan.actionId];
  if (action === undefined || !UNDOABLE.has(action.phase)) return false;
  if (plan.declaration.reversibility !== 'undo') return false;
  // What was undone already, because its time was over, is not undone once more.
  if (Object.keys(action.children).length > 0) return action.phase !== 'settled' || action.status !== 'COMPENSATED';
  if (action.status === 'SKIPPED') return action.reason === 'already_held';
  if (action.status === 'COMPENSATION_FAILED') return true; // Asked for again, so tried again.
  // What failed was refused, or was read and is not there: what can be undone can be read back.
  return (action.status === 'SUCCESS' || action.status === 'UNKNOWN') && action.sent;
}

/** Starts the next undo of a running compensation; false when one is already under way. */
export function driveCompensation(t: Transition): void {
  const next = t.state.compensation?.queue[0];
  if (next === undefined || t.action(next).phase !== 'settled') return;
  startUndo(t, planActionOf(t.plan, next));
}

export function startUndo(t: Transition, plan: PlanAction): void {
  const action = t.action(plan.actionId);
  if (action.landsUntil !== null && t.input.at < action.landsUntil) {
    return t.add({ type: 'undo.awaited', actionId: plan.actionId, resumeAt: action.landsUntil });
  }
  t.add({
    type: 'undo.started',
    actionId: plan.actionId,
    attempt: action.undoAttempt + 1,
    key: idempotencyKey(t.state, plan.actionId, 'undo', action.generation),
  });
}

function isLateUndo(t: Transition, input: UndoneInput | InterruptedInput): boolean {
  const { phase, undoAttempt, generation } = t.action(input.actionId);
  if (phase === 'undoing' && undoAttempt === input.attempt && generation === input.generation) return false;
  t.add({ type: 'attempt.late', actionId: input.actionId, attempt: input.attempt });
  return true;
}

/**
 * The caller is gone: the next undo waits until this one cannot land any more. Also where the target knows its key: the next
 * one may find that there is nothing to send, and then no repeat of the key keeps the first one from landing.
 */
export function takeInterruptedUndo(t: Transition, input: InterruptedInput): void {
  if (isLateUndo(t, input)) return;
  const resumeAt = Math.max(input.mayLandUntil ?? input.at, input.at);
  t.add({ type: 'undo.awaited', actionId: input.actionId, resumeAt });
}

export function takeUndone(t: Transition, input: UndoneInput): void {
  if (isLateUndo(t, input)) return;
  const plan = planActionOf(t.plan, input.actionId);
  if ('error' in input.result) {
    const { error } = input.result;
    const tries = input.attempt - t.action(input.actionId).undoTriesFrom;
    if (tries >= MAX_UNDO_ATTEMPTS || !(error.retryable || error.resultUnknown)) {
      return settleUndo(t, plan, 'COMPENSATION_FAILED', error.code);
    }
    // What still lands would take back what somebody else does after the next undo was answered.
    const resumeAt = input.at + Math.max(backoffMs(plan, tries, error), input.mayLandForMs ?? 0);
    return t.add({ type: 'undo.failed', actionId: input.actionId, code: error.code, resumeAt });
  }
  switch (input.result.result) {
    case 'restored':
      return settleUndo(t, plan, 'COMPENSATED', null);
    case 'still_held':
      return settleUndo(t, plan, 'COMPENSATED', 'held_by_another_execution');
    case 'not_needed':
      return settleUndo(t, plan, 'NOT_NEEDED', null);
    case 'superseded':
      return settleUndo(t, plan, 'SUPERSEDED', 'changed_by_somebody_else');
    default:
      return input.result.result;
  }
}

function settleUndo(
  t: Transition,
  plan: PlanAction,
  status: 'COMPENSATED' | 'NOT_NEEDED' | 'SUPERSEDED' | 'COMPENSATION_FAILED',
  reason: string | null,
): void {
  t.add({ type: 'undo.settled', actionId: plan.actionId, status, reason });
}

/**
 * Undoes an execution that is over, because its parent or a person says so. One that a person had begun anew, and that
 * runs when its parent is undone, is cancelled first.
 */
export function takeCompensate(t: Transition, input: CompensateInput): void {
  if (t.state.compensation !== null) return t.add({ type: 'input.ignored', why: 'already being undone' });
  if (t.state.ended === null) {
    if (input.by.type !== 'engine')
      return t.add({ type: 'input.ignored', why: 'still running: cancel it with compensate' });
    if (t.state.stopped === 'cancelled') return t.add({ type: 'input.ignored', why: 'already cancelled' });
    return t.add({ type: 'execution.stopped', why: 'cancelled' });
  }
  startCompensation(t, input.reason);
  // Nothing to undo is an answer too: the parent waits for one.
  if (t.state.compensation === null) t.add({ type: 'execution.ended', status: 'ROLLED_BACK' });
}
