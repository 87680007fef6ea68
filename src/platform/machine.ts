import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';

/**
 * Waiting in machine time. Everything that decides, commits or calls waits through this, so that a simulation can
 * put its own in place and run a thousand worlds in one thread without ever waiting.
 */
export interface Machine {
  /** Resolves after everything that is ready now has run. */
  turn(): Promise<void>;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `act` after `ms` unless it is cancelled by the function it answers with; keeps no process alive. */
  after(ms: number, act: () => void): () => void;
}

export const realMachine: Machine = {
  turn: () => immediate(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch {
      // Aborted: who waits looks at the signal itself.
    }
  },
  after(ms, act) {
    const timer = setTimeout(act, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
