import type { ActionDeclaration, ActionTarget } from '../actions/contract.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import { containsProtected } from '../playbooks/floors.ts';
import type { GateExemption, Plan, PlanGate } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { exemptionFrom, type Circumstances } from './exempt.ts';

/** A gate that was answered without asking people: by a condition of its own, or by an exemption from it. */
export type AutomaticAnswer = AnsweredByCondition | AnsweredByExemption;

interface Answered {
  readonly source: string;
  readonly version: number;
  readonly gateName: string;
}
interface AnsweredByCondition extends Answered {
  readonly answer: 'APPROVE' | 'DENY';
  /** The condition that was true. */
  readonly condition: string;
}
interface AnsweredByExemption extends Answered {
  readonly answer: 'APPROVE';
  readonly exemption: Pick<GateExemption, 'id' | 'proposedBy' | 'confirmedBy' | 'expiresAt'>;
}

export interface Automatic {
  /** Gates that people have to answer. */
  readonly asks: readonly PlanGate[];
  readonly answers: readonly AutomaticAnswer[];
  /** One deny is enough, as with votes. */
  readonly denied: boolean;
}

/** Most targets of an action that conditions and exemptions may approve: beyond it a person looks at the list. */
export const MAX_AUTOMATIC_TARGETS = 10;

/**
 * Floors that nothing goes below, no condition and no exemption: what cannot be undone, who is protected, and long lists are
 * looked at by a person.
 */
export function mayApproveAutomatically(
  plan: Pick<Plan, 'protectedIdentities'>,
  declaration: Pick<ActionDeclaration, 'contains' | 'reversibility'>,
  targets: readonly ActionTarget[],
): boolean {
  const ids = targets.map(({ id }) => id);
  return (
    declaration.reversibility !== 'irreversible' &&
    targets.length <= MAX_AUTOMATIC_TARGETS &&
    !containsProtected(plan, declaration, ids)
  );
}

/**
 * What answers gates before a person is asked. A condition that cannot be decided says nothing, so its gate asks.
 * A gate with a true deny condition denies, whatever else there is. Policies' conditions are about the incident
 * and not about results, so none are given. Exemptions are looked at for what would be asked after that.
 *
 * @param values null where conditions cannot be decided.
 * @param mayApprove false where nothing may stand in for a person: see `mayApproveAutomatically`.
 */
export function answerAutomatically(
  gates: readonly PlanGate[],
  values: ExpressionValues | null,
  mayApprove: boolean,
  circumstances: Circumstances,
): Automatic {
  const byConditions = gates.map((gate) => answerOfConditions(gate, values, mayApprove));
  const denied = byConditions.some((answer) => answer?.answer === 'DENY');
  const isExempt = mayApprove && !denied;
  const answers: AutomaticAnswer[] = [];
  const asks: PlanGate[] = [];
  for (const [index, gate] of gates.entries()) {
    const answer = byConditions[index] ?? (isExempt ? answerOfExemptions(gate, values, circumstances) : null);
    if (answer === null) asks.push(gate);
    else answers.push(answer);
  }
  return { asks, answers, denied };
}

function answerOfConditions(
  { source, version, gateName, automatic = { approve: [], deny: [] } }: PlanGate,
  values: ExpressionValues | null,
  mayApprove: boolean,
): AnsweredByCondition | null {
  const isTrue = (condition: string): boolean => {
    const result = values === null ? null : evaluateCondition(condition, { ...values, results: {} });
    return result !== null && 'value' in result && result.value;
  };
  const deny = automatic.deny.find(isTrue);
  const approve = mayApprove ? automatic.approve.find(isTrue) : undefined;
  const condition = deny ?? approve;
  if (condition === undefined) return null;
  return { source, version, gateName, answer: deny === undefined ? 'APPROVE' : 'DENY', condition };
}

function answerOfExemptions(
  gate: PlanGate,
  values: ExpressionValues | null,
  circumstances: Circumstances,
): AnsweredByExemption | null {
  const found = exemptionFrom(gate, values, circumstances);
  if (found === null) return null;
  const { source, version, gateName } = gate;
  const { id, proposedBy, confirmedBy, expiresAt } = found;
  return { source, version, gateName, answer: 'APPROVE', exemption: { id, proposedBy, confirmedBy, expiresAt } };
}
