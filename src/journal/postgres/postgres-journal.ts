import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { FirebreakError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import { realMachine, type Machine } from '../../platform/machine.ts';
import { StoreUnavailableError, type Change, type ChangeResult, type Journal } from '../journal.ts';
import { longReadsHere } from '../long-reads-here.ts';
import { born, requireSafeServer, type Birth, type Born } from './birth.ts';
import { inTransaction, openLine, openReadPool, type Address, type Queryable } from './connection.ts';
import { scrubberFor, storeFault } from './faults.ts';
import { postgresLogStore } from './log-store.ts';
import { openMembership } from './membership.ts';
import { lockSchema, migrate } from './migrate.ts';
import { openEar, openTeller } from './news.ts';
import { postgresReader, type InTime } from './reader.ts';
import { postgresRetention } from './retention.ts';
import { MIGRATIONS } from './schema.ts';
import { openTurns } from './turns.ts';
import { openWriter, type CommitPoint } from './writer.ts';

export interface PostgresJournalOptions {
  /** `postgres://user:password@host:port/database`. The password is never shown again. */
  readonly url: string;
  /** Used only when the database is new. */
  readonly birth: Birth;
  /** Whether this process performs effects itself; otherwise what it queues is for others to claim. */
  readonly performs: boolean;
  /** False: neither tells others what it left for them nor hears of what they left; all is found by looking. Absent: true. */
  readonly hints?: boolean;
  readonly ids: Ids;
  readonly monotonic: () => number;
  readonly now?: () => number;
  readonly machine?: Machine;
  readonly probe?: (point: CommitPoint, client: Client) => void | Promise<void>;
}

export interface PostgresJournal extends Journal {
  /** What to add to this machine's wall clock to get the database's, in ms: leases and due times are judged by the latter. */
  clockOffsetMs(): number;
  /** Whether the process of that name lives. @throws StoreUnavailableError. */
  lives(processId: string): Promise<boolean>;
}

/**
 * The journal in one PostgreSQL database, shared by any number of processes.
 *
 * Promises what the port promises, and: two processes never append to the same place of a stream; a connection that is
 * lost is replaced without a restart; a commit whose answer was lost is asked about before anything else is done.
 *
 * @throws FirebreakError `conflict` for a database that must not be used (unsafe settings, another schema).
 * @throws StoreUnavailableError when the database cannot be reached.
 */
export async function openPostgresJournal(options: PostgresJournalOptions): Promise<PostgresJournal> {
  const { machine = realMachine, monotonic, now = Date.now, ids } = options;
  const address: Address = { url: options.url, scrub: scrubberFor(options.url) };
  const line = openLine(address, () => 'writer');
  // Places in the log are given by one process at a time, which may wait; commits need not wait with it.
  const sequencer = openLine(address, () => 'sequencer');
  const unguessable = (): string => randomBytes(16).toString('hex');
  const opened: { close(): Promise<void> }[] = [line, sequencer];
  try {
    const birth = await inTransaction(line, (client) => prepare(client, options.birth, unguessable()));
    const news = { address, machine, journalId: birth.id };
    const hints = options.hints ?? true;
    // Who performs nothing has nothing to hear, and who performs holds what it commits and has nothing to tell.
    const ear = hints && options.performs ? openEar(news, () => members.processId) : null;
    const teller = hints && !options.performs ? openTeller(news) : null;
    const members = openMembership({
      address,
      machine,
      monotonic,
      now,
      newProcessId: () => ids.next('prc'),
      journalId: birth.id,
      schema: MIGRATIONS.length,
      ear,
    });
    opened.push({ close: () => members.leave() });
    await members.beat();
    const turns = openTurns({ address, machine, journalId: birth.id, processId: () => members.processId });
    opened.push(turns);
    const pool = openReadPool(address);
    const owner = (): string | null => (options.performs ? members.processId : null);
    const writer = openWriter({
      address,
      line,
      machine,
      monotonic,
      newBatchId: unguessable,
      owner,
      ...(options.probe === undefined ? {} : { probe: options.probe }),
    });
    const written = async <Result>(work: (connection: Queryable) => Promise<Result>): Promise<Result> => {
      try {
        return await inTransaction(sequencer, work);
      } catch (thrown) {
        throw storeFault(thrown, address.scrub, true);
      }
    };
    const reader = postgresReader(pool, inTime(machine, monotonic));
    const log = postgresLogStore(pool, written);
    return {
      ...birth,
      ...reader,
      shared: true,
      members,
      turns,
      log,
      longReads: longReadsHere(reader, log),
      retention: postgresRetention(pool, written),
      async commit(changes) {
        const results = await writer.commit(changes);
        if (teller !== null && leftSomething(changes, results)) teller.tell();
        return results;
      },
      clockOffsetMs: () => members.clockOffsetMs(),
      lives: (processId) => members.lives(processId),
      async close() {
        ear?.close();
        await teller?.close();
        await members.leave().catch(() => undefined);
        await Promise.all([line.close(), sequencer.close(), turns.close(), pool.close()]);
      },
    };
  } catch (thrown) {
    for (const each of opened) await each.close().catch(() => undefined);
    throw thrown instanceof FirebreakError ? thrown : storeFault(thrown, address.scrub, false);
  }
}

/** Whether a commit queued effects. */
function leftSomething(changes: readonly Change[], results: readonly ChangeResult[]): boolean {
  return changes.some(
    ({ effects = [] }, index) => results[index]?.status === 'applied' && effects.some(({ body }) => body !== null),
  );
}

/** How long a database may be silent, in ms: as long as a request waits for a commit (`group-commit.ts`). */
const SILENCE_MS = 1_000;

/** A database that went silent is noticed long before its connections are given up. One that is only busy answers others. */
function inTime(machine: Machine, monotonic: () => number): InTime {
  let answeredAt = monotonic();
  return (asked) =>
    new Promise((resolve, reject) => {
      const askedAt = monotonic();
      let cancel = (): void => undefined;
      const look = (): void => {
        const left = Math.max(askedAt, answeredAt) + SILENCE_MS - monotonic();
        if (left > 0) cancel = machine.after(Math.ceil(left), look);
        else reject(new StoreUnavailableError('the journal on PostgreSQL does not answer', false));
      };
      look();
      const answered = (): void => {
        answeredAt = monotonic();
      };
      void asked
        .then((answer) => {
          answered();
          resolve(answer);
        }, reject)
        .finally(() => cancel());
    });
}

/** Makes the database ready, one process at a time: its settings, its schema, and the journal's first record. */
async function prepare(client: Client, birth: Birth, batchId: string): Promise<Born> {
  await requireSafeServer(client);
  await lockSchema(client);
  await migrate(client, 'start');
  return born(client, birth, batchId);
}
