import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import type { IdempotencyStore } from './services.ts';

/** How long a reply is kept for repeats, in ms: a day, longer than any client's retries. */
export const REPLY_LIFETIME_MS = 24 * 3_600_000;
/**
 * How long a request may be at work before a repeat may try again, in ms: longer than any request takes, so that
 * only a process that died leaves such an entry. Services derive ids from the key, so that the repeat lands on
 * the same rows.
 */
export const IN_FLIGHT_MS = 120_000;
/** Largest reply that is kept, in UTF-16 units; a repeat of a larger one hears `conflict` instead. */
export const MAX_KEPT_REPLY = 256 * 1024;

const ENTRY = z.strictObject({
  fingerprint: z.string(),
  at: z.int(),
  reply: z.strictObject({ status: z.int(), body: z.string().nullable(), location: z.string().nullable() }).nullable(),
});

type IdempotencyJournal = Pick<Journal, 'commit' | 'view'>;

/** Keeps replies as views of the journal. They are a cache with an end, not part of the record. */
export function createIdempotencyStore(journal: IdempotencyJournal): IdempotencyStore {
  const write = async (id: string, expectedVersion: number, at: number, body: z.infer<typeof ENTRY> | null) => {
    const [result] = await journal.commit([
      { appends: [], views: [{ kind: 'idempotency', id, expectedVersion, at, body }] },
    ]);
    return result?.status === 'applied';
  };
  return {
    async begin({ id, fingerprint, now }) {
      const stored = await journal.view('idempotency', id);
      if (stored !== null) {
        const entry = ENTRY.parse(stored.body);
        const lifetime = entry.reply === null ? IN_FLIGHT_MS : REPLY_LIFETIME_MS;
        if (now - entry.at < lifetime) {
          if (entry.fingerprint !== fingerprint) return { outcome: 'mismatch' };
          return entry.reply === null ? { outcome: 'in-flight' } : { outcome: 'replay', reply: entry.reply };
        }
      }
      const version = stored?.version ?? 0;
      const won = await write(id, version, now, { fingerprint, at: now, reply: null });
      return won ? { outcome: 'started', token: version + 1 } : { outcome: 'in-flight' };
    },
    // A stale write means that the entry passed to a repeat meanwhile: then that one's reply is the one to keep.
    async finish({ id, fingerprint, now, token, reply }) {
      const body = reply.body !== null && reply.body.length > MAX_KEPT_REPLY ? null : reply.body;
      await write(id, token, now, { fingerprint, at: now, reply: { ...reply, body } });
    },
    async abandon({ id, token, now }) {
      await write(id, token, now, null);
    },
  };
}
