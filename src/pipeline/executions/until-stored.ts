import { FirebreakError } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import { StoreUnavailableError } from '../../journal/journal.ts';

/** Pause before something is offered to the journal again that could not take it, in ms of machine time. */
const STORE_RETRY_MS = 500;

/** Whether only the store stands in the way, or too much at once: the same may simply be tried again. */
export function isPassing(thrown: unknown): boolean {
  return thrown instanceof StoreUnavailableError || (thrown instanceof FirebreakError && thrown.code === 'overloaded');
}

/** Repeats work that only the store stands in the way of, until it is done or the process ends. */
export async function untilStored<Result>(
  { machine, closing }: { readonly machine: Pick<Machine, 'sleep'>; readonly closing: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!isPassing(thrown) || closing.aborted) throw thrown;
      await machine.sleep(STORE_RETRY_MS, closing);
    }
  }
}
