import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { actionOf, isForAccounts, type Broken, type ExecutionModel, type Of } from './model.ts';

export const FAILURES = new Set(['FAILED', 'UNKNOWN', 'TIMED_OUT']);

/** Stages begin in their order, each when the one before is settled, and none after a stop. */
export function takeStage(execution: ExecutionModel, { index }: Of<'stage.started'>, broken: Broken): void {
  if (index !== execution.stage + 1) broken('order', `${execution.id} starts stage ${index} out of order`);
  if (execution.stopped !== null) broken('stops', `${execution.id} starts a stage after it was stopped`);
  for (const { actions } of execution.plan.stages.slice(0, index)) {
    for (const { actionId } of actions)
      // What can wait for the morning holds up nothing.
      if (!['settled', 'quiet'].includes(actionOf(execution, actionId).phase))
        broken('order', `${execution.id} starts stage ${index} before ${actionId} is settled`);
  }
  execution.stage = index;
}

/** Whatever stops an execution has to be there. */
export function takeStop(
  execution: ExecutionModel,
  { why }: Of<'execution.stopped'>,
  input: Input,
  broken: Broken,
): void {
  const actions = [...execution.actions.values()];
  const because = {
    // A parent that is undone cancels a child that a person had begun anew; one that was stopped starts it only to end it.
    cancelled:
      input.type === 'cancel' ||
      (input.type === 'compensate' && input.by.type === 'engine') ||
      (input.type === 'start' && input.isCancelled === true && execution.parent !== null),
    timed_out: input.type === 'timer' && input.name === 'execution' && isAtWork(execution),
    denied: actions.some(({ status, plan }) => status === 'DENIED' && plan.onDenied === 'HALT'),
    failure: actions.some(({ status, plan }) => FAILURES.has(status ?? '') && plan.onFailure !== 'CONTINUE'),
  };
  if (!because[why]) broken('stops', `${execution.id} stops as ${why} without a reason`);
  execution.stopped = why;
  execution.isToBeUndone = input.type === 'compensate' || (input.type === 'cancel' && input.compensate);
}

/** Its time is for what is to be done: people take theirs, and an undo that began when a containment was over takes what it takes. */
function isAtWork({ plan, stage, actions }: ExecutionModel): boolean {
  const begun = plan.stages.slice(0, stage + 1).flatMap((each) => each.actions.map(({ actionId }) => actionId));
  return begun.some((actionId) => {
    const { phase, undoneFor } = actions.get(actionId) ?? { phase: 'settled', undoneFor: null };
    return undoneFor === null && !['settled', 'asked', 'quiet', 'kept back', 'undoing'].includes(phase);
  });
}

/** Only what failed is tried again, in a new generation. */
export function takeRetried(
  execution: ExecutionModel,
  fact: Of<'execution.retried'>,
  input: Input,
  broken: Broken,
): void {
  if (input.type !== 'retry') broken('keys', `${execution.id} is retried by nobody`);
  Object.assign(execution, { stopped: null, isToBeUndone: false, ended: null });
  for (const actionId of fact.actionIds) {
    const action = actionOf(execution, actionId);
    if (!FAILURES.has(action.status ?? '')) broken('keys', `${execution.id} retries what did not fail`);
    if (action.phase !== 'settled') broken('keys', `${execution.id} retries what is being taken back`);
    Object.assign(action, {
      phase: 'idle',
      status: null,
      attempt: 0,
      interruptions: 0,
      undoAttempt: 0,
      hasPrior: false,
      refused: false,
      // What is asked for again of one target counts once; for accounts those that are left count anew.
      reserved: action.reserved && !isForAccounts(execution, action),
    });
    action.generation += 1;
  }
}

/** An execution ends when nothing of it is under way, and says what could not be undone. */
export function takeEnd(execution: ExecutionModel, { status }: Of<'execution.ended'>, broken: Broken): void {
  execution.ended = status;
  execution.undoneFrom = null;
  for (const { plan, phase, status: own } of execution.actions.values()) {
    if (phase !== 'settled' && phase !== 'idle')
      broken('order', `${execution.id} ends while ${plan.actionId} is ${phase}`);
    if (phase === 'idle' && execution.stopped === null)
      broken('order', `${execution.id} ends before ${plan.actionId} began`);
    if (own === 'COMPENSATION_FAILED' && status !== 'COMPENSATION_FAILED')
      broken('compensation', `${execution.id} ends ${status} although ${plan.actionId} could not be undone`);
  }
}
