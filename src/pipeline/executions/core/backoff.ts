import type { PlanAction } from '../../playbooks/plan.ts';
import type { AttemptError } from './inputs.ts';

/** Longest back-off, in ms: one hour. */
const MAX_BACKOFF_MS = 3_600_000;
/** Longest `Retry-After` that is honoured, in ms: a target cannot park an execution for a week. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** 1 s, 2 s, 4 s by default: multiplied step by step and rounded, so that every engine gives the same integer. */
export function backoffMs(plan: PlanAction, attempt: number, error: AttemptError | null): number {
  let delay = plan.retry.backoffMs;
  for (let step = 1; step < attempt && delay < MAX_BACKOFF_MS; step += 1) {
    delay = Math.round(delay * plan.retry.backoffMultiplier);
  }
  const asked = Math.min(error?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  return Math.max(Math.min(delay, MAX_BACKOFF_MS), asked);
}
