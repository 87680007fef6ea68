import { MAX_SUBJECTS_PER_FANOUT } from '../../../platform/limits.ts';
import type { JsonObject } from '../../actions/contract.ts';
import { evaluateCondition, type ConditionResult } from '../../playbooks/conditions.ts';
import { gatesFor } from '../../playbooks/floors.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { ALREADY_HANDLED, handledAccounts } from './handled.ts';
import { resultsOf, type ExecutionState } from './state.ts';

/**
 * Whether an execution that went to its end would have done more, had it known its incident as it is now: an action
 * that its condition left out would be done. What people stopped or undid is never outgrown.
 */
export function isOutgrown(plan: Plan, state: ExecutionState, incident: JsonObject): boolean {
  if (state.ended === null || state.stopped !== null || state.compensated) return false;
  const { event, context, user } = state.snapshot;
  const before = { incident: state.firstIncident ?? state.snapshot.incident, event, context, user };
  const results = resultsOf(state);
  return plan.stages.some(({ actions }) =>
    actions.some(({ actionId, condition }) => {
      if (condition === null || state.actions[actionId]?.reason !== 'condition_false') return false;
      // Only what the incident has changed: an earlier action may have been undone since, its time being over.
      const then = evaluateCondition(condition, { ...before, results });
      const now = evaluateCondition(condition, { ...before, incident, results });
      return isFalse(then) && !isFalse(now);
    }),
  );
}

/** What cannot be decided is not false: a person is asked. */
function isFalse(result: ConditionResult): boolean {
  return 'value' in result && !result.value;
}

/**
 * Accounts that this execution acts on, or has acted on. One that joined when people had been asked already about a list
 * without it is not among them: what they approved was that list.
 */
export function coveredAccounts(plan: Plan, state: ExecutionState): readonly string[] {
  return fanOuts(plan).reduce<readonly string[]>(
    (covered, action) => coveredBy(plan, action, state, covered),
    state.snapshot.accounts,
  );
}

function coveredBy(
  plan: Plan,
  action: PlanAction,
  state: ExecutionState,
  accounts: readonly string[],
): readonly string[] {
  const { actionId } = action;
  const present = state.actions[actionId];
  const handled = state.snapshot.handled?.[actionId] ?? [];
  if (present === undefined || present.phase === 'idle') return accounts;
  const asked = present.approvalId !== null;
  const children = Object.values(present.children).map(({ account }) => account);
  const begun = asked ? [...present.accounts, ...children] : children;
  // Done for nobody, because its condition was false, say.
  if (begun.length === 0 && present.reason !== ALREADY_HANDLED) return accounts;
  const known = new Set([...begun, ...handled]);
  const isOpen = !asked && present.isRolledBack !== true && children.length < MAX_SUBJECTS_PER_FANOUT;
  // Without a question everybody who joins is acted on, but for those whom nothing contains without one.
  return accounts.filter((account) => known.has(account) || (isOpen && gatesFor(plan, action, [account]).length === 0));
}

/** Whom each fan-out action of these executions of one playbook has acted on, for those of the accounts that are given. */
export function handledBy(
  executions: readonly { readonly plan: Plan; readonly state: ExecutionState }[],
  accounts: readonly string[],
): { readonly [actionId: string]: readonly string[] } {
  const wanted = new Set(accounts);
  const handled: Record<string, readonly string[]> = {};
  for (const { plan, state } of executions) {
    for (const { actionId } of fanOuts(plan)) {
      const done = handledAccounts(state, actionId).filter((account) => wanted.has(account));
      if (done.length > 0) handled[actionId] = [...new Set([...(handled[actionId] ?? []), ...done])].sort();
    }
  }
  return handled;
}

function fanOuts(plan: Plan): readonly PlanAction[] {
  return plan.stages.flatMap(({ actions }) => actions).filter(({ forEach }) => forEach !== null);
}
