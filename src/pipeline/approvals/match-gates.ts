import type { GateQuery } from '../playbooks/bind.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import type { PlanGate } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import type { Policy, PolicyGate } from './policy.ts';

/** A policy version as it is in force. */
export interface PolicyInForce {
  readonly policyId: string;
  readonly version: number;
  readonly policy: Policy;
}

/**
 * Every gate that applies to an action, as the plan keeps it: of enabled policies, in the order of policy ids and
 * then of the document. A gate applies when each of its triggers that names something names what is asked about
 * (risk level, action type, playbook) and its condition is true.
 *
 * A condition that cannot be decided, or for which there are no `values`, makes the gate apply: an error never means
 * "no approval needed". The same arguments give the same gates.
 */
export function matchGates(
  policies: readonly PolicyInForce[],
  query: GateQuery,
  values: ExpressionValues | null,
): readonly PlanGate[] {
  return [...policies]
    .filter(({ policy }) => policy.enabled)
    .sort((left, right) => (left.policyId < right.policyId ? -1 : left.policyId > right.policyId ? 1 : 0))
    .flatMap((inForce) =>
      inForce.policy.policyGates
        .filter((gate) => gate.requiresApproval && applies(gate, query, values))
        .map((gate) => planGate(inForce, gate)),
    );
}

function applies(gate: PolicyGate, query: GateQuery, values: ExpressionValues | null): boolean {
  const { riskLevels, actionTypes, playbookIds, condition } = gate.triggers;
  if (!names(riskLevels, query.riskLevel) || !names(actionTypes, query.actionType)) return false;
  if (!names(playbookIds, query.playbookId)) return false;
  if (condition === undefined || values === null) return true;
  const result = evaluateCondition(condition, values);
  return 'error' in result || result.value;
}

/** An absent or empty list leaves the choice open. */
function names<T>(list: readonly T[] | undefined, value: T): boolean {
  return list === undefined || list.length === 0 || list.includes(value);
}

function planGate({ policyId, version, policy }: PolicyInForce, gate: PolicyGate): PlanGate {
  const roles = gate.approvalRoles.map(({ role }) => role);
  return {
    source: policyId,
    version,
    gateName: gate.gateName,
    requirements: requirementsOf(roles, gate.requiredApprovers),
    requiredApprovers: gate.requiredApprovers,
    timeoutMs: gate.approvalTimeoutMs,
    fallbackBehavior: gate.fallbackBehavior ?? policy.fallbackBehavior,
    escalationPath: gate.escalationPath.map(({ escalationLevel, delayMs, escalateTo }) => ({
      level: escalationLevel,
      delayMs,
      escalateTo,
    })),
    riskLevels: gate.triggers.riskLevels ?? [],
  };
}
