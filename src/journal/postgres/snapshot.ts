import type { Client } from 'pg';
import { FirebreakError } from '../../platform/errors.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Journal } from '../journal.ts';
import { longReadsHere } from '../long-reads-here.ts';
import type { Membership } from '../membership.ts';
import { readBirth } from './birth.ts';
import { connect, SNAPSHOT_PATIENCE, type Address, type Queryable } from './connection.ts';
import { scrubberFor, storeFault } from './faults.ts';
import { postgresLogStore } from './log-store.ts';
import { requireReadable, schemaState } from './migrate.ts';
import { postgresReader } from './reader.ts';
import { postgresRetention } from './retention.ts';

/**
 * An existing journal as it is at this moment, whatever servers write meanwhile; nothing can be committed.
 *
 * @throws FirebreakError `not_found` for a database without a journal; StoreUnavailableError.
 */
export async function openPostgresSnapshot(url: string): Promise<Journal> {
  const address: Address = { url, scrub: scrubberFor(url) };
  const guarded: Guard = async (work) => {
    try {
      return await work();
    } catch (thrown) {
      throw thrown instanceof FirebreakError ? thrown : storeFault(thrown, address.scrub, false);
    }
  };
  const client = await guarded(() => connect(address, 'snapshot', SNAPSHOT_PATIENCE));
  try {
    return await guarded(async () => {
      // The first read inside fixes the moment.
      await client.query('begin isolation level repeatable read read only');
      const state = await schemaState(client);
      requireReadable(state);
      const journal = state.version === 0 ? null : await journalOver(client, guarded);
      if (journal === null) throw new FirebreakError('not_found', 'there is no journal in this database');
      return { ...journal, close: () => client.end() };
    });
  } catch (thrown) {
    await client.end().catch(() => undefined);
    throw thrown;
  }
}

/** How work on the connection is run: where errors get the words of the port. */
type Guard = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** What a connection sees, as a journal that is only read; null when there is none. Closing it leaves the connection open. */
export async function journalOver(client: Client, guarded: Guard = (work) => work()): Promise<Journal | null> {
  const birth = await readBirth(client);
  if (birth === null) return null;
  // One connection answers one question at a time; readers ask several at once.
  const turns = keyedSemaphore(1);
  const read: Queryable = { query: (query) => guarded(() => turns.run('read', () => client.query(query))) };
  const reader = postgresReader(read);
  const log = postgresLogStore(read, refuse);
  return {
    ...birth,
    ...reader,
    shared: false,
    members: ONLOOKER,
    log,
    longReads: longReadsHere(reader, log),
    retention: postgresRetention(read, refuse),
    commit: refuse,
    close: async () => undefined,
  };
}

async function refuse(): Promise<never> {
  throw new Error('invariant broken: a snapshot is only read');
}

/** Who only reads is no member: it holds nothing and leads nothing. */
const ONLOOKER: Membership = {
  processId: 'onlooker',
  holds: () => false,
  beat: async () => undefined,
  claim: async () => [],
  held: async () => [],
  leads: async () => false,
  withTarget: refuse,
  leave: async () => undefined,
};
