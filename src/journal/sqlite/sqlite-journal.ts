import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { CONFIG_STREAM } from '../../pipeline/audit/generations.ts';
import type { Journal } from '../journal.ts';
import { longReadsHere } from '../long-reads-here.ts';
import { requireUnsealed } from '../sealed.ts';
import { soleMember } from '../sole-member.ts';
import { recordOf } from '../stored-record.ts';
import { guard } from './faults.ts';
import { openDatabase } from './open.ts';
import { identify } from './own-files.ts';
import { sqliteLogStore } from './sqlite-log-store.ts';
import { makeReader } from './reader.ts';
import { oldEventsReader } from './retention.ts';
import { rowsOf } from './rows.ts';
import { startReadThread } from './start-read-thread.ts';
import { startStoreThread } from './start-store-thread.ts';
import { COMMIT_BUSY_TIMEOUT_MS, makeStore, storeHere, type StoreThread } from './store.ts';
import { makeWriter } from './writer.ts';

export interface SqliteJournalOptions {
  readonly file: string;
  /** Used only when the file is new: the journal's id for ever, and its first record. */
  readonly birth: { readonly id: string; readonly at: number; readonly accelerated: boolean };
  /** Everything that is read is of this one moment, whatever a server writes meanwhile; nothing can be committed. */
  readonly snapshot?: boolean;
  /** The program of threads that write and that read what takes long (`STORE_THREAD`). Absent or null: the one that asks does. */
  readonly storeThread?: URL | null;
}

/**
 * The journal in one SQLite file.
 *
 * Promises: a resolved `commit` is on disk; a stale member changed nothing; records are sealed inside the
 * transaction, so that the chain can never fork. One process writes the file at a time.
 */
export function openSqliteJournal(options: SqliteJournalOptions): Journal {
  const database = guard(() => openDatabase(options.file));
  const meta = guard(() => {
    // Open until `close`; the first read inside fixes the moment.
    if (options.snapshot === true) database.exec('begin');
    const birth = bear(database, options.birth);
    if (options.snapshot !== true) refuseSealed(database);
    return birth;
  });
  const store = options.snapshot === true ? READ_ONLY : storeOf(database, options);
  const reader = makeReader(database);
  const log = sqliteLogStore(database, store);
  const reads = readsBeside(options) ?? { longReads: longReadsHere(reader, log), close: async () => undefined };
  const oldEvents = oldEventsReader(database);
  return {
    ...meta,
    ...reader,
    shared: false,
    members: soleMember((limit) => reader.queuedEffects(limit)),
    log,
    longReads: reads.longReads,
    retention: {
      removeStreams: (streams) => store.removeStreams(streams),
      oldEvents: async (query) => guard(() => oldEvents(query)),
      removeEvents: (keys) => store.removeEvents(keys),
    },
    commit: async (changes) => store.commit(changes.map(rowsOf)),
    async close() {
      // The last one to close tidies up the file, which who only reads it cannot.
      await reads.close().catch(() => undefined); // a thread that died on its way out has let go of it too
      await store.close();
      database.close();
    },
  };
}

/** One thing writes the file: the connection that reads must not while a thread does. */
function storeOf(database: Database, { file, storeThread = null }: SqliteJournalOptions): StoreThread {
  const identities = identify(file);
  database.pragma(`busy_timeout = ${COMMIT_BUSY_TIMEOUT_MS}`);
  if (storeThread === null) return storeHere(makeStore(database, identities));
  database.pragma('query_only = on');
  return startStoreThread({ file, identities }, storeThread);
}

/** Null: a snapshot is of the moment of its own connection, and without a program the thread that asks reads. */
function readsBeside({
  file,
  snapshot = false,
  storeThread = null,
}: SqliteJournalOptions): ReturnType<typeof startReadThread> | null {
  if (snapshot || storeThread === null) return null;
  return startReadThread({ file, identities: identify(file) }, storeThread);
}

const refuse = (): Promise<never> => Promise.reject(new Error('invariant broken: a snapshot is only read'));
const READ_ONLY: StoreThread = {
  commit: refuse,
  place: refuse,
  addCheckpoint: refuse,
  removeStreams: refuse,
  removeEvents: refuse,
  close: async () => undefined,
};

/** A journal that goes on in another place is not written any more. @throws FirebreakError `conflict`. */
function refuseSealed(database: Database): void {
  const newest = database
    .prepare<[], { seq: number; bytes: string }>(
      `select r.seq, r.bytes from records r join streams s on s.no = r.stream where s.name = '${CONFIG_STREAM}' order by r.seq desc limit 1`,
    )
    .get();
  try {
    requireUnsealed(newest === undefined ? null : recordOf(CONFIG_STREAM, newest.seq, newest.bytes));
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function bear(
  database: Database,
  birth: SqliteJournalOptions['birth'],
): { id: string; createdAt: number; accelerated: boolean } {
  const found = database.prepare<[], { value: string }>(`select value from meta where key = 'journal'`).get();
  if (found !== undefined) {
    const { id, at, accelerated } = JSON.parse(found.value) as SqliteJournalOptions['birth']; // written below
    return { id, createdAt: at, accelerated };
  }
  database.transaction(() => {
    database.prepare(`insert into meta (key, value) values ('journal', ?)`).run(canonicalJson(birth));
    const data = { journalId: birth.id, accelerated: birth.accelerated, generation: 1 };
    const records = [{ type: 'journal.created', v: 1, at: birth.at, data }];
    makeWriter(database).commit([rowsOf({ appends: [{ stream: 'config', expectedSeq: 0, records }] })]);
  })();
  return { id: birth.id, createdAt: birth.at, accelerated: birth.accelerated };
}
