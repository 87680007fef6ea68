import { canonicalJson } from '../../../platform/canonical-json.ts';
import { sha256Base64Url } from '../../../platform/hash.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import type { ActionType } from '../../vocabulary.ts';
import { isApprovedByPerson, limitOf, reservedCount } from './blast-radius.ts';
import { atMostMsOf, containedAtOf } from './containment.ts';
import { idempotencyKey, planActionOf } from './transition.ts';
import type { ActionState, ApprovalState, ExecutionState } from './state.ts';
import type { ActionTarget, JsonObject } from '../../actions/contract.ts';

/**
 * What the state asks of the outside. Effects and timers are functions of the state, not lists kept beside it: the
 * runner writes the difference before and after a decision, so a restart finds exactly what is still owed.
 */
export type Effect =
  | AttemptEffect
  | { readonly kind: 'spawn'; readonly name: string; readonly actionId: string }
  /** Asks the limiter of an action type, and has it counted; `approved` by a person it is counted in any case. */
  | {
      readonly kind: 'reserve';
      readonly name: string;
      readonly actionId: string;
      /** What the limiter counts it as: a person's retry of an action for each account is for other ones. */
      readonly countedAs: string;
      readonly turn: number;
      readonly actionType: ActionType;
      /** Targets that it is for. */
      readonly count: number;
      readonly perHour: number;
      readonly approved: boolean;
    }
  /** Waits until people resume; what was kept back is owed again then. */
  | { readonly kind: 'resume'; readonly name: string; readonly actionId: string; readonly turn: number }
  | { readonly kind: 'cancel-children'; readonly name: string; readonly actionId: string }
  | { readonly kind: 'compensate-children'; readonly name: string; readonly actionId: string }
  | AskEffect
  | {
      readonly kind: 'report';
      readonly name: string;
      readonly status: string;
      /** Which end it is, counted from 1. */
      readonly end: number;
      readonly containedAt: number | null;
      readonly parent: { readonly executionId: string; readonly actionId: string } | null;
      readonly incidentId: string;
    };

/** Asks a service outside for its answer to an approval. */
export interface AskEffect {
  readonly kind: 'ask';
  readonly name: string;
  readonly approvalId: string;
  /** As it is configured. */
  readonly service: string;
  readonly intentHash: string;
  /** The same however often it is asked. */
  readonly key: string;
  readonly action: string;
  /** What conditions may read of the event; empty where nobody knows one. */
  readonly event: JsonObject;
  /** Business time, ms since 1970. */
  readonly requestedAt: number;
}

export interface AttemptEffect {
  readonly kind: 'observe' | 'perform' | 'verify' | 'check' | 'undo';
  readonly name: string;
  readonly actionId: string;
  readonly attempt: number;
  /** Which read of the attempt, or which check of the wait, it is; else how often a call was kept back before. */
  readonly turn: number;
  readonly generation: number;
  readonly connector: string;
  readonly actionType: string;
  readonly target: ActionTarget;
  readonly parameters: JsonObject;
  readonly prior: JsonObject | null;
  readonly reply: JsonObject | null;
  readonly key: string;
  /** What the target marks the effect with: the key of the call that made it, also where another execution made it. */
  readonly effectKey: string;
  readonly startedAt: number;
  readonly timeoutMs: number;
  readonly holds: string | null;
  /** Whether the target can be asked if the effect is there. */
  readonly readBack: boolean;
  /** After how long the containment ends by itself, in ms; absent: it does not. */
  readonly ttlMs?: number;
}

export interface HeldTimer {
  readonly name: string;
  readonly generation: number;
  readonly due: number;
}

/** Every effect that is owed now, each with a name that is unique within the execution. */
export function effectsOf(plan: Plan, state: ExecutionState): readonly Effect[] {
  const effects = Object.values(state.actions).flatMap((action) => effectOf(plan, state, action));
  for (const approval of Object.values(state.approvals)) effects.push(...askEffects(plan, state, approval));
  if (state.ended !== null && state.reported !== state.ended.status && tellsSomebody(plan, state)) {
    effects.push({
      kind: 'report',
      name: `report:${state.ends}:${state.ended.status}`,
      status: state.ended.status,
      end: state.ends,
      containedAt: containedAtOf(plan, state),
      parent: state.parent,
      incidentId: state.snapshot.incident.id,
    });
  }
  return effects;
}

/** Of every service that was not heard yet. */
function askEffects(plan: Plan, state: ExecutionState, approval: ApprovalState): readonly AskEffect[] {
  if (approval.status !== 'PENDING' || approval.services === undefined) return [];
  const { id, actionId, intentHash, requestedAt } = approval;
  const { type } = planActionOf(plan, actionId).declaration;
  // The seeds' runbooks, whose words these are, name actions in lower case.
  const action = plan.playbookType === 'RUNBOOK' ? type.toLowerCase() : type;
  return approval.services
    .filter(({ reply }) => reply === undefined)
    .map(({ name: service }) => ({
      kind: 'ask',
      name: `ask:${id}:${service}`,
      approvalId: id,
      service,
      intentHash,
      key: sha256Base64Url(canonicalJson([state.journalId, id, service, intentHash])),
      action,
      event: state.snapshot.event,
      requestedAt,
    }));
}

/** A parent waits for the end; an incident wants to know what was contained, or whether its news came too late. */
function tellsSomebody(plan: Plan, state: ExecutionState): boolean {
  return state.parent !== null || state.firstIncident !== null || containedAtOf(plan, state) !== null;
}

function effectOf(plan: Plan, state: ExecutionState, action: ActionState): Effect[] {
  switch (action.phase) {
    case 'reserving':
      return [reserveEffect(plan, state, action)];
    case 'observing':
      return [attemptEffect(plan, state, action, 'observe')];
    case 'performing':
      return [attemptEffect(plan, state, action, 'perform')];
    case 'verifying':
      return [attemptEffect(plan, state, action, 'verify')];
    case 'checking':
      return [attemptEffect(plan, state, action, 'check')];
    case 'undoing':
      return [attemptEffect(plan, state, action, 'undo')];
    case 'paused':
    case 'undo_paused': {
      const { actionId, generation, pauses } = action;
      return [{ kind: 'resume', name: `resume:${actionId}:${generation}:${pauses}`, actionId, turn: pauses }];
    }
    case 'spawning': {
      const count = Object.keys(action.children).length;
      return [{ kind: 'spawn', name: `spawn:${action.actionId}:${count}`, actionId: action.actionId }];
    }
    case 'children':
      if (state.stopped === null) return [];
      return [
        {
          kind: 'cancel-children',
          name: `cancel:${action.actionId}:${Object.keys(action.children).length}`,
          actionId: action.actionId,
        },
      ];
    case 'undoing_children':
      return [
        {
          kind: 'compensate-children',
          // Asked for again, it is another effect: the children have to be told again.
          name: `undo:${action.actionId}:${action.undoAttempt}`,
          actionId: action.actionId,
        },
      ];
    default:
      return [];
  }
}

function reserveEffect(plan: Plan, state: ExecutionState, action: ActionState): Effect {
  const { actionId, generation, reservations: turn } = action;
  const planned = planActionOf(plan, actionId);
  return {
    kind: 'reserve',
    name: `reserve:${actionId}:${generation}:${turn}`,
    actionId,
    countedAs: planned.forEach === null || generation === 1 ? actionId : `${actionId}:${generation}`,
    turn,
    actionType: planned.declaration.type,
    count: reservedCount(state, planned),
    perHour: limitOf(plan, planned) ?? 0,
    approved: isApprovedByPerson(state, actionId),
  };
}

function attemptEffect(
  plan: Plan,
  state: ExecutionState,
  action: ActionState,
  kind: AttemptEffect['kind'],
): AttemptEffect {
  const { declaration, timeoutMs, ttlMs } = planActionOf(plan, action.actionId);
  const attempt = kind === 'undo' ? action.undoAttempt : action.attempt;
  const turn = turnOf(kind, action);
  const ownKey = action.key ?? '';
  const key = kind === 'undo' ? idempotencyKey(state, action.actionId, 'undo', action.generation) : ownKey;
  return {
    kind,
    name: effectName(kind, action.actionId, action.generation, attempt, turn),
    actionId: action.actionId,
    attempt,
    turn,
    generation: action.generation,
    connector: declaration.connector,
    actionType: declaration.type,
    target: action.target ?? { type: 'none', id: '' },
    parameters: action.parameters ?? {},
    prior: action.prior,
    reply: action.reply,
    key,
    effectKey: kind === 'undo' ? (action.heldAs?.key ?? ownKey) : ownKey,
    startedAt: action.attemptAt,
    timeoutMs,
    holds: declaration.holds,
    readBack: declaration.readBack,
    ...(ttlMs === null ? {} : { ttlMs }),
  };
}

function turnOf(kind: AttemptEffect['kind'], { checks, rereads, pauses }: ActionState): number {
  if (kind === 'check') return checks;
  if (kind === 'verify') return rereads;
  return pauses;
}

/** The read that belongs to a call which was answered: the same effect that is owed once the answer is recorded. */
export function readBackOf(performed: AttemptEffect, reply: JsonObject): AttemptEffect {
  const { actionId, generation, attempt } = performed;
  return { ...performed, kind: 'verify', name: effectName('verify', actionId, generation, attempt, 0), turn: 0, reply };
}

function effectName(
  kind: AttemptEffect['kind'],
  actionId: string,
  generation: number,
  attempt: number,
  turn: number,
): string {
  if (kind === 'check') return `${kind}:${actionId}:${generation}:${turn}`;
  const first = `${kind}:${actionId}:${generation}:${attempt}`;
  return turn === 0 ? first : `${first}:${turn}`;
}

/** Every timer that is held now. */
export function timersOf(plan: Plan, state: ExecutionState): readonly HeldTimer[] {
  const timers: HeldTimer[] = [];
  for (const action of Object.values(state.actions)) {
    const { actionId, generation } = action;
    if (action.resumeAt !== null) timers.push({ name: `resume:${actionId}`, generation, due: action.resumeAt });
    // What is being rolled back is undone in its turn.
    const rolledBack = state.compensation?.queue.includes(actionId) === true;
    const ttlDue = rolledBack ? null : containedUntilOf(planActionOf(plan, actionId), action);
    if (ttlDue !== null) timers.push({ name: `ttl:${actionId}`, generation, due: ttlDue });
  }
  for (const approval of Object.values(state.approvals)) {
    if (approval.status !== 'PENDING') continue;
    timers.push({ name: `approval:${approval.id}`, generation: 1, due: approval.expiresAt });
    const { step, taken } = nextEscalation(approval);
    const due = approval.requestedAt + (step?.delayMs ?? 0);
    if (step !== undefined && due < approval.expiresAt)
      timers.push({ name: `escalation:${approval.id}`, generation: taken + 1, due });
    const reminderDue = reminderDueOf(approval);
    if (reminderDue !== null) timers.push({ name: `reminder:${approval.id}`, generation: 1, due: reminderDue });
  }
  if (state.runningSince !== null && state.stopped === null && state.compensation === null) {
    const due = state.runningSince + Math.max(0, plan.executionTimeoutMs - state.ranMs);
    timers.push({ name: 'execution', generation: 1, due });
  }
  return timers;
}

/** Shortest time to answer within which people are told once more, in ms: before that a reminder only doubles the request. */
export const LEAST_REMINDED_MS = 60_000;

/** When three quarters of the time are over, once. */
function reminderDueOf({ isReminded, requestedAt, expiresAt }: ApprovalState): number | null {
  const timeMs = expiresAt - requestedAt;
  return isReminded === true || timeMs < LEAST_REMINDED_MS ? null : requestedAt + Math.floor((timeMs * 3) / 4);
}

/** The step by which an approval is escalated next, and how many were taken. */
export function nextEscalation({ escalationPath = [], escalations = [] }: ApprovalState) {
  return { step: escalationPath[escalations.length], taken: escalations.length };
}

/**
 * When a containment ends by itself, business time, or null: it does not. Also where another execution's hold is shared: whoever's time
 * is over last gives the target back. Also where nobody knows whether it is there: what may stand must not stand for ever. An action
 * for each account has no end of its own: each child has, and people may extend one of them.
 */
export function containedUntilOf(
  { ttlMs, declaration }: Pick<PlanAction, 'ttlMs' | 'declaration'>,
  action: ActionState,
): number | null {
  if (action.phase !== 'settled' || !mayStand(action) || action.settledAt === null) return null;
  if (Object.keys(action.children).length > 0) return null;
  if (ttlMs === null || declaration.reversibility !== 'undo') return null;
  // A retry has its whole time again. What people said of the run before counts where it is later.
  const wanted = Math.max(action.containedUntil ?? 0, action.settledAt + ttlMs);
  // A retry that has only seen it has told the target nothing: Firebreak takes it back before the target ends it.
  return Math.min(wanted, (action.calledAt ?? action.settledAt) + atMostMsOf(ttlMs));
}

function mayStand({ status, reason, sent }: ActionState): boolean {
  return status === 'SUCCESS' || (status === 'UNKNOWN' && sent) || (status === 'SKIPPED' && reason === 'already_held');
}
