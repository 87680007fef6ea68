import type { ActionTarget, Reversibility } from '../actions/contract.ts';
import type { ExemptionInForce } from '../exemptions/exemption.ts';
import { underFloors } from '../playbooks/floors.ts';
import type { GateQuery } from '../playbooks/bind.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import type { Resource } from '../service.ts';
import { answerAutomatically, MAX_AUTOMATIC_TARGETS } from './automatic.ts';
import { combineGates } from './gates.ts';
import { judgeGates, matchGates, type GateVerdict } from './match-gates.ts';
import type { PolicyInForce } from './policy.ts';

export interface PolicyQuestion extends GateQuery {
  /** Null: no connector offers the action here, so it counts as one that cannot be undone. */
  readonly reversibility: Reversibility | null;
  /** Whom it would be done to; empty: not known, so that an exemption for certain users does not count. */
  readonly targets: readonly ActionTarget[];
  /** Business time, ms since 1970. */
  readonly at: number;
}

/**
 * What the policies in force ask of an action, and why: every gate with the reason for which it applies or does not, and the
 * one request to people that follows where no condition and no exemption answers it (protected identities, for which none ever
 * does, are not known here, nor who asks, for whose own wish an exemption of theirs does not count). The plan of an execution comes from the same functions; gates of the
 * playbook itself come on top there. Pure.
 */
export function evaluatePolicies(
  policies: readonly PolicyInForce[],
  { reversibility, targets, at, ...query }: PolicyQuestion,
  values: ExpressionValues | null,
  exemptions: readonly ExemptionInForce[] = [],
): Resource {
  const verdicts = judgeGates(policies, query, values);
  const matching = matchGates(policies, query, values, exemptions);
  const { actionType } = query;
  const lasting = reversibility ?? 'irreversible';
  const gates = underFloors(matching, { actionType, reversibility: lasting, playbookVersion: 0 });
  const mayApprove = lasting !== 'irreversible' && targets.length <= MAX_AUTOMATIC_TARGETS;
  const circumstances = { at, targets, requester: 'engine', subjectIds: subjectsOf(values), revoked: [] };
  const { asks, answers, denied } = answerAutomatically(gates, values, mayApprove, circumstances);
  const needsApproval = !denied && asks.length > 0;
  return {
    ...query,
    reversibility,
    needsApproval,
    denied,
    approval: needsApproval ? asked(asks) : null,
    automatic: answers as unknown as Resource[], // plain JSON by its type
    gates: verdicts.map(shownVerdict),
    floor: matching.length === 0 && gates.length > 0 ? 'irreversible-action' : null,
  };
}

/** Accounts that the incident is about, as far as it is known. */
function subjectsOf(values: ExpressionValues | null): readonly string[] {
  const { subject, accounts } = values?.incident ?? {};
  const id = typeof subject === 'object' && subject !== null && 'id' in subject ? subject.id : undefined;
  return [id, ...(Array.isArray(accounts) ? accounts : [])].filter((each) => typeof each === 'string');
}

function asked(gates: Parameters<typeof combineGates>[0]): Resource {
  const { requirements, escalationPath, ...rest } = combineGates(gates);
  return {
    ...rest,
    requirements: requirements as unknown as Resource[], // plain JSON by its type
    escalationPath: escalationPath.map(({ level, delayMs, escalateTo }) => ({ level, delayMs, escalateTo })),
  };
}

function shownVerdict({ inForce, gate, applies, why }: GateVerdict): Resource {
  return { policyId: inForce.policyId, version: inForce.version, gateName: gate.gateName, applies, why };
}
