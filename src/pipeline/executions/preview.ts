import { answerAutomatically, mayApproveAutomatically } from '../approvals/automatic.ts';
import type { Circumstances } from '../approvals/exempt.ts';
import { combineGates } from '../approvals/gates.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import { gatesFor } from '../playbooks/floors.ts';
import type { ActionTarget } from '../actions/contract.ts';
import type { Plan, PlanAction } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { resolveTarget } from '../playbooks/targets.ts';
import { resolveTemplates } from '../playbooks/templates.ts';
import type { Json } from '../../platform/canonical-json.ts';
import type { Resource } from '../service.ts';
import type { Snapshot } from './core/inputs.ts';

/**
 * What an execution would do, without doing or storing anything: the same conditions, targets, gates and undo that
 * the real one would use. What depends on results that are not there yet is said to be undecided.
 */
export function previewOf(plan: Plan, planHash: string, snapshot: Snapshot, run: PreviewedRun): Resource {
  const { incident, event, context, user } = snapshot;
  const values: ExpressionValues = { incident, event, context, user, results: {} };
  const previewed: Previewed = { plan, snapshot, values, run };
  return {
    dryRun: true,
    planHash,
    playbookId: plan.playbookId,
    playbookVersion: plan.playbookVersion,
    stages: plan.stages.map(({ stage, actions }) => ({
      stage,
      actions: actions.map((action) => previewAction(previewed, action)),
    })),
  };
}

/** Who would ask for it, and when: business time, ms since 1970. */
export interface PreviewedRun {
  readonly requester: string;
  readonly keyMaker?: string;
  readonly at: number;
}

interface Previewed {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly values: ExpressionValues;
  readonly run: PreviewedRun;
}

function previewAction(previewed: Previewed, action: PlanAction): Json {
  const { declaration } = action;
  const { values } = previewed;
  const targets = targetsOf(previewed, action);
  const parameters = resolveTemplates(action.parameters, values);
  return {
    actionId: action.actionId,
    actionType: declaration.type,
    connector: declaration.connector,
    runs: runsWhen(action, values),
    targets: 'unresolved' in targets ? targets : targets.map(({ id }) => id),
    parameters: 'value' in parameters ? parameters.value : null,
    missing: 'faults' in parameters ? parameters.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`) : [],
    approval: approvalOf(previewed, action, 'unresolved' in targets ? [] : targets),
    question: action.question?.text ?? null,
    reversibility: declaration.reversibility,
    verified: declaration.readBack,
    endsAfterMs: action.ttlMs,
    // What runs before anybody is asked says by which rule.
    ...(action.provisional === undefined ? {} : { provisional: { ...action.provisional } }),
  };
}

function runsWhen(action: PlanAction, values: ExpressionValues): Json {
  if (action.condition === null) return 'always';
  const result = evaluateCondition(action.condition, values);
  if ('error' in result) return { undecided: action.condition };
  return result.value ? 'yes' : 'no';
}

function targetsOf(
  { snapshot, values }: Previewed,
  action: PlanAction,
): readonly ActionTarget[] | { readonly unresolved: string } {
  if (action.forEach === 'accounts') return snapshot.accounts.map((id) => ({ type: 'user', id }) as const);
  const resolved = resolveTarget(action.target, action.declaration.targetType, values);
  return 'target' in resolved ? [resolved.target] : { unresolved: resolved.fault };
}

/** The request to people, and whether anybody would be asked: conditions and exemptions may answer in their place. */
function approvalOf(
  { plan, snapshot, values, run }: Previewed,
  action: PlanAction,
  targets: readonly ActionTarget[],
): Json {
  const ids = targets.map(({ id }) => id);
  const all = gatesFor(plan, action, ids);
  if (all.length === 0) return null;
  const subjectIds = [snapshot.incident.subject.id, ...snapshot.accounts];
  const circumstances: Circumstances = { ...run, targets, subjectIds, revoked: [] };
  const mayApprove = mayApproveAutomatically(plan, action.declaration, targets);
  const { asks, answers, denied } = answerAutomatically(all, values, mayApprove, circumstances);
  const needsApproval = !denied && asks.length > 0;
  const gates = needsApproval ? asks : all;
  const { requiredApprovers, requirements, timeoutMs, fallbackBehavior } = combineGates(gates);
  return {
    needsApproval,
    denied,
    automatic: answers as unknown as Json, // plain JSON by its type
    gates: gates.map(({ source, gateName }) => `${source}/${gateName}`),
    requiredApprovers,
    requirements: requirements as unknown as Json, // plain JSON by its type
    timeoutMs,
    fallbackBehavior,
  };
}
