import type { PlanAction } from '../../playbooks/plan.ts';
import { settleFailed, startAttempt } from './attempts.ts';
import { driveCompensation, isRolledBack, startCompensation, wantsCompensation } from './compensation.ts';
import { isFailure, settle } from './settle.ts';
import { startAction } from './start-action.ts';
import type { ActionPhase, ActionState, ActionStatus, ExecutionStatus } from './state.ts';
import type { Transition } from './transition.ts';

/** Takes the execution as far as it goes without the outside: stages, the end, compensation. */
export function advance(t: Transition): void {
  while (step(t));
}

/** One step; false when something has to be waited for (or nothing is left). */
function step(t: Transition): boolean {
  if (t.state.compensation !== null) {
    driveCompensation(t);
    return false;
  }
  if (t.state.ended !== null) return false;
  if (t.state.stopped !== null && withdrawWaiting(t)) return true;
  const phases = currentStages(t).map((plan) => t.action(plan.actionId).phase);
  // What can wait for the morning holds up nothing: a later stage may contain.
  if (!phases.every((phase) => phase === 'settled' || phase === 'quiet')) return false;
  if (t.state.stopped === null && stopAfterStage(t)) return true;
  const next = t.plan.stages[t.state.stageIndex + 1];
  if (t.state.stopped === null && next !== undefined) {
    t.add({ index: t.state.stageIndex + 1, type: 'stage.started' });
    // One that fails before it begins may stop the rest of its stage, which is withdrawn then.
    for (const plan of next.actions) if (t.state.stopped === null) startAction(t, plan);
    return true;
  }
  return phases.includes('quiet') ? false : end(t);
}

function currentStages(t: Transition): readonly PlanAction[] {
  return t.plan.stages.slice(0, t.state.stageIndex + 1).flatMap((stage) => stage.actions);
}

/** Phases that end at once when nothing new may begin: nothing of them is under way at a target. */
const WITHDRAWABLE: ReadonlySet<ActionPhase> = new Set<ActionPhase>([
  'idle',
  'quiet',
  'awaiting_approval',
  'reserving',
  'backoff',
  'paused',
  'waiting',
]);

function withdrawWaiting(t: Transition): boolean {
  const { stopped } = t.state;
  let withdrawn = false;
  for (const plan of currentStages(t)) {
    const action = t.action(plan.actionId);
    if (!WITHDRAWABLE.has(action.phase)) continue;
    withdraw(t, plan, action, stopped ?? 'cancelled');
    withdrawn = true;
  }
  return withdrawn;
}

function withdraw(t: Transition, plan: PlanAction, action: ActionState, why: string): void {
  const approval = action.approvalId === null ? undefined : t.state.approvals[action.approvalId];
  if (approval?.status === 'PENDING') {
    t.add({ type: 'approval.decided', approvalId: approval.id, status: 'VOIDED', fallback: why });
  }
  if (action.phase === 'waiting') return settle(t, plan, 'SUCCESS', why, 'expired');
  // Kept back in its first try it was never begun; after an earlier one it is like what pauses between two.
  const triedBefore = action.phase === 'paused' && action.performedAt !== null;
  if (action.phase === 'backoff' || triedBefore)
    return settleFailed(t, plan, why === 'timed_out' ? 'TIMED_OUT' : 'FAILED', why);
  settle(t, plan, why === 'timed_out' ? 'TIMED_OUT' : 'SKIPPED', why);
}

/** After a stage: does what happened in it forbid the next one? */
function stopAfterStage(t: Transition): boolean {
  for (const plan of currentStages(t)) {
    const { status } = t.action(plan.actionId);
    if (isFailure(status) && plan.onFailure !== 'CONTINUE') return stop(t, 'failure');
    if (status === 'DENIED' && plan.onDenied === 'HALT') return stop(t, 'denied');
  }
  return false;
}

function stop(t: Transition, why: 'failure' | 'denied'): boolean {
  t.add({ type: 'execution.stopped', why });
  return true;
}

/** Ends the execution, after undoing what has to be undone. */
function end(t: Transition): boolean {
  if (wantsCompensation(t) && !t.state.compensated) {
    startCompensation(t, t.state.cancel?.reason ?? 'an action failed');
    if (t.state.compensation !== null) return true;
  }
  t.add({ status: finalStatus(t), type: 'execution.ended' });
  return false;
}

const DONE: ReadonlySet<ActionStatus> = new Set<ActionStatus>(['SUCCESS', 'COMPENSATED', 'NOT_NEEDED', 'SUPERSEDED']);

/** What was undone because its time was over had been done. */
function wasDone(action: ActionState): boolean {
  return action.status !== null && DONE.has(action.status) && action.isRolledBack !== true;
}

function finalStatus(t: Transition): ExecutionStatus {
  const actions = currentStages(t).map((plan) => t.action(plan.actionId));
  const statuses = actions.map(({ status }) => status);
  if (statuses.includes('COMPENSATION_FAILED')) return 'COMPENSATION_FAILED';
  if (t.state.compensated) return 'ROLLED_BACK';
  const done = actions.some((action) => wasDone(action));
  // A child has one action: its parent must not take for left out what was under way when it was stopped, and was done or is held.
  if (t.state.parent !== null && done) return 'COMPLETED';
  if (t.state.parent !== null && actions.some(({ reason }) => reason === 'already_held')) return 'SKIPPED';
  if (t.state.stopped === 'cancelled') return 'CANCELLED';
  if (t.state.stopped === 'denied') return 'HALTED_BY_APPROVAL';
  if (statuses.some(isFailure) || t.state.stopped === 'timed_out') {
    if (done) return 'PARTIALLY_COMPLETED';
    // A person's retry after a roll-back has done nothing: all is as it was before.
    return isRolledBack(t) ? 'ROLLED_BACK' : 'FAILED';
  }
  if (statuses.includes('DENIED')) return 'PARTIALLY_COMPLETED';
  return done ? 'COMPLETED' : 'SKIPPED';
}

/** Nothing new begins; what is under way at a target is awaited; `compensate` undoes it afterwards. */
export function takeCancel(t: Transition): void {
  if (t.state.ended !== null) return t.add({ type: 'input.ignored', why: 'the execution is over' });
  if (t.state.stopped === 'cancelled') return t.add({ type: 'input.ignored', why: 'already cancelled' });
  t.add({ type: 'execution.stopped', why: 'cancelled' });
}

/**
 * A person's retry of an execution that is over: failed, unknown and timed-out actions only, in a new generation. Not one that is being
 * taken back because its time is over: its undo may still land, and take away what the retry does or finds.
 */
export function takeRetry(t: Transition): void {
  if (t.state.ended === null) return t.add({ type: 'input.ignored', why: 'the execution is still running' });
  const failed = currentStages(t)
    .map((plan) => ({ plan, before: t.action(plan.actionId) }))
    .filter(({ before }) => isFailure(before.status));
  if (failed.length === 0) return t.add({ type: 'input.ignored', why: 'no action failed' });
  const again = failed.filter(({ before }) => before.phase === 'settled');
  if (again.length === 0) return t.add({ type: 'input.ignored', why: 'what failed is being taken back' });
  t.add({ type: 'execution.retried', actionIds: again.map(({ plan }) => plan.actionId) });
  for (const { plan, before } of again) retryAction(t, plan, before);
}

/** Reads the target first where an earlier try may have taken effect: a repeat must not do it a second time. */
function retryAction(t: Transition, plan: PlanAction, before: ActionState): void {
  // What one before it has stopped stays as it was: its call of the run before may be unknown.
  if (t.state.stopped !== null) return settle(t, plan, before.status ?? 'FAILED', before.reason);
  if (before.key === null) return startAction(t, plan);
  if (!before.sent || !plan.declaration.readBack) return startAttempt(t, plan);
  const { actionId } = plan;
  const { generation } = t.action(actionId);
  // Attempt 0: looking does not use up a try, or an action without retries could never be repeated by anybody.
  t.add({ type: 'attempt.started', actionId, attempt: 0, generation, key: before.key, phase: 'verifying' });
}
