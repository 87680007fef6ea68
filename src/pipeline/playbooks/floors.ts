import { canonicalAccount } from '../access/identities.ts';
import type { ActionDeclaration, Reversibility } from '../actions/contract.ts';
import type { ActionType } from '../vocabulary.ts';
import { NOTIFICATION_TYPES } from './compile.ts';
import type { Plan, PlanAction, PlanGate } from './plan.ts';
import { requirementsOf } from './requirements.ts';

/** How long people have to answer the gate of what cannot be undone, in ms: the seeds' approval timeout. */
const FLOOR_TIMEOUT_MS = 3_600_000;

export interface Floored {
  readonly actionType: ActionType;
  readonly reversibility: Reversibility;
  readonly playbookVersion: number;
}

/**
 * The gates of an action with the two floors that stand above every playbook and policy: what cannot be undone and is
 * not a notification has at least one gate, and silence never allows what cannot be undone.
 */
export function underFloors(gates: readonly PlanGate[], action: Floored): readonly PlanGate[] {
  const { actionType, reversibility, playbookVersion } = action;
  if (reversibility !== 'irreversible') return gates;
  if (gates.length === 0 && !NOTIFICATION_TYPES.has(actionType)) return [floorGate(playbookVersion)];
  // A policy may name the action type before any connector says that its effect is lasting.
  return gates.map(neverBySilence);
}

/**
 * The gates of an action once its targets are known: what contains a protected identity has at least one, and silence never
 * allows it. Of an action for many accounts one that is protected is enough.
 */
export function gatesFor(
  plan: Pick<Plan, 'protectedIdentities' | 'playbookVersion'>,
  { gates, declaration }: Pick<PlanAction, 'gates' | 'declaration'>,
  targetIds: readonly string[],
): readonly PlanGate[] {
  if (!containsProtected(plan, declaration, targetIds)) return gates;
  if (gates.length === 0) return [{ ...floorGate(plan.playbookVersion), gateName: 'protected-identity' }];
  return gates.map(neverBySilence);
}

/** Whether the action contains an account that nothing contains without a person. */
export function containsProtected(
  { protectedIdentities = [] }: Pick<Plan, 'protectedIdentities'>,
  { contains }: Pick<ActionDeclaration, 'contains'>,
  targetIds: readonly string[],
): boolean {
  return contains && targetIds.some((id) => protectedIdentities.includes(canonicalAccount(id)));
}

/** Who is asked when the hour is full: one person, and silence denies. */
export function blastRadiusGate(version: number): PlanGate {
  return { ...floorGate(version), gateName: 'blast-radius', fallbackBehavior: 'DENY_ACTION' };
}

function neverBySilence(gate: PlanGate): PlanGate {
  return gate.fallbackBehavior === 'ALLOW_ACTION' ? { ...gate, fallbackBehavior: 'ESCALATE_TO_HUMAN' } : gate;
}

/** Nothing that lasts for good happens without a person, whatever playbook and policies leave out. */
function floorGate(version: number): PlanGate {
  return {
    source: 'playbook',
    version,
    gateName: 'irreversible-action',
    requirements: requirementsOf(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 1),
    requiredApprovers: 1,
    timeoutMs: FLOOR_TIMEOUT_MS,
    fallbackBehavior: 'ESCALATE_TO_HUMAN',
    escalationPath: [],
    riskLevels: [],
  };
}
