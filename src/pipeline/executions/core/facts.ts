import type { ActionTarget, JsonObject } from '../../actions/contract.ts';
import type { Approval, OnCall } from '../../approvals/approval.ts';
import type { ActionStatus, ExecutionStatus, Failing } from './state.ts';

/**
 * What was decided, in the past tense. The facts of one input stand in one record beside it; a fact does not
 * repeat what its input says already, so `evolve` reads both.
 */
export type Fact =
  | { readonly type: 'execution.started' }
  | { readonly type: 'stage.started'; readonly index: number }
  | {
      readonly type: 'approval.requested';
      readonly actionId: string;
      readonly purpose: 'gate' | 'question' | 'condition_error' | 'blast_radius';
      readonly approval: Approval;
    }
  /** Exactly what will be done to whom: templates resolved; `accounts` for a fan-out action, else empty. */
  | {
      readonly type: 'action.prepared';
      readonly actionId: string;
      readonly target: ActionTarget;
      readonly accounts: readonly string[];
      readonly parameters: JsonObject;
    }
  /** Nobody has decided yet; whoever the step names may answer, too, from now on. */
  | {
      readonly type: 'approval.escalated';
      readonly approvalId: string;
      readonly level: number;
      readonly delayMs: number;
      readonly escalateTo: string;
      /** Who is on call by the schedules that the step opens; an empty list: nobody. Absent: it opens none. */
      readonly onCall?: OnCall;
    }
  /** Whoever may answer is too few to decide it: waiting would be silent. */
  | { readonly type: 'approval.unanswerable'; readonly approvalId: string; readonly eligible: number }
  /** Most of its time is over, and nobody has decided. */
  | { readonly type: 'approval.reminded'; readonly approvalId: string }
  /** `delegationId`: it takes the seat that was lent by it, of those that its input names. */
  | { readonly type: 'vote.cast'; readonly approvalId: string; readonly delegationId?: string }
  /** The vote that this account gave counts nothing any more. */
  | { readonly type: 'vote.withdrawn'; readonly approvalId: string; readonly userId: string }
  | { readonly type: 'withdrawal.refused'; readonly approvalId: string; readonly code: string; readonly reason: string }
  /** The service was heard, or is known not to answer; what it said stands in the input. */
  | { readonly type: 'service.answered'; readonly approvalId: string; readonly service: string }
  | { readonly type: 'vote.refused'; readonly approvalId: string; readonly code: string; readonly reason: string }
  /** One person decided alone, as declared: see its input. The decision follows. */
  | { readonly type: 'approval.broken_glass'; readonly approvalId: string }
  | {
      readonly type: 'approval.glass_refused';
      readonly approvalId: string;
      readonly code: string;
      readonly reason: string;
    }
  | {
      readonly type: 'approval.decided';
      readonly approvalId: string;
      readonly status: 'APPROVED' | 'DENIED' | 'EXPIRED' | 'VOIDED';
      /** What took the decision when no vote did: the gate's fallback, or `cancelled`. */
      readonly fallback: string | null;
    }
  /** It is quiet, and the action can wait. */
  | { readonly type: 'quiet.awaited'; readonly actionId: string; readonly resumeAt: number }
  /** It waits no longer: the hours are over, somebody let it go, or the incident has become too severe. */
  | { readonly type: 'quiet.ended'; readonly actionId: string; readonly why: 'over' | 'released' | 'severity' }
  /** A person keeps a containment for longer. */
  | { readonly type: 'containment.extended'; readonly actionId: string; readonly until: number }
  /** Its action type has a limit by the hour: the limiter is asked before the first call. */
  | { readonly type: 'reservation.requested'; readonly actionId: string }
  | { readonly type: 'reservation.made'; readonly actionId: string }
  /** The hour is full: a person is asked. */
  | { readonly type: 'reservation.refused'; readonly actionId: string; readonly used: number; readonly perHour: number }
  | {
      readonly type: 'attempt.started';
      readonly actionId: string;
      readonly attempt: number;
      readonly generation: number;
      readonly key: string;
      readonly phase: 'observing' | 'performing' | 'verifying';
    }
  | { readonly type: 'attempt.observed'; readonly actionId: string }
  | { readonly type: 'attempt.performed'; readonly actionId: string }
  /** Another execution contained the same target first: its hold and its prior state are shared. */
  | { readonly type: 'hold.shared'; readonly actionId: string }
  | { readonly type: 'attempt.verified'; readonly actionId: string }
  | {
      readonly type: 'attempt.interrupted';
      readonly actionId: string;
      readonly next: 'verifying' | 'performing' | 'none';
      /** Until when the call may still take effect. */
      readonly landsUntil?: number;
    }
  | {
      readonly type: 'attempt.failed';
      readonly actionId: string;
      readonly code: string;
      readonly next: 'verifying' | 'none';
      /** Until when a call without an answer may still take effect. */
      readonly landsUntil?: number;
    }
  /** The call was kept back by a pause, and waits for people; its attempt goes on as it is when they resume. In what was stopped it ends so. */
  | { readonly type: 'attempt.paused'; readonly actionId: string }
  | {
      readonly type: 'attempt.resumed';
      readonly actionId: string;
      /** `observing`: what was seen before the pause may be another one's by now. */
      readonly phase: 'observing' | 'performing';
    }
  | { readonly type: 'attempt.late'; readonly actionId: string; readonly attempt: number }
  | { readonly type: 'retry.scheduled'; readonly actionId: string; readonly resumeAt: number }
  | {
      readonly type: 'settling.awaited';
      readonly actionId: string;
      readonly resumeAt: number;
      /** It is the last look: the action has failed so, unless its effect shows. */
      readonly failed?: Failing;
    }
  | { readonly type: 'verification.repeated'; readonly actionId: string }
  | {
      readonly type: 'action.waiting';
      readonly actionId: string;
      readonly until: number;
      readonly resumeAt: number | null;
    }
  | { readonly type: 'check.started'; readonly actionId: string }
  | {
      readonly type: 'children.started';
      readonly actionId: string;
      readonly children: readonly { readonly id: string; readonly account: string }[];
    }
  | { readonly type: 'children.spawned'; readonly actionId: string }
  | { readonly type: 'child.settled'; readonly actionId: string }
  | {
      readonly type: 'action.settled';
      readonly actionId: string;
      readonly status: ActionStatus;
      readonly reason: string | null;
      readonly outcome: string | null;
    }
  | { readonly type: 'compensation.started'; readonly reason: string; readonly queue: readonly string[] }
  | { readonly type: 'undo.started'; readonly actionId: string; readonly attempt: number; readonly key: string }
  /** A call of the action may still take effect: undone before that, it would stay. */
  | { readonly type: 'undo.awaited'; readonly actionId: string; readonly resumeAt: number }
  | { readonly type: 'undo.paused'; readonly actionId: string }
  | { readonly type: 'undo.resumed'; readonly actionId: string }
  | { readonly type: 'undo.failed'; readonly actionId: string; readonly code: string; readonly resumeAt: number }
  | {
      readonly type: 'undo.settled';
      readonly actionId: string;
      readonly status: ActionStatus;
      readonly reason: string | null;
    }
  | { readonly type: 'execution.stopped'; readonly why: 'failure' | 'denied' | 'cancelled' | 'timed_out' }
  | { readonly type: 'execution.retried'; readonly actionIds: readonly string[] }
  | { readonly type: 'execution.ended'; readonly status: ExecutionStatus }
  | { readonly type: 'incident.noted' }
  | { readonly type: 'end.reported' }
  | { readonly type: 'input.ignored'; readonly why: string };
