import { derivedId } from '../../../platform/hash.ts';
import { MAX_SUBJECTS_PER_FANOUT } from '../../../platform/limits.ts';
import { gatesFor } from '../../playbooks/floors.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import type { ChildInput, IncidentInput, SpawnedInput } from './inputs.ts';
import { ALREADY_HANDLED, handledAccounts, isUndone, unhandled } from './handled.ts';
import { startUndo } from './compensation.ts';
import { settle } from './settle.ts';
import type { Child } from './state.ts';
import { planActionOf, type Transition } from './transition.ts';

/** Starts one child execution for each account; ids derive from the parent, so a repeat starts none twice. */
export function startChildren(t: Transition, plan: PlanAction, accounts: readonly string[]): void {
  if (accounts.length === 0) return settleWithNobodyLeft(t, plan);
  if (accounts.length > MAX_SUBJECTS_PER_FANOUT) return settle(t, plan, 'FAILED', 'too_many_accounts');
  const { generation } = t.action(plan.actionId);
  const children = accounts.map((account) => ({
    id: derivedId('exe', t.state.id, plan.actionId, account, String(generation)),
    account,
  }));
  t.add({ type: 'children.started', actionId: plan.actionId, children });
}

/** Nobody joined the incident, or a person has had the accounts done since others were asked about them. */
function settleWithNobodyLeft(t: Transition, plan: PlanAction): void {
  const isDone = handledAccounts(t.state, plan.actionId).length > 0;
  return isDone ? settle(t, plan, 'SUCCESS', null) : settle(t, plan, 'SKIPPED', 'no_accounts');
}

/** The children exist. They may all have ended before this was known. */
export function takeSpawned(t: Transition, input: SpawnedInput): void {
  const { phase, children } = t.action(input.actionId);
  // Fewer than there are now: more were added since, and their own spawning is owed.
  if (phase !== 'spawning' || input.children !== Object.keys(children).length) {
    return t.add({ type: 'input.ignored', why: 'not the children that are being started' });
  }
  t.add({ type: 'children.spawned', actionId: input.actionId });
  settleWithChildren(t, planActionOf(t.plan, input.actionId));
}

/**
 * The plan of a child: the one action, for one account. Its gates were passed by the parent, for the whole list, and so was its
 * wait for the end of quiet hours; its limit by the hour where the parent has reserved for it; whoever joined later reserves for itself.
 */
export function childPlan(plan: Plan, action: PlanAction, isReserved: boolean): Plan {
  const child: PlanAction = { ...action, forEach: null, gates: [], condition: null };
  const { protectedIdentities: _passed, quietHours: _waited, perHour = {}, ...rest } = plan;
  const limits = isReserved || Object.keys(perHour).length === 0 ? {} : { perHour };
  return { ...rest, ...limits, stages: [{ stage: 1, actions: [child] }] };
}

export function takeChild(t: Transition, input: ChildInput): void {
  const action = t.action(input.actionId);
  if (!Object.hasOwn(action.children, input.childId)) return t.add({ type: 'input.ignored', why: 'no such child' });
  if (action.phase === 'undoing_children' && !isUndone(input.status)) {
    // It was running when it was told to undo, because a person had begun it anew: now that it is over it is told again.
    return startUndo(t, planActionOf(t.plan, input.actionId));
  }
  t.add({ type: 'child.settled', actionId: input.actionId });
  settleWithChildren(t, planActionOf(t.plan, input.actionId));
}

/** Settles the parent (or its undoing) when no child is awaited any more. */
function settleWithChildren(t: Transition, plan: PlanAction): void {
  const { phase, children } = t.action(plan.actionId);
  const ends = Object.values(children);
  if (phase === 'children' && ends.every(({ status }) => status !== null)) settleParent(t, plan, ends);
  if (phase === 'undoing_children' && ends.every(({ status }) => isUndone(status))) {
    settleUndone(
      t,
      plan,
      ends.map(({ status }) => status),
    );
  }
}

/**
 * Judged by account: after a retry an account has a child that failed and, perhaps, one that did it. What people have taken back since
 * had been done: it is no failure, for which everybody else would have to be let go.
 */
function settleParent(t: Transition, plan: PlanAction, ends: readonly Child[]): void {
  const accounts = new Set(ends.map(({ account }) => account));
  const done = new Set(handledAccounts(t.state, plan.actionId));
  const failed = accounts.size - done.size;
  if (failed === 0) return settle(t, plan, 'SUCCESS', null);
  settle(t, plan, 'FAILED', `${failed}_of_${accounts.size}_children_failed`);
}

function settleUndone(t: Transition, plan: PlanAction, statuses: readonly (string | null)[]): void {
  const failed = statuses.includes('COMPENSATION_FAILED');
  t.add({
    type: 'undo.settled',
    actionId: plan.actionId,
    status: failed ? 'COMPENSATION_FAILED' : 'COMPENSATED',
    reason: null,
  });
}

/** The incident has changed: conditions read the news, and actions that run for each account get the new ones too. */
export function takeIncident(t: Transition, input: IncidentInput): void {
  if (t.state.ended !== null || t.state.stopped !== null || t.state.compensation !== null) {
    return t.add({ type: 'input.ignored', why: 'the execution is over' });
  }
  // Read before what was told already, and told after it: by a process that was held up, say.
  if (input.asOf !== undefined && input.asOf < t.state.incidentAsOf) {
    return t.add({ type: 'input.ignored', why: 'newer news of the incident was told' });
  }
  t.add({ type: 'incident.noted' });
  for (const stage of t.plan.stages.slice(0, t.state.stageIndex + 1)) {
    for (const plan of stage.actions) growAction(t, plan, input.accounts);
  }
}

/** Acts on those who have joined since the action began, where that needs no person. */
export function growAction(t: Transition, plan: PlanAction, accounts: readonly string[]): void {
  const action = t.action(plan.actionId);
  const { phase, children, approvalId, reason } = action;
  // What people approved was a list; accounts that came later need an approval of their own, so a person sees them.
  if (plan.forEach === null || approvalId !== null) return;
  // What was undone with the rest is not begun again for those who join while a person retries the rest.
  if (action.isRolledBack === true) return;
  const acted = phase === 'spawning' || phase === 'children' || phase === 'settled';
  if (!acted || (Object.keys(children).length === 0 && reason !== ALREADY_HANDLED)) return;
  const known = new Set(Object.values(children).map((child) => child.account));
  const joined = unhandled(t.state, plan.actionId, accounts).filter((account) => !known.has(account));
  // Whom nothing contains without a person is left to a follow-up, which asks.
  const fresh = joined.filter((account) => gatesFor(t.plan, plan, [account]).length === 0);
  // Whom it has no place for is left to a follow-up too.
  const taken = fresh.slice(0, MAX_SUBJECTS_PER_FANOUT - known.size);
  if (taken.length > 0) startChildren(t, plan, taken);
}
