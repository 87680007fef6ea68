import type { Plan } from '../../playbooks/plan.ts';
import type { ExecutionState } from './state.ts';

/** Longest that extensions keep a containment from its call on, in ms: after a week it needs a decision that has an author. */
export const MAX_CONTAINED_MS = 7 * 24 * 3_600_000;

/** How long a containment with a time of its own may stand from its call on, in ms, whatever people say: its target is told so. */
export function atMostMsOf(ttlMs: number): number {
  return Math.max(ttlMs, MAX_CONTAINED_MS);
}

/**
 * When the last containing action was verified at its target (business time), or null when none was. What could
 * not be read back does not count: it is reported apart.
 */
export function containedAtOf(plan: Plan, state: ExecutionState): number | null {
  let latest: number | null = null;
  for (const stage of plan.stages) {
    for (const { actionId, declaration } of stage.actions) {
      const action = state.actions[actionId];
      if (action === undefined || !declaration.contains) continue;
      const own =
        action.status === 'SUCCESS' && action.verification === 'holds' ? action.settledAt : action.containedAt;
      if (own !== null && (latest === null || own > latest)) latest = own;
    }
  }
  return latest;
}
