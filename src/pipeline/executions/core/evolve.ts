import { invariant } from '../../../platform/errors.ts';
import type { Fact } from './facts.ts';
import type { Input } from './inputs.ts';
import {
  withEscalation,
  withoutVote,
  withVote,
  withBrokenGlass,
  withTarget,
  withReply,
  withSpentNonce,
} from './evolve-approval.ts';
import { withAttempt } from './evolve-attempt.ts';
import { withChildren } from './evolve-children.ts';
import { withUndo, type UndoFact } from './evolve-undo.ts';
import { idleAction } from './idle-action.ts';
import { isRunning, type ActionState, type ApprovalState, type ExecutionState } from './state.ts';

/**
 * The state after one fact of one input. Pure and total over every fact ever written: the meaning of a stored
 * fact never changes, because the state is nothing but the fold of the records.
 */
export function evolve(state: ExecutionState | null, fact: Fact, input: Input): ExecutionState {
  if (fact.type === 'execution.started') return started(input);
  invariant(state !== null, `${fact.type} before execution.started`);
  const after = accountForTime(state, evolveStarted(state, fact, input), input.at);
  return input.core === undefined || input.core === after.core ? after : { ...after, core: input.core };
}

/** Running time counts from when something becomes busy until nothing is any more. */
function accountForTime(before: ExecutionState, after: ExecutionState, at: number): ExecutionState {
  const running = isRunning(after);
  if (running === (before.runningSince !== null)) return after;
  if (running) return { ...after, runningSince: at };
  return { ...after, ranMs: after.ranMs + Math.max(0, at - (before.runningSince ?? at)), runningSince: null };
}

function started(input: Input): ExecutionState {
  invariant(input.type === 'start', 'execution.started belongs to a start');
  return {
    id: input.executionId,
    journalId: input.journalId,
    planHash: input.planHash,
    core: input.core ?? null,
    riskLevel: input.riskLevel,
    requester: input.requester,
    authorIds: input.authorIds,
    snapshot: input.snapshot,
    parent: input.parent,
    startedAt: input.at,
    stageIndex: -1,
    actions: {},
    approvals: {},
    settledOrder: [],
    stopped: null,
    cancel: null,
    compensation: null,
    compensated: false,
    ranMs: 0,
    runningSince: null,
    ended: null,
    ends: 0,
    firstIncident: null,
    incidentAsOf: 0,
    reported: null,
  };
}

function evolveStarted(
  state: ExecutionState,
  fact: Exclude<Fact, { type: 'execution.started' }>,
  input: Input,
): ExecutionState {
  switch (fact.type) {
    case 'stage.started':
      return { ...state, stageIndex: fact.index };
    case 'approval.requested':
    case 'approval.escalated':
    case 'approval.reminded':
    case 'approval.unanswerable':
    case 'vote.cast':
    case 'vote.refused':
    case 'service.answered':
    case 'vote.withdrawn':
    case 'withdrawal.refused':
    case 'approval.broken_glass':
    case 'approval.glass_refused':
    case 'approval.decided':
      return evolveApproval(state, fact, input);
    case 'attempt.started':
    case 'attempt.observed':
    case 'attempt.performed':
    case 'attempt.verified':
    case 'attempt.interrupted':
    case 'attempt.failed':
    case 'attempt.paused':
    case 'attempt.resumed':
    case 'hold.shared':
      return withAction(state, fact.actionId, withAttempt(actionOf(state, fact.actionId), fact, input));
    case 'action.prepared':
      return withAction(state, fact.actionId, {
        target: fact.target,
        accounts: fact.accounts,
        parameters: fact.parameters,
      });
    case 'quiet.awaited':
      return withAction(state, fact.actionId, { phase: 'quiet', resumeAt: fact.resumeAt });
    case 'quiet.ended':
      return withAction(state, fact.actionId, { phase: 'idle', resumeAt: null, hasWaited: true });
    case 'containment.extended':
      return withAction(state, fact.actionId, { containedUntil: fact.until });
    case 'reservation.requested':
      return withAction(state, fact.actionId, { phase: 'reserving' });
    case 'reservation.made':
    case 'reservation.refused': {
      const { reservations } = actionOf(state, fact.actionId);
      const reserved = fact.type === 'reservation.made';
      return withAction(state, fact.actionId, { phase: 'idle', reserved, reservations: reservations + 1 });
    }
    case 'attempt.late':
    case 'input.ignored':
      return state;
    case 'retry.scheduled':
      return withAction(state, fact.actionId, { phase: 'backoff', resumeAt: fact.resumeAt });
    case 'settling.awaited': {
      const failing = fact.failed ?? actionOf(state, fact.actionId).failing;
      return withAction(state, fact.actionId, { phase: 'settling', resumeAt: fact.resumeAt, failing });
    }
    case 'verification.repeated': {
      const { rereads } = actionOf(state, fact.actionId);
      return withAction(state, fact.actionId, {
        phase: 'verifying',
        verifyingSince: input.at,
        rereads: rereads + 1,
        resumeAt: null,
      });
    }
    case 'action.waiting':
      return withAction(state, fact.actionId, { phase: 'waiting', waitUntil: fact.until, resumeAt: fact.resumeAt });
    case 'check.started': {
      const { checks } = actionOf(state, fact.actionId);
      return withAction(state, fact.actionId, { phase: 'checking', checks: checks + 1, resumeAt: null });
    }
    case 'children.started':
    case 'children.spawned':
    case 'child.settled':
      return withAction(state, fact.actionId, withChildren(actionOf(state, fact.actionId), fact, input));
    case 'action.settled':
      return settled(state, fact, input.at);
    case 'compensation.started':
      return { ...state, ended: null, reported: null, compensation: { reason: fact.reason, queue: fact.queue } };
    case 'undo.started':
    case 'undo.awaited':
    case 'undo.paused':
    case 'undo.resumed':
    case 'undo.failed':
    case 'undo.settled':
      return evolveUndo(state, fact);
    case 'execution.stopped':
      return { ...state, stopped: fact.why, cancel: cancelOf(input) ?? state.cancel };
    case 'execution.retried':
      return retried(state, fact.actionIds);
    case 'execution.ended':
      // Each end is told, also one with the same status as an end before: somebody waits for every one of them.
      return { ...state, ended: { status: fact.status, at: input.at }, ends: state.ends + 1, reported: null };
    case 'incident.noted': {
      invariant(input.type === 'incident', 'incident.noted belongs to an incident input');
      const snapshot = { ...state.snapshot, incident: input.incident, accounts: input.accounts };
      const firstIncident = state.firstIncident ?? state.snapshot.incident;
      return { ...state, snapshot, firstIncident, incidentAsOf: input.asOf ?? state.incidentAsOf };
    }
    case 'end.reported': {
      // The news of an end before may arrive when it has ended once more: that one is still to be told.
      const told = input.type === 'reported' && (input.end ?? 1) === state.ends;
      return told ? { ...state, reported: input.status } : state;
    }
    default:
      return unreachable(fact);
  }
}

function unreachable(fact: never): never {
  throw new Error(`unknown fact ${JSON.stringify(fact)}`);
}

/** A parent that is undone cancels a child that runs, and has it undone. */
function cancelOf(input: Input): ExecutionState['cancel'] {
  if (input.type === 'compensate') return { by: input.by, reason: input.reason, compensate: true };
  return input.type === 'cancel' ? { by: input.by, reason: input.reason, compensate: input.compensate } : null;
}

type ApprovalFact = Extract<
  Fact,
  { type: `approval.${string}` | `vote.${string}` | 'withdrawal.refused' | 'service.answered' }
>;

function evolveApproval(state: ExecutionState, fact: ApprovalFact, input: Input): ExecutionState {
  switch (fact.type) {
    case 'approval.requested': {
      const { approval, actionId, purpose } = fact;
      const subjectIds = withTarget(approval.subjectIds, actionOf(state, actionId));
      const asked = { actionId, purpose, requestedAt: input.at, decidedAt: null };
      const requested: ApprovalState = { ...approval, subjectIds, ...asked };
      const phase = purpose === 'question' ? 'waiting' : 'awaiting_approval';
      const next = withAction(state, actionId, { phase, approvalId: approval.id, resumeAt: null });
      return { ...next, approvals: { ...next.approvals, [approval.id]: requested } };
    }
    case 'approval.escalated':
      return withApproval(state, withEscalation(approvalOf(state, fact.approvalId), fact, input.at));
    case 'approval.reminded':
      return withApproval(state, { ...approvalOf(state, fact.approvalId), isReminded: true });
    case 'vote.cast':
      return withApproval(state, withVote(approvalOf(state, fact.approvalId), fact, input));
    case 'vote.withdrawn':
      return withApproval(state, withoutVote(approvalOf(state, fact.approvalId), fact, input));
    case 'service.answered':
      return withApproval(state, withReply(approvalOf(state, fact.approvalId), fact, input));
    case 'approval.broken_glass':
      return withApproval(state, withBrokenGlass(approvalOf(state, fact.approvalId), input));
    case 'vote.refused':
      return withApproval(state, withSpentNonce(approvalOf(state, fact.approvalId), input));
    case 'withdrawal.refused':
    case 'approval.glass_refused':
    case 'approval.unanswerable':
      return state;
    case 'approval.decided':
      return withApproval(state, { ...approvalOf(state, fact.approvalId), status: fact.status, decidedAt: input.at });
    default:
      return unreachable(fact);
  }
}

function settled(state: ExecutionState, fact: Extract<Fact, { type: 'action.settled' }>, at: number): ExecutionState {
  const { actionId, status, reason, outcome } = fact;
  const next = withAction(state, actionId, {
    phase: 'settled',
    status,
    reason,
    outcome,
    settledAt: at,
    resumeAt: null,
  });
  return { ...next, settledOrder: [...state.settledOrder.filter((id) => id !== actionId), actionId] };
}

function evolveUndo(state: ExecutionState, fact: UndoFact): ExecutionState {
  const { actionId } = fact;
  const next = withAction(state, actionId, withUndo(actionOf(state, actionId), fact));
  if (fact.type !== 'undo.settled' || next.compensation === null) return next;
  const queue = next.compensation.queue.filter((id) => id !== actionId);
  const compensation = queue.length > 0 ? { ...next.compensation, queue } : null;
  return { ...withAction(next, actionId, { isRolledBack: true }), compensation, compensated: true };
}

/** A person's retry: the named actions begin anew in a new generation, and the execution is alive again. */
function retried(state: ExecutionState, actionIds: readonly string[]): ExecutionState {
  let next: ExecutionState = {
    ...state,
    ended: null,
    reported: null,
    stopped: null,
    cancel: null,
    compensated: false,
    // The time limit is one of each run; without this, a run that timed out would time out again at once.
    ranMs: 0,
    settledOrder: state.settledOrder.filter((id) => !actionIds.includes(id)),
  };
  for (const actionId of actionIds) {
    const { generation, accounts, reserved } = actionOf(next, actionId);
    next = withAction(next, actionId, {
      phase: 'idle',
      status: null,
      reason: null,
      generation: generation + 1,
      attempt: 0,
      interruptions: 0,
      error: null,
      outcome: null,
      settledAt: null,
      undoAttempt: 0,
      // A retry for accounts is for other ones than those that were counted.
      reserved: reserved && accounts.length === 0,
      undoTriesFrom: 0,
    });
  }
  return next;
}

/** The action, or an idle one: ids come from outside, so only own members count. */
export function actionOf(state: ExecutionState, actionId: string): ActionState {
  return (Object.hasOwn(state.actions, actionId) ? state.actions[actionId] : undefined) ?? idleAction(actionId);
}

function approvalOf(state: ExecutionState, approvalId: string): ApprovalState {
  const approval = state.approvals[approvalId];
  invariant(approval !== undefined, `no approval ${approvalId}`);
  return approval;
}

function withApproval(state: ExecutionState, approval: ApprovalState): ExecutionState {
  return { ...state, approvals: { ...state.approvals, [approval.id]: approval } };
}

function withAction(state: ExecutionState, actionId: string, change: Partial<ActionState>): ExecutionState {
  const action = { ...actionOf(state, actionId), ...change };
  return { ...state, actions: { ...state.actions, [actionId]: action } };
}
