import type { Json } from '../../../platform/canonical-json.ts';
import type { ActionTarget, JsonObject } from '../../actions/contract.ts';
import { evaluateCondition } from '../../playbooks/conditions.ts';
import { gatesFor } from '../../playbooks/floors.ts';
import type { PlanAction } from '../../playbooks/plan.ts';
import { resolveTarget } from '../../playbooks/targets.ts';
import { resolveTemplates } from '../../playbooks/templates.ts';
import { begin } from './begin.ts';
import { quietUntilOf } from './keeping-quiet.ts';
import { requestConditionDecision, requestGate } from './request-approval.ts';
import { ALREADY_HANDLED, handledAccounts, unhandled } from './handled.ts';
import { settle } from './settle.ts';
import { resultsOf } from './state.ts';
import type { Transition } from './transition.ts';
import { conclude } from './votes.ts';

/**
 * The beginning of an action: its condition, its target and parameters, its gates. What cannot be decided goes to
 * a person; what cannot be resolved fails by name; nothing is ever done to an empty target.
 */
export function startAction(t: Transition, plan: PlanAction): void {
  const condition = plan.condition === null ? { value: true } : evaluateCondition(plan.condition, scopeOf(t));
  if ('value' in condition && !condition.value) return settle(t, plan, 'SKIPPED', 'condition_false');
  const quiet = quietUntilOf(t, plan);
  if (quiet !== null) return t.add({ type: 'quiet.awaited', actionId: plan.actionId, resumeAt: quiet });
  const intent = resolveIntent(t, plan);
  if ('fault' in intent) return settle(t, plan, 'FAILED', intent.fault);
  const accounts = plan.forEach === null ? [] : unhandled(t.state, plan.actionId, t.state.snapshot.accounts);
  if (plan.forEach !== null && accounts.length < 1 && t.state.snapshot.accounts.length > 0) {
    const isDoneHere = handledAccounts(t.state, plan.actionId).length > 0;
    return isDoneHere ? settle(t, plan, 'SUCCESS', null) : settle(t, plan, 'SKIPPED', ALREADY_HANDLED);
  }
  prepare(t, plan, intent, accounts);
  const targets = plan.forEach === null ? [intent.target] : accounts.map(accountTarget);
  const gates = gatesFor(
    t.plan,
    plan,
    targets.map(({ id }) => id),
  );
  const asked = { gates, targets, parameters: intent.parameters };
  if ('error' in condition) return requestConditionDecision(t, plan, condition.error, asked);
  if (gates.length === 0) return begin(t, plan);
  const answered = requestGate(t, plan, asked);
  if (answered !== null) conclude(t, answered.approval, answered.status, answered.fallback);
}

interface ResolvedIntent {
  readonly target: ActionTarget;
  readonly parameters: JsonObject;
}

function resolveIntent(t: Transition, plan: PlanAction): ResolvedIntent | { readonly fault: string } {
  // Each child resolves its own; the parent shows the templates and the list of accounts.
  if (plan.forEach !== null) return { target: { type: 'none', id: '' }, parameters: plan.parameters };
  const scope = scopeOf(t);
  const parameters = resolveTemplates(plan.parameters, scope);
  if ('faults' in parameters)
    return { fault: `parameters${parameters.faults[0]?.pointer ?? ''}: ${parameters.faults[0]?.detail ?? ''}` };
  const target = resolveTarget(plan.target, plan.declaration.targetType, scope);
  if ('fault' in target) return { fault: `target: ${target.fault}` };
  return { target: target.target, parameters: asObject(parameters.value) };
}

function prepare(t: Transition, plan: PlanAction, intent: ResolvedIntent, accounts: readonly string[]): void {
  const { target, parameters } = intent;
  t.add({ accounts, actionId: plan.actionId, parameters, target, type: 'action.prepared' });
}

interface Scope {
  readonly incident: JsonObject;
  readonly event: JsonObject;
  readonly context: JsonObject;
  readonly user: JsonObject;
  readonly results: JsonObject;
}

/** What conditions and templates may read: the snapshot of the start and the results so far. */
function scopeOf({ state }: Transition): Scope {
  const { incident, event, context, user } = state.snapshot;
  return { incident, event, context, user, results: resultsOf(state) };
}

function accountTarget(id: string): ActionTarget {
  return { type: 'user', id };
}

function asObject(value: Json): JsonObject {
  // Parameters are an object by the plan's type, and templates do not change the shape of what they stand in.
  return value as JsonObject;
}
