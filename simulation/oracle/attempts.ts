import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { errorIn, readingIn } from './answers.ts';
import { checkAllowed } from './approvals.ts';
import { actionOf, expectedKey, type ActionModel, type ExecutionModel, type Judge, type Of } from './model.ts';

/** An attempt begins when it is allowed, after its pause, under the key it must have, and not once too often. */
export function takeAttempt(execution: ExecutionModel, fact: Of<'attempt.started'>, input: Input, judge: Judge): void {
  const { broken, journalId, keys } = judge;
  const action = actionOf(execution, fact.actionId);
  const { plan } = action;
  checkAllowed(execution, action, 'begins an attempt', [action.target], broken);
  if (action.due !== null && action.due > input.at)
    broken('timers', `${execution.id} ${plan.actionId} begins before its pause is over`);
  if (fact.generation !== action.generation)
    broken('keys', `${execution.id} ${plan.actionId} counts generations wrongly`);
  if (action.refused && fact.phase !== 'verifying')
    broken('retries', `${execution.id} ${plan.actionId} is tried again after it was refused`);
  // What an undo restores is what was there before this run called, not before one that left nothing.
  if (fact.phase === 'performing' && plan.declaration.holds !== null && !action.hasPrior)
    broken('holds', `${execution.id} ${plan.actionId} is called, and nobody has looked at the state before`);
  if (fact.phase !== 'verifying') {
    if (fact.attempt !== action.attempt + 1) broken('order', `${execution.id} ${plan.actionId} counts wrongly`);
    const { actionId, generation } = fact;
    const key = expectedKey(journalId, execution.id, actionId, 'perform', generation);
    if (fact.key !== key) broken('keys', `${execution.id} ${plan.actionId} has another key than it must`);
    keys.set(key, { executionId: execution.id, actionId, direction: 'perform', generation });
  }
  if (fact.attempt - action.interruptions > plan.retry.maxRetries + 1)
    broken('retries', `${execution.id} ${plan.actionId} begins attempt ${fact.attempt}`);
  Object.assign(action, { phase: fact.phase, attempt: fact.attempt, reads: 0, status: null, due: null });
  Object.assign(action, { performed: false, shared: false });
  if (fact.phase !== 'verifying') action.calledAt = input.at;
}

/** An action settles as what was seen, denied or answered, never as more. */
export function takeSettled(
  execution: ExecutionModel,
  fact: Of<'action.settled'>,
  input: Input,
  { broken }: Judge,
): void {
  const action = actionOf(execution, fact.actionId);
  const { plan } = action;
  const alone = plan.forEach === null || execution.parent !== null;
  if (fact.status === 'SUCCESS' && alone && !action.performed)
    broken('success', `${execution.id} ${plan.actionId} succeeds without an effect that was seen`);
  const isSaidToFail = fact.status === 'FAILED' || fact.status === 'TIMED_OUT';
  if (isSaidToFail && alone && action.mayBeDone && !plan.declaration.readBack)
    broken('unknown', `${execution.id} ${plan.actionId} is said to have failed, and nobody knows that`);
  const tally = action.approvalId === null ? undefined : execution.approvals.get(action.approvalId);
  if (fact.status === 'DENIED' && (tally === undefined || tally.decided === null || tally.decided === 'APPROVED'))
    broken('votes', `${execution.id} ${plan.actionId} is denied by nobody`);
  if ((fact.outcome === 'approved' || fact.outcome === 'denied') && tally?.verdict !== fact.outcome)
    broken('votes', `${execution.id} ${plan.actionId} invents an answer`);
  execution.settledCount += 1;
  Object.assign(action, { phase: 'settled', status: fact.status, reason: fact.reason, due: null });
  Object.assign(action, { settledNo: execution.settledCount, settledAt: input.at });
  if (fact.reason === 'already_held') action.shared = true;
}

/** What happens within an attempt, and between two. */
export function moveAttempt(
  execution: ExecutionModel,
  action: ActionModel,
  fact: Fact,
  input: Input,
  judge: Judge,
): void {
  const { plan } = action;
  switch (fact.type) {
    case 'attempt.observed':
      action.hasPrior = true;
      action.phase = 'performing';
      return;
    case 'attempt.performed':
      Object.assign(action, { phase: 'verifying', performed: !plan.declaration.readBack, resultUnknown: false });
      return;
    case 'hold.shared':
      Object.assign(action, { shared: true, hasPrior: true, calledAt: input.at });
      return;
    case 'attempt.verified': {
      const reading = readingIn(input);
      const says = reading !== null && 'says' in reading ? reading.says : null;
      action.performed = says === 'holds' || says === 'foreign';
      Object.assign(action, { resultUnknown: false, mayBeDone: false });
      return;
    }
    case 'attempt.interrupted':
      action.interruptions += 1;
      action.mayBeDone = true;
      action.phase = fact.next === 'none' ? 'paused' : fact.next;
      return;
    case 'reservation.requested':
    case 'reservation.made':
    case 'reservation.refused':
      action.phase = 'idle';
      return;
    case 'attempt.paused':
      Object.assign(action, { phase: 'kept back', pauses: action.pauses + 1 });
      return;
    case 'attempt.resumed':
      Object.assign(action, { phase: fact.phase, calledAt: input.at });
      if (fact.phase === 'observing') action.hasPrior = false;
      return;
    case 'attempt.failed':
      action.resultUnknown = errorIn(input)?.resultUnknown === true;
      if (action.phase === 'performing') action.mayBeDone ||= action.resultUnknown;
      if (action.phase !== 'verifying') action.refused = errorIn(input)?.retryable === false && !action.resultUnknown;
      action.phase = fact.next === 'verifying' ? 'verifying' : 'paused';
      return;
    case 'retry.scheduled':
      checkBackoff(execution, action, fact.resumeAt, input, judge);
      Object.assign(action, { phase: 'paused', due: fact.resumeAt });
      return;
    case 'settling.awaited':
    case 'action.waiting':
      Object.assign(action, { phase: 'paused', due: fact.resumeAt });
      return;
    case 'verification.repeated':
      Object.assign(action, { phase: 'verifying', reads: action.reads + 1 });
      return;
    case 'check.started':
      Object.assign(action, { phase: 'checking', checks: action.checks + 1 });
      return;
    default:
  }
}

/** No pause is shorter than the plan says, or than the target asked for. */
function checkBackoff(
  execution: ExecutionModel,
  action: ActionModel,
  resumeAt: number,
  input: Input,
  { broken }: Judge,
): void {
  if (input.type === 'interrupted') return;
  const { retry, actionId } = action.plan;
  let least = retry.backoffMs;
  for (let step = 1; step < action.attempt - action.interruptions; step += 1) least *= retry.backoffMultiplier;
  least = Math.max(least, errorIn(input)?.retryAfterMs ?? 0);
  if (resumeAt < input.at + least) broken('retries', `${execution.id} ${actionId} pauses too short`);
}
