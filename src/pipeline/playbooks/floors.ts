import type { Reversibility } from '../actions/contract.ts';
import type { ActionType } from '../vocabulary.ts';
import { NOTIFICATION_TYPES } from './compile.ts';
import type { PlanGate } from './plan.ts';
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
  return gates.map((gate) =>
    gate.fallbackBehavior === 'ALLOW_ACTION' ? { ...gate, fallbackBehavior: 'ESCALATE_TO_HUMAN' as const } : gate,
  );
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
