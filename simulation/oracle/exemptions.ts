import type { Approval } from '../../src/pipeline/approvals/approval.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import type { GateExemption, PlanGate } from '../../src/pipeline/playbooks/plan.ts';
import { isRevoked } from '../workload/exemptions.ts';
import { TRUE_CONDITION } from '../workload/plans.ts';

/** Which exemption has to stand in for the people of a gate: the first one that counts, or null. */
export function standsIn(
  { exemptions = [] }: PlanGate,
  whom: readonly string[],
  { requester, subjectIds }: Pick<Approval, 'requester' | 'subjectIds'>,
  { at, type }: Pick<Input, 'at' | 'type'>,
): string | null {
  const counts = ({ id, accounts, expiresAt, userIds, condition }: GateExemption): boolean => {
    // A start is bound to what is in force then.
    if (at >= expiresAt || (type !== 'start' && isRevoked({ id }, at))) return false;
    if ([requester, ...subjectIds, ...whom].some((each) => accounts.includes(each))) return false;
    if (userIds !== undefined && (whom.length === 0 || !whom.every((each) => userIds.includes(each)))) return false;
    return condition === undefined || condition === TRUE_CONDITION;
  };
  return exemptions.find(counts)?.id ?? null;
}
