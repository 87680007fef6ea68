import type { Reversibility } from '../actions/contract.ts';
import { underFloors } from '../playbooks/floors.ts';
import type { GateQuery } from '../playbooks/bind.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import type { Resource } from '../service.ts';
import { answerAutomatically } from './automatic.ts';
import { combineGates } from './gates.ts';
import { judgeGates, planGate, type GateVerdict, type PolicyInForce } from './match-gates.ts';

export interface PolicyQuestion extends GateQuery {
  /** Null: no connector offers the action here, so it counts as one that cannot be undone. */
  readonly reversibility: Reversibility | null;
}

/**
 * What the policies in force ask of an action, and why: every gate with the reason for which it applies or does not, and the
 * one request to people that follows where no condition answers it (protected identities and long lists, which a
 * condition never approves, are not known here). The plan of an execution comes from the same functions; gates of the
 * playbook itself come on top there. Pure.
 */
export function evaluatePolicies(
  policies: readonly PolicyInForce[],
  { reversibility, ...query }: PolicyQuestion,
  values: ExpressionValues | null,
): Resource {
  const verdicts = judgeGates(policies, query, values);
  const matching = verdicts.filter(({ applies }) => applies).map(({ inForce, gate }) => planGate(inForce, gate));
  const { actionType } = query;
  const lasting = reversibility ?? 'irreversible';
  const gates = underFloors(matching, { actionType, reversibility: lasting, playbookVersion: 0 });
  const nothingKnown = { asks: gates, answers: [], denied: false };
  const automatic = values === null ? nothingKnown : answerAutomatically(gates, values, lasting !== 'irreversible');
  const { asks, answers, denied } = automatic;
  const needsApproval = !denied && asks.length > 0;
  return {
    ...query,
    reversibility,
    needsApproval,
    denied,
    approval: needsApproval ? asked(asks) : null,
    automatic: answers.map((each): Resource => ({ ...each })),
    gates: verdicts.map(shownVerdict),
    floor: matching.length === 0 && gates.length > 0 ? 'irreversible-action' : null,
  };
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
