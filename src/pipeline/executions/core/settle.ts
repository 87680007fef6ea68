import type { PlanAction } from '../../playbooks/plan.ts';
import type { ActionStatus } from './state.ts';
import type { Transition } from './transition.ts';

const FAILURES: ReadonlySet<ActionStatus> = new Set<ActionStatus>(['FAILED', 'UNKNOWN', 'TIMED_OUT']);

/** True for statuses that mean "it was to be done and is not known to be done". */
export function isFailure(status: ActionStatus | null): boolean {
  return status !== null && FAILURES.has(status);
}

/** Settles an action, and stops the execution at once where its failure says that all is to be undone. */
export function settle(
  t: Transition,
  plan: PlanAction,
  status: ActionStatus,
  reason: string | null,
  outcome: string | null = null,
): void {
  t.add({ actionId: plan.actionId, outcome, reason, status, type: 'action.settled' });
  if (t.state.stopped !== null) return;
  if (isFailure(status) && plan.onFailure === 'COMPENSATE') t.add({ type: 'execution.stopped', why: 'failure' });
}
