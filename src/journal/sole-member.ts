import { keyedSemaphore } from '../platform/keyed-semaphore.ts';
import type { Membership, QueuedEffect } from './membership.ts';

/**
 * The membership of a process that has its journal to itself, which the fence of the data directory sees to: nothing
 * can be taken from it, and what it finds at its start belonged to a process that is gone.
 */
export function soleMember(queued: (limit: number) => Promise<readonly QueuedEffect[]>): Membership {
  const targets = keyedSemaphore(1);
  let inherited = false;
  return {
    processId: 'sole',
    holds: () => true,
    beat: async () => undefined,
    async claim() {
      if (inherited) return [];
      const effects = await queued(Number.MAX_SAFE_INTEGER);
      inherited = true;
      return effects;
    },
    held: queued,
    leads: async () => true,
    withTarget: (target, work) => targets.run(target, work),
    leave: async () => undefined,
  };
}
