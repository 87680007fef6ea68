import type { Json } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';
import type { Change, EffectWrite, RecordDraft, TimerWrite, View } from '../../journal/journal.ts';
import { MAX_IDENTITY_LENGTH } from '../events/text.ts';
import type { Plan } from '../playbooks/plan.ts';
import type { Decision } from './core/decide.ts';
import { effectsOf, timersOf, type Effect } from './core/demands.ts';
import { containedAtOf } from './core/containment.ts';
import { exemptionUseViews } from './exemption-uses.ts';
import type { Input } from './core/inputs.ts';
import { isTell, provisionalIn, tellName, tellsOf } from './tells.ts';
import { statusOf, type ActionState, type ApprovalState, type ExecutionState } from './core/state.ts';
import { planActionOf } from './core/transition.ts';

/** Name of an execution's stream. */
export function executionStream(executionId: string): string {
  return `execution/${executionId}`;
}

/** One input and what it led to. */
export interface Step {
  readonly input: Input;
  readonly decision: Decision;
}

export interface Advance {
  readonly change: Change;
  /** Effects that are owed now and were not before. */
  readonly newEffects: readonly Effect[];
  /** Names of the queue entries that ask to tell people what happened. */
  readonly tells: readonly string[];
}

/**
 * Everything that some inputs of one execution change, as one commit. Pure.
 * @param isTold whether it is queued that people are told.
 */
export function changeOf(
  plan: Plan,
  before: ExecutionState | null,
  seq: number,
  steps: readonly Step[],
  trace: RecordDraft['trace'],
  isTold = false,
): Advance {
  const after = steps.at(-1)?.decision.state ?? before;
  if (after === null) throw new Error('invariant broken: nothing to change');
  const oldEffects = new Set(before === null ? [] : effectsOf(plan, before).map(({ name }) => name));
  const effects = effectsOf(plan, after);
  const facts = steps.flatMap(({ decision }) => decision.facts);
  const tells = isTold ? tellsOf(after, facts, provisionalIn(plan)).map(tellName) : [];
  const change: Change = {
    appends: [
      { stream: executionStream(after.id), expectedSeq: seq, records: steps.map((step) => recordOf(step, trace)) },
    ],
    views: [
      ...executionViews(plan, before, after),
      ...approvalViews(plan, before, after),
      ...holdViews(plan, before, after),
    ],
    timers: [...timerWrites(plan, before, after), ...strayTimers(plan, after, steps)],
    effects: [
      ...effectWrites(after.id, oldEffects, effects),
      ...deliveredNews(after.id, steps),
      ...tells.map((name) => ({ execution: after.id, name, body: { kind: 'tell' } })),
    ],
  };
  return { change, newEffects: effects.filter(({ name }) => !oldEffects.has(name)), tells };
}

function recordOf({ input, decision }: Step, trace: RecordDraft['trace']): RecordDraft {
  // Inputs and facts are plain JSON by their types; the record's type only says so in general.
  const data = { facts: decision.facts, input } as unknown as { readonly [key: string]: Json };
  return { type: 'execution.advanced', v: 1, at: input.at, ...(trace === undefined ? {} : { trace }), data };
}

function effectWrites(execution: string, before: ReadonlySet<string>, after: readonly Effect[]): EffectWrite[] {
  const present = new Set(after.map(({ name }) => name));
  const writes: EffectWrite[] = [];
  for (const name of before) if (!present.has(name)) writes.push({ execution, name, body: null });
  // The state says what the effect is; the row only says that it is owed.
  for (const { name, kind } of after) if (!before.has(name)) writes.push({ execution, name, body: { kind } });
  return writes;
}

/** How names of queue entries begin that are no effects of an execution's state but news for it. */
export const NEWS_PREFIX = 'incident:';

/** Whether a queue entry is news that somebody else has to bring: for an execution, or of it for people. */
export function isNews(name: string): boolean {
  return name.startsWith(NEWS_PREFIX) || isTell(name) || name === DELIVERY;
}

/** Name of the queue entry of a notice that is not delivered to everybody yet; a notice stands in an execution's place. */
export const DELIVERY = 'deliver';

/** Name of the queue entry that brings an execution the news of its incident. */
export function newsName(revision: number): string {
  return `${NEWS_PREFIX}${revision}`;
}

function deliveredNews(execution: string, steps: readonly Step[]): EffectWrite[] {
  return steps.flatMap(({ input }) =>
    input.type === 'incident' ? [{ execution, name: newsName(input.revision), body: null }] : [],
  );
}

function timerWrites(plan: Plan, before: ExecutionState | null, after: ExecutionState): TimerWrite[] {
  const execution = after.id;
  const old = new Map(before === null ? [] : timersOf(plan, before).map((timer) => [timer.name, timer]));
  const writes: TimerWrite[] = [];
  for (const timer of timersOf(plan, after)) {
    const known = old.get(timer.name);
    old.delete(timer.name);
    if (known?.due !== timer.due || known.generation !== timer.generation) writes.push({ execution, ...timer });
  }
  for (const { name, generation } of old.values()) writes.push({ execution, name, generation, due: null });
  return writes;
}

/**
 * Rows of timers that were applied and that the state does not hold, or not so early: an earlier version may have set them. One that
 * stayed would be due all the time, and each look at it a record.
 */
function strayTimers(plan: Plan, after: ExecutionState, steps: readonly Step[]): TimerWrite[] {
  const held = new Map(timersOf(plan, after).map((timer) => [timer.name, timer]));
  return steps.flatMap(({ input, decision }) => {
    if (input.type !== 'timer' || decision.facts.every(({ type }) => type !== 'input.ignored')) return [];
    const { name, generation } = input;
    return [{ execution: after.id, ...(held.get(name) ?? { name, generation, due: null }) }];
  });
}

/** The row of the list is rewritten only when what it shows has changed. */
function executionViews(plan: Plan, before: ExecutionState | null, after: ExecutionState): View[] {
  // What ended keeps its status when the time of a hold is over, and is contained no longer.
  const contained = (state: ExecutionState): string => `${state.ended === null ? '' : containedAtOf(plan, state)}`;
  const shown = (state: ExecutionState): string => `${statusOf(state)} ${contained(state)}`;
  if (before !== null && shown(before) === shown(after)) return [];
  return [executionView(plan, after)];
}

/** The row of an execution as its state says it; `containedAt` of a running one is written with its next status. */
export function executionView(plan: Plan, state: ExecutionState): View {
  const { incident } = state.snapshot;
  const status = statusOf(state);
  return {
    kind: 'execution',
    id: state.id,
    expectedVersion: null,
    status,
    type: plan.playbookType,
    severity: state.riskLevel,
    subject: incident.subject.id,
    parent: state.parent?.executionId ?? incident.id,
    ref: plan.playbookId,
    at: state.startedAt,
    body: {
      executionId: state.id,
      playbookId: plan.playbookId,
      playbookName: plan.name,
      playbookType: plan.playbookType,
      playbookVersion: plan.playbookVersion,
      planHash: state.planHash,
      incidentId: incident.id,
      parentExecutionId: state.parent?.executionId ?? null,
      userId: incident.subject.id,
      riskLevel: state.riskLevel,
      status,
      startedAt: state.startedAt,
      endedAt: state.ended?.at ?? null,
      containedAt: containedAtOf(plan, state),
      requestedBy: `${state.requester.type}:${state.requester.id}`,
    },
  };
}

function approvalViews(plan: Plan, before: ExecutionState | null, after: ExecutionState): View[] {
  return Object.values(after.approvals)
    .filter((approval) => before?.approvals[approval.id] !== approval)
    .flatMap((approval) => [
      approvalView(plan, after, approval),
      // What answered before anybody was asked is known from the beginning.
      ...(before?.approvals[approval.id] === undefined ? exemptionUseViews(plan, after, approval) : []),
    ]);
}

/** The row of an approval; its `accounts` are those of the moment when the approval last changed. */
export function approvalView(plan: Plan, state: ExecutionState, approval: ApprovalState): View {
  const { declaration } = planActionOf(plan, approval.actionId);
  const action = state.actions[approval.actionId];
  const { incident } = state.snapshot;
  return {
    kind: 'approval',
    id: approval.id,
    expectedVersion: null,
    status: approval.status,
    type: declaration.type,
    severity: state.riskLevel,
    subject: incident.subject.id,
    parent: state.id,
    ref: plan.playbookId,
    at: approval.requestedAt,
    body: {
      approvalId: approval.id,
      executionId: state.id,
      incidentId: incident.id,
      playbookId: plan.playbookId,
      playbookVersion: plan.playbookVersion,
      actionId: approval.actionId,
      actionType: declaration.type,
      reversibility: declaration.reversibility,
      riskLevel: state.riskLevel,
      purpose: approval.purpose,
      target: action?.target === undefined ? null : asJson(action.target),
      accounts: action !== undefined && action.accounts.length > 0 ? action.accounts : state.snapshot.accounts,
      parameters: action?.parameters ?? null,
      question: planActionOf(plan, approval.actionId).question?.text ?? null,
      intentHash: approval.intentHash,
      // Only of an execution of a plan that somebody looked at: rows of others have none.
      ...(state.snapshot.planSha256 === undefined ? {} : { planSha256: state.snapshot.planSha256 }),
      status: approval.status,
      requester: approval.requester,
      requiredApprovers: approval.requiredApprovers,
      requirements: asJson(approval.requirements),
      escalationPath: asJson(approval.escalationPath ?? []),
      escalations: asJson(approval.escalations ?? []),
      automatic: asJson(approval.automatic ?? []),
      ...(approval.requirePasskey === true ? { requirePasskey: true } : {}),
      votes: asJson(approval.votes),
      // Only where one is asked: rows of earlier versions have none.
      ...(approval.services === undefined ? {} : { services: asJson(approval.services) }),
      // Rows of earlier versions have neither.
      ...(approval.withdrawn === undefined ? {} : { withdrawn: asJson(approval.withdrawn) }),
      ...(approval.onCall === undefined ? {} : { onCall: asJson(approval.onCall) }),
      ...(approval.brokenGlass === undefined ? {} : { brokenGlass: asJson(approval.brokenGlass) }),
      requestedAt: approval.requestedAt,
      expiresAt: approval.expiresAt,
      decidedAt: approval.decidedAt,
    },
  };
}

/**
 * The group a hold belongs to: executions that want the same state of the same target share its restoration. It is looked up
 * by an index, and PostgreSQL's take 2,704 bytes at most: a target with a longer name than any account's is named by its hash.
 */
export function holdGroup(
  connector: string,
  target: { readonly type: string; readonly id: string },
  effect: string,
): string {
  const id = target.id.length <= MAX_IDENTITY_LENGTH ? target.id : `sha256:${sha256Hex(target.id)}`;
  return `${connector}|${effect}|${target.type}:${id}`;
}

function holdViews(plan: Plan, before: ExecutionState | null, after: ExecutionState): View[] {
  const views: View[] = [];
  for (const action of Object.values(after.actions)) {
    const old = before?.actions[action.actionId];
    const had = old !== undefined && holds(old);
    // The prior state and the key are others when it turned out that the hold is shared, the key also when a person retried.
    const same = had === holds(action) && (!had || isSameHold(old, action));
    if (same) continue;
    const view = holdView(plan, after, action, holds(action) ? 'hold' : null);
    if (view !== null) views.push(view);
  }
  return views;
}

/** From the moment the prior state is known until the action failed without effect, or was undone. */
function holds(action: ActionState): boolean {
  if (action.prior === null) return false;
  switch (action.status) {
    case 'SUCCESS':
    case 'UNKNOWN':
    case 'COMPENSATION_FAILED':
    case null:
      return true;
    case 'SKIPPED':
      return action.reason === 'already_held';
    // One that ran out of time between two tries is known not to be there: nobody would ever take it back.
    default:
      return false;
  }
}

function isSameHold(old: ActionState, action: ActionState): boolean {
  return (
    old.prior === action.prior &&
    shownKey(old) === shownKey(action) &&
    isBeingUndone(old) === isBeingUndone(action) &&
    isUnsettled(old) === isUnsettled(action)
  );
}

/** What the target shows of it: others may have to recognise it when whoever made it is gone. */
function shownKey({ heldAs, key }: ActionState): string | null {
  return heldAs?.key ?? key;
}

/** An undo may have been sent: whatever the target still shows, nobody can rely on it any more. */
function isBeingUndone({ phase }: ActionState): boolean {
  return phase === 'undoing' || phase === 'undo_backoff' || phase === 'undo_paused';
}

/** Nobody knows yet whether it is there. A wait for an answer, or a question about it, begins when it is. */
function isUnsettled({ status, phase }: ActionState): boolean {
  return status === null && phase !== 'waiting' && phase !== 'checking';
}

/** When it was seen at the target: for a while after that a read may still show what was before. */
function readBackAt(action: ActionState): { readonly readBackAt?: number } {
  const { settledAt, verification } = action;
  return settledAt === null || verification !== 'holds' || isBeingUndone(action) ? {} : { readBackAt: settledAt };
}

function holdView(plan: Plan, state: ExecutionState, action: ActionState, keep: 'hold' | null): View | null {
  const { declaration } = planActionOf(plan, action.actionId);
  if (declaration.holds === null || action.target === null) return null;
  const body = {
    executionId: state.id,
    actionId: action.actionId,
    key: shownKey(action),
    prior: action.prior,
    performedAfter: action.heldAs?.since ?? action.attemptAt,
    ...(isBeingUndone(action) ? { isBeingUndone: true } : {}),
    ...(isUnsettled(action) ? { isUnsettled: true } : {}),
    ...readBackAt(action),
  };
  return {
    kind: 'hold',
    id: `${state.id}|${action.actionId}`,
    expectedVersion: null,
    subject: action.target.id,
    parent: holdGroup(declaration.connector, action.target, declaration.holds),
    at: action.attemptAt,
    body: keep === null ? null : body,
  };
}

function asJson(value: unknown): Json {
  // Only called with members of the state, which are plain JSON by their types.
  return value as Json;
}
