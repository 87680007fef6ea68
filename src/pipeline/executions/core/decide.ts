import type { Plan } from '../../playbooks/plan.ts';
import { takeChecked, takeInterrupted, takeObserved, takePerformed, takeVerified } from './attempts.ts';
import { takeBreakGlass } from './break-glass.ts';
import { takeChild, takeIncident, takeSpawned } from './children.ts';
import { takeCompensate, takeUndone } from './compensation.ts';
import type { Fact } from './facts.ts';
import type { Input } from './inputs.ts';
import { advance, takeCancel, takeRetry } from './progress.ts';
import type { ExecutionState } from './state.ts';
import { takeTimer, takeUnanswerable } from './timers.ts';
import { takeExtend } from './extending.ts';
import { takeRelease, wakeUrgent } from './quiet.ts';
import { takePaused, takeResumed } from './pausing.ts';
import { takeServiceAnswer } from './service-answers.ts';
import { takeReserved } from './reserving.ts';
import { beginTransition, type Transition } from './transition.ts';
import { takeVote, takeWithdrawal } from './votes.ts';

/** What was decided, and the state it leads to. */
export interface Decision {
  readonly facts: readonly Fact[];
  readonly state: ExecutionState;
}

/**
 * The state machine of an execution. Pure: the same plan, state and input give the same facts, for ever; there is
 * no clock, id, random number or outside answer that is not in the input.
 *
 * Never throws for an input that a caller, a target or a clock can produce: what does not fit (a late answer, a
 * vote after the decision, a timer that no longer counts) becomes a fact that says so and changes nothing else.
 *
 * @param plan the plan whose hash the start input named; it is immutable.
 * @param state null for a start input, else the fold of all records so far.
 */
export function decide(plan: Plan, state: ExecutionState | null, input: Input): Decision {
  const transition = beginTransition(plan, state, input);
  take(transition, input);
  advance(transition);
  return { facts: transition.facts, state: transition.state };
}

function take(transition: Transition, input: Input): void {
  switch (input.type) {
    case 'start':
      transition.add({ type: 'execution.started' });
      if (input.isCancelled === true) transition.add({ type: 'execution.stopped', why: 'cancelled' });
      return;
    case 'observed':
      return takeObserved(transition, input);
    case 'performed':
      return takePerformed(transition, input);
    case 'verified':
      return takeVerified(transition, input);
    case 'checked':
      return takeChecked(transition, input);
    case 'undone':
      return takeUndone(transition, input);
    case 'interrupted':
      return takeInterrupted(transition, input);
    case 'paused':
      return takePaused(transition, input);
    case 'resumed':
      return takeResumed(transition, input);
    case 'reserved':
      return takeReserved(transition, input);
    case 'timer':
      return takeTimer(transition, input);
    case 'vote':
      return takeVote(transition, input);
    case 'service_answer':
      return takeServiceAnswer(transition, input);
    case 'withdraw':
      return takeWithdrawal(transition, input);
    case 'break_glass':
      return takeBreakGlass(transition, input);
    case 'cancel':
      return takeCancel(transition);
    case 'retry':
      return takeRetry(transition);
    case 'compensate':
      return takeCompensate(transition, input);
    case 'spawned':
      return takeSpawned(transition, input);
    case 'child':
      return takeChild(transition, input);
    case 'reported':
      return transition.add({ type: 'end.reported' });
    case 'incident':
      takeIncident(transition, input);
      return wakeUrgent(transition);
    case 'release':
      return takeRelease(transition, input);
    case 'extend':
      return takeExtend(transition, input);
    case 'unanswerable':
      return takeUnanswerable(transition, input);
    default:
      return input;
  }
}
