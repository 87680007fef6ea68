import { keyedSemaphore } from '../../src/platform/keyed-semaphore.ts';
import {
  LEASE_MS,
  SEND_MARGIN_MS,
  type Duty,
  type Membership,
  type QueuedEffect,
} from '../../src/journal/membership.ts';
import type { Host } from './host.ts';
import type { Ask } from './memory-journal.ts';
import type { Scheduler } from './scheduler.ts';
import type { Store } from './store.ts';

/** How long a process waits before it asks again for a lock on a target that another one has, in ms. */
const LOCK_RETRY_MS = 20;
/** Longest way of a message to the store that nobody waits for, in µs. */
const RELEASE_US = 500;

/** Who lives, as the store has it: leases on the store's clock, duties and locks. */
export interface MemberTable {
  /** Renews a lease, or gives a new id to who has none (any more). */
  beat(id: string): string;
  claim(id: string, limit: number): readonly QueuedEffect[];
  held(id: string, limit: number): readonly QueuedEffect[];
  leads(id: string, duty: Duty): boolean;
  lock(id: string, target: string): boolean;
  unlock(id: string, target: string): void;
  leave(id: string): void;
}

export function memberTable(scheduler: Scheduler, store: Store): MemberTable {
  const leases = new Map<string, number>();
  const duties = new Map<Duty, string>();
  const locks = new Map<string, string>();
  let born = 0;

  /** Whoever sees that a lease is over buries its holder, so that it learns of it at its next beat. */
  function lives(id: string): boolean {
    const until = leases.get(id);
    if (until === undefined) return false;
    if (until > scheduler.now) return true;
    leases.delete(id);
    return false;
  }

  const effectsOf = (limit: number, wanted: (holder: string | null) => boolean): QueuedEffect[] =>
    [...store.effects.values()].filter(({ holder }) => wanted(holder)).slice(0, limit);

  return {
    beat(id) {
      let own = id;
      if (!leases.has(id)) {
        born += 1;
        own = `member${born}`;
      }
      leases.set(own, scheduler.now + LEASE_MS * 1_000);
      return own;
    },
    claim(id, limit) {
      if (!lives(id)) return [];
      const found = effectsOf(limit, (holder) => holder === null || !lives(holder));
      return found.map(({ execution, name, body }) => {
        const key = `${execution}\n${name}`;
        const unbegun = store.effects.get(key)?.holder === null;
        store.effects.set(key, { execution, name, body, holder: id });
        return { execution, name, body, ...(unbegun ? { unbegun } : {}) };
      });
    },
    held: (id, limit) => effectsOf(limit, (holder) => holder === id),
    leads(id, duty) {
      if (!lives(id)) return false;
      const leader = duties.get(duty);
      if (leader === undefined || !lives(leader)) duties.set(duty, id);
      return duties.get(duty) === id;
    },
    lock(id, target) {
      if (!lives(id)) return false;
      const holder = locks.get(target);
      if (holder !== undefined && lives(holder)) return false;
      locks.set(target, id);
      return true;
    },
    unlock(id, target) {
      if (locks.get(target) === id) locks.delete(target);
    },
    leave: (id) => void leases.delete(id),
  };
}

/** One process among those that share the simulated journal. `join` has to be awaited before anything else. */
export function sharedMember(
  table: MemberTable,
  host: Host,
  scheduler: Scheduler,
  ask: Ask,
): Membership & { join(): Promise<void> } {
  const own = keyedSemaphore(1);
  let processId = 'unborn';
  let safeUntil = 0;

  async function beat(): Promise<void> {
    const sentAt = scheduler.now;
    const before = processId;
    const id = await ask('~beat', () => table.beat(before));
    // Two beats may be under way: the newer id stands.
    if (processId === before) processId = id;
    safeUntil = Math.max(safeUntil, sentAt + (LEASE_MS - SEND_MARGIN_MS) * 1_000);
  }

  async function locked(target: string): Promise<string> {
    for (;;) {
      const id = processId;
      if (await ask('lock', () => table.lock(id, target)).catch(() => false)) return id;
      await host.machine.sleep(LOCK_RETRY_MS);
    }
  }

  return {
    get processId() {
      return processId;
    },
    join: beat,
    beat,
    holds: () => scheduler.now < safeUntil,
    claim(limit) {
      const id = processId;
      return ask('~claim', () => table.claim(id, limit));
    },
    held(limit) {
      const id = processId;
      return ask('held', () => table.held(id, limit));
    },
    leads(duty) {
      const id = processId;
      return ask('~leads', () => table.leads(id, duty));
    },
    withTarget: (target, work) =>
      own.run(target, async () => {
        const id = await locked(target);
        try {
          return await work();
        } finally {
          scheduler.after(RELEASE_US, `${host.name} unlocks ${target}`, () => table.unlock(id, target));
        }
      }),
    leave() {
      const id = processId;
      return ask('leave', () => table.leave(id));
    },
  };
}
