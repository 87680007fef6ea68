import { messageOf } from '../../platform/errors.ts';

/** Says which execution cannot be gone on with: what was thrown may name a plan only, or nothing. */
export function stuck(executionId: string, thrown: unknown): Error {
  return new Error(`Execution ${executionId} cannot be gone on with: ${messageOf(thrown)}`, { cause: thrown });
}
