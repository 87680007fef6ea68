import type { PlanAction } from '../../playbooks/plan.ts';
import { startAttempt } from './attempts.ts';
import { accountsLeft, startChildren } from './children.ts';
import type { Transition } from './transition.ts';

/** What follows when nothing stands in the way any more. */
export function begin(t: Transition, plan: PlanAction): void {
  if (plan.forEach === 'accounts') return startChildren(t, plan, accountsLeft(t, plan.actionId));
  startAttempt(t, plan);
}
