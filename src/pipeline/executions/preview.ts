import { combineGates } from '../approvals/gates.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import { gatesFor } from '../playbooks/floors.ts';
import type { Plan, PlanAction, PlanGate } from '../playbooks/plan.ts';
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
export function previewOf(plan: Plan, planHash: string, snapshot: Snapshot): Resource {
  const { incident, event, context, user } = snapshot;
  const values: ExpressionValues = { incident, event, context, user, results: {} };
  return {
    dryRun: true,
    planHash,
    playbookId: plan.playbookId,
    playbookVersion: plan.playbookVersion,
    stages: plan.stages.map(({ stage, actions }) => ({
      stage,
      actions: actions.map((action) => previewAction(plan, action, snapshot, values)),
    })),
  };
}

function previewAction(plan: Plan, action: PlanAction, snapshot: Snapshot, values: ExpressionValues): Json {
  const { declaration } = action;
  const targets = targetsOf(action, snapshot, values);
  const parameters = resolveTemplates(action.parameters, values);
  return {
    actionId: action.actionId,
    actionType: declaration.type,
    connector: declaration.connector,
    runs: runsWhen(action, values),
    targets,
    parameters: 'value' in parameters ? parameters.value : null,
    missing: 'faults' in parameters ? parameters.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`) : [],
    approval: approvalOf(gatesFor(plan, action, Array.isArray(targets) ? targets.map(String) : [])),
    question: action.question?.text ?? null,
    undo: declaration.reversibility,
    verified: declaration.readBack,
    endsAfterMs: action.ttlMs,
  };
}

function runsWhen(action: PlanAction, values: ExpressionValues): Json {
  if (action.condition === null) return 'always';
  const result = evaluateCondition(action.condition, values);
  if ('error' in result) return { undecided: action.condition };
  return result.value ? 'yes' : 'no';
}

function targetsOf(action: PlanAction, snapshot: Snapshot, values: ExpressionValues): Json {
  if (action.forEach === 'accounts') return snapshot.accounts;
  const resolved = resolveTarget(action.target, action.declaration.targetType, values);
  return 'target' in resolved ? [resolved.target.id] : { unresolved: resolved.fault };
}

function approvalOf(gates: readonly PlanGate[]): Json {
  if (gates.length === 0) return null;
  const { requiredApprovers, requirements, timeoutMs, fallbackBehavior } = combineGates(gates);
  return {
    gates: gates.map(({ source, gateName }) => `${source}/${gateName}`),
    requiredApprovers,
    requirements: requirements as unknown as Json, // plain JSON by its type
    timeoutMs,
    fallbackBehavior,
  };
}
