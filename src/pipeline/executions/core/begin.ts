import type { PlanAction } from '../../playbooks/plan.ts';
import { startAttempt } from './attempts.ts';
import { startChildren } from './children.ts';
import { accountsLeftOf } from './handled.ts';
import { limitOf, reservedCount } from './blast-radius.ts';
import type { Transition } from './transition.ts';

/** What follows when nothing stands in the way any more but what was done within the hour, everywhere. */
export function begin(t: Transition, plan: PlanAction): void {
  const { actionId } = plan;
  if (limitOf(t.plan, plan) !== null && !t.action(actionId).reserved && reservedCount(t.state, plan) > 0)
    return t.add({ type: 'reservation.requested', actionId });
  if (plan.forEach === 'accounts') return startChildren(t, plan, accountsLeftOf(t.state, plan.actionId));
  startAttempt(t, plan);
}
