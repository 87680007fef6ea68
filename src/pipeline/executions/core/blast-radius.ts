import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { accountsLeftOf } from './handled.ts';
import { actionOf } from './evolve.ts';
import type { ExecutionState } from './state.ts';
import { approvalIdOf } from './transition.ts';

/** How often an hour may do what the action does, or null: its type has no limit. */
export function limitOf({ perHour = {} }: Plan, { declaration }: PlanAction): number | null {
  return perHour[declaration.type] ?? null;
}

/** Targets that the action acts on: of an action for accounts each of them counts. */
export function reservedCount(state: ExecutionState, { actionId, forEach }: PlanAction): number {
  return forEach === null ? 1 : accountsLeftOf(state, actionId).length;
}

/** Whether a person has allowed this very run of the action: then nobody has to be asked once more. */
export function isApprovedByPerson(state: ExecutionState, actionId: string): boolean {
  const action = actionOf(state, actionId);
  return Object.values(state.approvals).some(
    (approval) =>
      approval.id === approvalIdOf(state, action, approval.purpose) &&
      approval.purpose !== 'question' &&
      approval.status === 'APPROVED' &&
      approval.votes.some(({ decision }) => decision === 'APPROVE'),
  );
}
