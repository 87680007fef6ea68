import { z } from 'zod';
import type { Journal, StoredView } from '../journal/journal.ts';
import type { IdempotencyStore } from './services.ts';

/** How long a reply is kept for repeats, in ms: a day, longer than any client's retries. */
export const REPLY_LIFETIME_MS = 24 * 3_600_000;
/**
 * How long a request may be at work before a repeat may try again, in ms: longer than any request takes. That is for
 * what nobody knows better: a repeat need not wait once the process that was at work is gone. Services derive ids from
 * the key, so that the repeat lands on the same rows.
 */
export const IN_FLIGHT_MS = 120_000;
/** Largest reply that is kept, in UTF-16 units; a repeat of a larger one hears `conflict` instead. */
export const MAX_KEPT_REPLY = 256 * 1024;

const ENTRY = z.strictObject({
  fingerprint: z.string(),
  at: z.int(),
  reply: z.strictObject({ status: z.int(), body: z.string().nullable(), location: z.string().nullable() }).nullable(),
  /** The process that is at work on it. */
  holder: z.string().optional(),
});

/** Who is at work on requests. */
export interface RequestHolders {
  /** The name of this process. Never one that an earlier process had. */
  own(): string;
  /** Whether the process of that name has ended, as far as can be known. @throws StoreUnavailableError. */
  isGone(holder: string): Promise<boolean>;
}

/** In a process that knows of no other: what it did not begin itself was begun by one that is gone. */
export function soleHolder(own: string): RequestHolders {
  return { own: () => own, isGone: async (holder) => holder !== own };
}

/**
 * Entries that could not be settled because the store failed, kept in memory so that a repeat need not wait for
 * `IN_FLIGHT_MS`: more than a server answers while its store is down. Beyond it the oldest waits.
 */
export const MAX_UNSETTLED = 1_000;

/* Replies are swept by the hour of the clock in which they were written. */
const HOUR_MS = 3_600_000;
/** Names of hours come around, so that the rows of a server that stood still for weeks are found again too. */
const HOURS_NAMED = 48;
/** Expired rows that are read at once. */
const SWEPT_AT_ONCE = 100;
/** How often expired replies are looked for, in ms. Only a request that adds one looks. */
const SWEEP_INTERVAL_MS = 10 * 60_000;

type IdempotencyJournal = Pick<Journal, 'commit' | 'view' | 'listViews'>;
type Entry = z.infer<typeof ENTRY>;

/** What should have been written about an entry; `reply` null: the key is free again. */
interface Owed {
  readonly token: number;
  readonly entry: Entry;
}

/** Keeps replies as views of the journal. They are a cache with an end, not part of the record. */
export function createIdempotencyStore(journal: IdempotencyJournal, holders: RequestHolders): IdempotencyStore {
  const unsettled = new Map<string, Owed>();
  /** What this process is at work on: its own name changes when it was taken for dead and was not. */
  const atWork = new Set<string>();
  let lookedAt = -SWEEP_INTERVAL_MS;

  async function write(id: string, expectedVersion: number, at: number, body: Entry | null): Promise<boolean> {
    const view = { kind: 'idempotency', id, expectedVersion, status: hourOf(at), at, body } as const;
    const [result] = await journal.commit([{ appends: [], views: [view] }]);
    return result?.status === 'applied';
  }

  function remember(id: string, owed: Owed): void {
    unsettled.delete(id);
    unsettled.set(id, owed);
    const oldest = unsettled.keys().next();
    if (unsettled.size > MAX_UNSETTLED && oldest.done !== true) unsettled.delete(oldest.value);
  }

  /** Settles an entry; where the store fails, who repeats the request is answered from memory. */
  async function settle(id: string, owed: Owed, body: Entry | null): Promise<void> {
    try {
      // A stale write means that the entry passed to a repeat meanwhile: then that one's reply is the one to keep.
      await write(id, owed.token, owed.entry.at, body);
      unsettled.delete(id);
    } catch (thrown) {
      remember(id, owed);
      throw thrown;
    }
  }

  /** The entry as it would stand if the store had not failed; null: the key is free. */
  function standing(id: string, stored: StoredView | null): Entry | null {
    if (stored === null) return null;
    const owed = unsettled.get(id);
    if (owed === undefined || owed.token !== stored.version) return ENTRY.parse(stored.body);
    return owed.entry.reply === null ? null : owed.entry;
  }

  /** Whether an entry stands in nobody's way any more. */
  async function isOver(id: string, { at, reply, holder = '' }: Entry, now: number): Promise<boolean> {
    if (reply !== null) return now - at >= REPLY_LIFETIME_MS;
    if (now - at >= IN_FLIGHT_MS) return true;
    return !atWork.has(id) && holder !== holders.own() && (await holders.isGone(holder));
  }

  async function sweep(now: number): Promise<void> {
    if (now - lookedAt < SWEEP_INTERVAL_MS) return;
    lookedAt = now;
    for (const status of expiredHours(now)) {
      for (let left = true; left;) {
        const { items } = await journal.listViews({ kind: 'idempotency', status, limit: SWEPT_AT_ONCE, skip: 0 });
        // Each by itself: a repeat may just have taken one over.
        await journal.commit(
          items.map(({ id, version, at }) => ({
            appends: [],
            views: [{ kind: 'idempotency', id, expectedVersion: version, at, body: null }],
          })),
        );
        left = items.length === SWEPT_AT_ONCE;
      }
    }
  }

  return {
    async begin({ id, fingerprint, now }) {
      // What cannot be swept now can be later, and this request has other worries.
      void sweep(now).catch(() => undefined);
      const stored = await journal.view('idempotency', id);
      const entry = standing(id, stored);
      if (entry !== null) {
        const lifetime = entry.reply === null ? IN_FLIGHT_MS : REPLY_LIFETIME_MS;
        // Whoever began it is gone or not: what it did stands under this key.
        if (now - entry.at < lifetime && entry.fingerprint !== fingerprint) return { outcome: 'mismatch' };
        if (!(await isOver(id, entry, now)))
          return entry.reply === null ? { outcome: 'in-flight' } : { outcome: 'replay', reply: entry.reply };
      }
      const token = (stored?.version ?? 0) + 1;
      const begun: Entry = { fingerprint, at: now, reply: null, holder: holders.own() };
      try {
        if (!(await write(id, token - 1, now, begun))) return { outcome: 'in-flight' };
      } catch (thrown) {
        // It may stand there all the same, and nobody is at work.
        remember(id, { token, entry: begun });
        throw thrown;
      }
      unsettled.delete(id);
      atWork.add(id);
      return { outcome: 'started', token };
    },
    async finish({ id, fingerprint, now, token, reply }) {
      const body = reply.body !== null && reply.body.length > MAX_KEPT_REPLY ? null : reply.body;
      const entry = { fingerprint, at: now, reply: { ...reply, body } };
      atWork.delete(id);
      await settle(id, { token, entry }, entry);
    },
    async abandon({ id, token, now }) {
      atWork.delete(id);
      await settle(id, { token, entry: { fingerprint: '', at: now, reply: null } }, null);
    },
  };
}

function hourOf(at: number): string {
  return String(Math.floor(at / HOUR_MS) % HOURS_NAMED);
}

/** Names of hours in which nothing was written that is still kept. */
function expiredHours(now: number): string[] {
  const kept = REPLY_LIFETIME_MS / HOUR_MS + 1;
  return Array.from({ length: HOURS_NAMED - kept }, (_, index) => hourOf(now + (index + 1) * HOUR_MS));
}
