import type { Fault } from '../../platform/errors.ts';
import type { Reversibility } from '../actions/contract.ts';
import { checkCondition } from '../playbooks/conditions.ts';
import { POLICY_SCOPE } from '../playbooks/scope.ts';
import type { ActionType, Role } from '../vocabulary.ts';
import { peopleFaults, peopleWarnings } from './check-people.ts';
import type { Policy, PolicyGate } from './policy.ts';

/** What is known outside of a policy when it is saved. */
export interface PolicySurroundings {
  /** How far an action can be taken back, or null when no connector offers it. */
  readonly reversibilityOf: (type: ActionType) => Reversibility | null;
  /** The roles with which somebody could vote: none for who is disabled or no person, null for an id that is not known. */
  readonly rolesOf: (userId: string) => readonly Role[] | null;
  /** Whether there is an on-call schedule of this id. Absent: there is none. */
  readonly isSchedule?: (scheduleId: string) => boolean;
  /** Channels with a way out of this installation. */
  readonly channels: readonly string[];
}

export interface PolicyReport {
  readonly faults: readonly Fault[];
  /** What is stored but not enforced, and what will not work as it reads. */
  readonly warnings: readonly Fault[];
}

/**
 * Judges what a policy means: its conditions are sound, and nothing that cannot be undone is allowed by silence.
 * Members that are stored but not enforced by this version are warnings; each leaves the policy stricter than it
 * reads, never looser. Policies are checked without results and inputs: they hold for any playbook.
 */
export function checkPolicy(policy: Policy, surroundings: PolicySurroundings): PolicyReport {
  const { rolesOf, isSchedule = () => false } = surroundings;
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  if (policy.priority !== 0) {
    const detail =
      'priority is stored but has no effect: every gate that matches applies, and the strictest of each wins.';
    warnings.push({ pointer: '/priority', detail });
  }
  if (policy.exemptions !== undefined) warnings.push(notExempt('/exemptions'));
  for (const [index, gate] of policy.policyGates.entries()) {
    const pointer = `/policyGates/${index}`;
    faults.push(...conditionFaults(gate, pointer));
    const fallback = fallbackFault(policy, gate, pointer, surroundings);
    if (fallback !== null) faults.push(fallback);
    faults.push(...peopleFaults(gate, pointer));
    warnings.push(...gateWarnings(gate, pointer, surroundings), ...peopleWarnings(gate, pointer, rolesOf, isSchedule));
  }
  faults.push(...exemptionFaults(policy.exemptions, '/exemptions'));
  return { faults, warnings };
}

function conditionFaults(gate: PolicyGate, pointer: string): readonly Fault[] {
  const { condition } = gate.triggers;
  return [
    ...(condition === undefined ? [] : checkCondition(condition, POLICY_SCOPE, `${pointer}/triggers/condition`)),
    ...listFaults(gate.autoApproveConditions, `${pointer}/autoApproveConditions`),
    ...listFaults(gate.autoDenyConditions, `${pointer}/autoDenyConditions`),
    ...exemptionFaults(gate.exemptions, `${pointer}/exemptions`),
  ];
}

function listFaults(sources: readonly string[] | undefined, pointer: string): readonly Fault[] {
  return (sources ?? []).flatMap((source, index) => checkCondition(source, POLICY_SCOPE, `${pointer}/${index}`));
}

function exemptionFaults(exemptions: PolicyGate['exemptions'], pointer: string): readonly Fault[] {
  return (exemptions ?? []).flatMap(({ condition }, index) =>
    condition === undefined ? [] : checkCondition(condition, POLICY_SCOPE, `${pointer}/${index}/condition`),
  );
}

/** ALLOW_ACTION is taken only where every action the gate can match is known and can be undone or ends by itself. */
function fallbackFault(
  policy: Policy,
  gate: PolicyGate,
  pointer: string,
  { reversibilityOf }: PolicySurroundings,
): Fault | null {
  if ((gate.fallbackBehavior ?? policy.fallbackBehavior) !== 'ALLOW_ACTION') return null;
  const at = gate.fallbackBehavior === undefined ? '/fallbackBehavior' : `${pointer}/fallbackBehavior`;
  const types = gate.triggers.actionTypes ?? [];
  if (types.length === 0) {
    const detail =
      'ALLOW_ACTION needs triggers.actionTypes: a gate for every action also matches what cannot be undone.';
    return { pointer: at, detail };
  }
  const lasting = types.filter((type) => (reversibilityOf(type) ?? 'irreversible') === 'irreversible');
  if (lasting.length === 0) return null;
  const detail = `ALLOW_ACTION is not possible for ${lasting.join(', ')}: it cannot be undone. Use DENY_ACTION or ESCALATE_TO_HUMAN.`;
  return { pointer: at, detail };
}

function gateWarnings(
  gate: PolicyGate,
  pointer: string,
  { reversibilityOf, channels }: PolicySurroundings,
): readonly Fault[] {
  const warnings: Fault[] = [];
  const lasting = (gate.triggers.actionTypes ?? []).filter((type) => reversibilityOf(type) === 'irreversible');
  if (gate.autoApproveConditions !== undefined && lasting.length > 0) {
    const detail = `A person is asked for ${lasting.join(', ')} all the same: it cannot be undone.`;
    warnings.push({ pointer: `${pointer}/autoApproveConditions`, detail });
  }
  if (!gate.requiresApproval) {
    const detail = 'requiresApproval is false, so this gate has no effect; it does not lift other gates.';
    warnings.push({ pointer: `${pointer}/requiresApproval`, detail });
  }
  if (gate.exemptions !== undefined) warnings.push(notExempt(`${pointer}/exemptions`));
  const closed = (gate.channels ?? []).filter((channel) => !channels.includes(channel));
  if (closed.length > 0) {
    const open = (gate.channels ?? []).length > closed.length ? 'the others' : 'the usual ones';
    const detail = `${closed.join(', ')} leads nowhere here (configured: ${channels.join(', ')}): people are asked over ${open}.`;
    warnings.push({ pointer: `${pointer}/channels`, detail });
  }
  return warnings;
}

/** One author is not enough for an exemption. */
function notExempt(pointer: string): Fault {
  const detail =
    'exemptions in a policy are stored and exempt nobody: propose one with POST /api/exemptions, and another person confirms it.';
  return { pointer, detail };
}
