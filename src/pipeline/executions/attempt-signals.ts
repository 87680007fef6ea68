import type { Machine } from '../../platform/machine.ts';

/** Gives an attempt the signal that ends it. */
export interface AttemptSignals {
  /** Aborts after `timeoutMs` of machine time, or when the process closes. `release` has to be called at the end. */
  begin(timeoutMs: number): { readonly signal: AbortSignal; release(): void };
}

/**
 * One listener for all attempts: `AbortSignal.any` and `AbortSignal.timeout` say the same, but cost more than the
 * decision about an attempt, because each keeps itself alive through weak references.
 */
export function attemptSignals(closing: AbortSignal, machine: Pick<Machine, 'after'>): AttemptSignals {
  const underWay = new Set<AbortController>();
  closing.addEventListener(
    'abort',
    () => {
      for (const controller of underWay) controller.abort(closing.reason);
    },
    { once: true },
  );
  return {
    begin(timeoutMs) {
      const controller = new AbortController();
      if (closing.aborted) controller.abort(closing.reason);
      underWay.add(controller);
      const cancel = machine.after(timeoutMs, () =>
        controller.abort(new DOMException('the attempt took too long', 'TimeoutError')),
      );
      return {
        signal: controller.signal,
        release() {
          cancel();
          underWay.delete(controller);
        },
      };
    },
  };
}
