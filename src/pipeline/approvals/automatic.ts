import { evaluateCondition } from '../playbooks/conditions.ts';
import type { PlanGate } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';

/** A gate that a condition of its own has answered. */
export interface AutomaticAnswer {
  readonly source: string;
  readonly version: number;
  readonly gateName: string;
  readonly answer: 'APPROVE' | 'DENY';
  /** The condition that was true. */
  readonly condition: string;
}

export interface Automatic {
  /** Gates that people have to answer. */
  readonly asks: readonly PlanGate[];
  readonly answers: readonly AutomaticAnswer[];
  /** One deny is enough, as with votes. */
  readonly denied: boolean;
}

/** Most targets of an action that conditions may approve: beyond it a person looks at the list. */
export const MAX_AUTOMATIC_TARGETS = 10;

/**
 * What the gates' own conditions say before a person is asked. A condition that cannot be decided says nothing, so its gate asks.
 * A gate with a true deny condition denies, whatever its others say. Policies' conditions are about the incident
 * and not about results, so none are given.
 *
 * @param mayApprove false where no condition may stand in for a person: see `core/request-approval.ts`.
 */
export function answerAutomatically(
  gates: readonly PlanGate[],
  values: ExpressionValues,
  mayApprove: boolean,
): Automatic {
  const asks: PlanGate[] = [];
  const answers: AutomaticAnswer[] = [];
  const isTrue = (condition: string): boolean => {
    const result = evaluateCondition(condition, { ...values, results: {} });
    return 'value' in result && result.value;
  };
  for (const gate of gates) {
    const { source, version, gateName, automatic = { approve: [], deny: [] } } = gate;
    const deny = automatic.deny.find(isTrue);
    const approve = mayApprove ? automatic.approve.find(isTrue) : undefined;
    const condition = deny ?? approve;
    if (condition === undefined) asks.push(gate);
    else answers.push({ source, version, gateName, answer: deny === undefined ? 'APPROVE' : 'DENY', condition });
  }
  return { asks, answers, denied: answers.some(({ answer }) => answer === 'DENY') };
}
