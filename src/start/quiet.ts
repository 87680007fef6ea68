import type { Machine } from '../platform/machine.ts';

/** How long a stop waits for calls that are under way, in ms of machine time; a restart verifies what is left. */
const STOP_GRACE_MS = 5_000;

/** Waits until nothing is under way, for a bounded time. */
export async function quiet(isQuiet: () => boolean, machine: Machine): Promise<void> {
  const until = performance.now() + STOP_GRACE_MS;
  while (!isQuiet() && performance.now() < until) await machine.sleep(10);
}
