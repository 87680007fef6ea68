import { messageOf } from '../../platform/errors.ts';
import { putOffs } from '../put-off.ts';

/** How long after its time one that was left alone still counts, in ms: by then it was looked at again, or somebody else has gone on with it. */
const LOOKED_AT_WITHIN_MS = 60_000;

/** Executions that this process cannot go on with: a record of theirs cannot be read, say. They keep no other back. */
export interface StuckExecutions {
  /** One has failed, and is told of. Answers how long it is to be left alone, in ms; each time in a row longer. */
  failed(executionId: string, thrown: unknown): number;
  succeeded(executionId: string): void;
  /** How many there are. */
  readonly count: number;
}

export interface StuckPorts {
  /** Machine time, in ms. */
  monotonic(): number;
  /** Told of each look that failed. */
  onError(thrown: unknown): void;
}

/** None is stuck yet. */
export function stuckExecutions({ monotonic, onError }: StuckPorts): StuckExecutions {
  const failures = putOffs();
  /** Until when each counts. */
  const counted = new Map<string, number>();

  function forgetOld(): void {
    for (const [executionId, until] of counted) if (until < monotonic()) counted.delete(executionId);
  }

  return {
    failed(executionId, thrown) {
      forgetOld();
      // What was thrown may name a plan only, or nothing.
      onError(new Error(`Execution ${executionId} cannot be gone on with: ${messageOf(thrown)}`, { cause: thrown }));
      const wait = failures.failed(executionId);
      counted.set(executionId, monotonic() + wait + LOOKED_AT_WITHIN_MS);
      return wait;
    },
    succeeded(executionId) {
      failures.succeeded(executionId);
      counted.delete(executionId);
    },
    get count() {
      forgetOld();
      return counted.size;
    },
  };
}
