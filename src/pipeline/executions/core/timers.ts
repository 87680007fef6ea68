import { startAttempt } from './attempts.ts';
import { countVotes } from '../../approvals/approval.ts';
import { onCallOfStep, scheduleOf } from '../../approvals/on-call-places.ts';
import { startUndo } from './compensation.ts';
import { nextEscalation, timersOf } from './demands.ts';
import type { TimerInput, UnanswerableInput } from './inputs.ts';
import { endQuiet } from './quiet.ts';
import { planActionOf, type Transition } from './transition.ts';
import { conclude, expireApproval } from './votes.ts';

/** A timer is due. One that the state does not hold (any more) is ignored, and so is one that is not due yet. */
export function takeTimer(t: Transition, input: TimerInput): void {
  const held = timersOf(t.plan, t.state).find(
    (timer) => timer.name === input.name && timer.generation === input.generation,
  );
  if (held === undefined) return t.add({ type: 'input.ignored', why: 'no such timer' });
  if (held.due > input.at) return t.add({ type: 'input.ignored', why: 'not due yet' });
  const [kind = '', id = ''] = splitOnce(input.name);
  if (kind === 'execution') return t.add({ type: 'execution.stopped', why: 'timed_out' });
  if (kind === 'approval') return takeApprovalTimer(t, id);
  if (kind === 'escalation') return escalate(t, id);
  if (kind === 'reminder') return t.add({ type: 'approval.reminded', approvalId: id });
  if (kind === 'ttl') return startUndo(t, planActionOf(t.plan, id));
  resume(t, id);
}

/** After a stop of all processes steps may be due that nobody took: they stand before the end of the time, as late as it is. */
function takeApprovalTimer(t: Transition, approvalId: string): void {
  while (timersOf(t.plan, t.state).some((timer) => timer.name === `escalation:${approvalId}`)) escalate(t, approvalId);
  const approval = t.state.approvals[approvalId];
  if (approval !== undefined) expireApproval(t, approval);
}

/** Too few can answer: the next step is taken at once, and where there is none left the operators are told. */
export function takeUnanswerable(t: Transition, { approvalId, eligible, steps }: UnanswerableInput): void {
  const approval = Object.hasOwn(t.state.approvals, approvalId) ? t.state.approvals[approvalId] : undefined;
  if (approval?.status !== 'PENDING') return t.add({ type: 'input.ignored', why: 'nothing is asked' });
  if (nextEscalation(approval).taken !== steps) return t.add({ type: 'input.ignored', why: 'escalated since' });
  t.add({ type: 'approval.unanswerable', approvalId, eligible });
  escalate(t, approvalId);
}

/**
 * The next step is taken, and the one after it too where nobody is on call by the schedule that the step means: nobody waits for
 * somebody who is not there. Nor for one more vote, where those that were given are enough by the step.
 */
function escalate(t: Transition, approvalId: string): void {
  let isInVain = true;
  while (isInVain) {
    const approval = t.state.approvals[approvalId];
    const step = approval === undefined ? undefined : nextEscalation(approval).step;
    if (approval === undefined || step === undefined) return;
    const onCall = onCallOfStep(approval.requirements, step.delayMs, t.input.onCall ?? {});
    t.add({ type: 'approval.escalated', approvalId, ...step, ...(onCall === null ? {} : { onCall }) });
    if (concludesIfEnough(t, approvalId)) return;
    const schedule = scheduleOf(step.escalateTo);
    isInVain = schedule !== null && onCall?.[schedule]?.length === 0;
  }
}

/** Somebody who has voted may fill another place from a step on. A step that comes after the time to answer approves nothing. */
function concludesIfEnough(t: Transition, approvalId: string): boolean {
  const approval = t.state.approvals[approvalId];
  if (approval === undefined || t.input.at >= approval.expiresAt || countVotes(approval) !== 'approved') return false;
  conclude(t, approval, 'APPROVED', null);
  return true;
}

/** A pause of an action is over: what follows depends on what it paused for. */
function resume(t: Transition, actionId: string): void {
  const plan = planActionOf(t.plan, actionId);
  switch (t.action(actionId).phase) {
    case 'backoff':
      return startAttempt(t, plan);
    case 'quiet':
      return endQuiet(t, actionId, 'over');
    case 'settling':
      return t.add({ type: 'verification.repeated', actionId });
    case 'waiting':
      return t.add({ type: 'check.started', actionId });
    case 'undo_backoff':
      return startUndo(t, plan);
    default:
      return t.add({ type: 'input.ignored', why: 'nothing is paused' });
  }
}

function splitOnce(name: string): readonly string[] {
  const at = name.indexOf(':');
  return at < 0 ? [name] : [name.slice(0, at), name.slice(at + 1)];
}
