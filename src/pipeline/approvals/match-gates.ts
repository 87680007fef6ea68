import type { GateQuery } from '../playbooks/bind.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { GateExemption, PlanGate } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { exemptionsFor } from './exempt.ts';
import { placesOf, stepsOf } from './places.ts';
import type { PolicyGate, PolicyInForce } from './policy.ts';

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
  exemptions: readonly ExemptionInForce[] = [],
): readonly PlanGate[] {
  // What two people agreed on was signed by no passkey.
  const exemptionsOf = (inForce: PolicyInForce, gate: PolicyGate): readonly GateExemption[] =>
    gate.requirePasskey === true ? [] : exemptionsFor(exemptions, inForce, gate, query);
  return judgeGates(policies, query, values)
    .filter(({ applies }) => applies)
    .map(({ inForce, gate }) => planGate(inForce, gate, exemptionsOf(inForce, gate)));
}

/** Why a gate applies or does not. */
export type Why =
  | 'all triggers fit'
  | 'the condition cannot be decided'
  | 'asks for no approval'
  | 'another risk level'
  | 'another action type'
  | 'another playbook'
  | 'the condition is false';

export interface GateVerdict {
  readonly inForce: PolicyInForce;
  readonly gate: PolicyGate;
  readonly applies: boolean;
  readonly why: Why;
}

/** Every gate of the enabled policies in the same order, with what was found of it. */
export function judgeGates(
  policies: readonly PolicyInForce[],
  query: GateQuery,
  values: ExpressionValues | null,
): readonly GateVerdict[] {
  return [...policies]
    .filter(({ policy }) => policy.enabled)
    .sort((left, right) => (left.policyId < right.policyId ? -1 : left.policyId > right.policyId ? 1 : 0))
    .flatMap((inForce) =>
      inForce.policy.policyGates.map((gate) => {
        const why = judge(gate, query, values);
        return { inForce, gate, applies: APPLIES.has(why), why };
      }),
    );
}

const APPLIES: ReadonlySet<Why> = new Set<Why>(['all triggers fit', 'the condition cannot be decided']);

function judge(gate: PolicyGate, query: GateQuery, values: ExpressionValues | null): Why {
  const { riskLevels, actionTypes, playbookIds, condition } = gate.triggers;
  if (!gate.requiresApproval) return 'asks for no approval';
  if (!names(riskLevels, query.riskLevel)) return 'another risk level';
  if (!names(actionTypes, query.actionType)) return 'another action type';
  if (!names(playbookIds, query.playbookId)) return 'another playbook';
  if (condition === undefined) return 'all triggers fit';
  const result = values === null ? null : evaluateCondition(condition, values);
  if (result === null || 'error' in result) return 'the condition cannot be decided';
  return result.value ? 'all triggers fit' : 'the condition is false';
}

/** An absent or empty list leaves the choice open. */
function names<T>(list: readonly T[] | undefined, value: T): boolean {
  return list === undefined || list.length === 0 || list.includes(value);
}

function automaticOf({ autoApproveConditions, autoDenyConditions }: PolicyGate): Pick<PlanGate, 'automatic'> {
  const [approve, deny] = [autoApproveConditions ?? [], autoDenyConditions ?? []];
  return approve.length + deny.length === 0 ? {} : { automatic: { approve, deny } };
}

function externalOf({ externalApproval }: PolicyGate): Pick<PlanGate, 'external'> {
  if (externalApproval === undefined) return {};
  const { service, fallbackBehavior } = externalApproval;
  return { external: { service, fallbackBehavior } };
}

/** A gate as plans keep it. */
function planGate(
  { policyId, version, policy, customRoles }: PolicyInForce,
  gate: PolicyGate,
  exemptions: readonly GateExemption[],
): PlanGate {
  return {
    source: policyId,
    version,
    gateName: gate.gateName,
    requirements: placesOf(gate, customRoles),
    requiredApprovers: gate.requiredApprovers,
    timeoutMs: gate.approvalTimeoutMs,
    fallbackBehavior: gate.fallbackBehavior ?? policy.fallbackBehavior,
    escalationPath: stepsOf(gate),
    riskLevels: gate.triggers.riskLevels ?? [],
    ...(gate.requirePasskey === true ? { requirePasskey: true } : {}),
    ...(gate.channels === undefined || gate.channels.length === 0 ? {} : { channels: gate.channels }),
    ...automaticOf(gate),
    ...externalOf(gate),
    ...(exemptions.length === 0 ? {} : { exemptions }),
  };
}
