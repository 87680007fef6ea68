import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { JournalRecord } from '../../pipeline/audit/record.ts';
import type { Journal } from '../journal.ts';
import { requireUnsealed } from '../sealed.ts';
import { soleMember } from '../sole-member.ts';
import { guard } from './faults.ts';
import { openDatabase } from './open.ts';
import { ownFiles } from './own-files.ts';
import { sqliteLogStore } from './sqlite-log-store.ts';
import { makeReader } from './reader.ts';
import { sqliteRetention } from './sqlite-retention.ts';
import { makeWriter, type Writer } from './writer.ts';

/**
 * How long a commit waits for somebody else's lock on the file, in ms. It waits inside SQLite, and everything else in
 * the process with it, so this is short: who wanted the commit asks again.
 */
const COMMIT_BUSY_TIMEOUT_MS = 100;

export interface SqliteJournalOptions {
  readonly file: string;
  /** Used only when the file is new: the journal's id for ever, and its first record. */
  readonly birth: { readonly id: string; readonly at: number; readonly accelerated: boolean };
  /** Everything that is read is of this one moment, whatever a server writes meanwhile; nothing can be committed. */
  readonly snapshot?: boolean;
}

/**
 * The journal in one SQLite file.
 *
 * Promises: a resolved `commit` is on disk; a stale member changed nothing; records are sealed inside the
 * transaction, so that the chain can never fork. One process writes the file at a time.
 */
export function openSqliteJournal(options: SqliteJournalOptions): Journal {
  const database = guard(() => openDatabase(options.file));
  const writer = makeWriter(database);
  const meta = guard(() => {
    // Open until `close`; the first read inside fixes the moment.
    if (options.snapshot === true) database.exec('begin');
    const birth = bear(database, writer, options.birth);
    if (options.snapshot !== true) refuseSealed(database);
    return birth;
  });
  const files = ownFiles(options.file);
  if (options.snapshot !== true) database.pragma(`busy_timeout = ${COMMIT_BUSY_TIMEOUT_MS}`);
  const reader = makeReader(database);
  return {
    ...meta,
    ...reader,
    shared: false,
    members: soleMember((limit) => reader.queuedEffects(limit)),
    log: sqliteLogStore(database),
    retention: sqliteRetention(database, (work) => {
      invariant(options.snapshot !== true, 'a snapshot is only read');
      return guard(() => {
        files.check();
        return work();
      });
    }),
    async commit(changes) {
      invariant(options.snapshot !== true, 'a snapshot is only read');
      return guard(() => {
        files.check();
        return writer.commit(changes);
      });
    },
    async close() {
      database.close();
    },
  };
}

/** A journal that goes on in another place is not written any more. @throws FirebreakError `conflict`. */
function refuseSealed(database: Database): void {
  const newest = database
    .prepare<[], { bytes: string }>(
      `select r.bytes from records r join streams s on s.no = r.stream where s.name = 'config' order by r.seq desc limit 1`,
    )
    .get();
  try {
    requireUnsealed(newest === undefined ? null : (JSON.parse(newest.bytes) as JournalRecord)); // as this file wrote it
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function bear(
  database: Database,
  writer: Writer,
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
    writer.commit([{ appends: [{ stream: 'config', expectedSeq: 0, records }] }]);
  })();
  return { id: birth.id, createdAt: birth.at, accelerated: birth.accelerated };
}
