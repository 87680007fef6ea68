import { createRequire } from 'node:module';
import type { Database } from 'better-sqlite3';
import { FirebreakError, messageOf } from '../../platform/errors.ts';
import { MIGRATIONS, type Migration } from './schema.ts';

type DatabaseConstructor = new (file: string, options?: { readonly readonly: boolean }) => Database;

/** How long a second process may hold the file before we give up, in ms: a backup or a checkpoint takes less. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Page cache, in KiB: the indexes of some hundred thousand events and detector states. SQLite's own default of 2 MB
 * made every batch of events read its pages anew.
 */
const PAGE_CACHE_KIB = 65_536;

/**
 * Size of a page of a new file, in bytes. A record is 0.5 to 2 kB and never split over two pages: in SQLite's own 4 KiB
 * a fifth of every page stayed empty.
 */
const PAGE_BYTES = 8_192;

/**
 * Pages in the write-ahead log before they are copied back: 32 MB. One batch of events writes more than
 * SQLite's default of 1,000, which then copies (and syncs) after every single commit.
 */
const CHECKPOINT_PAGES = 4_000;

/**
 * Opens (and when needed creates and migrates) the database file of a journal.
 *
 * `synchronous=FULL` with WAL: a commit has reached the disk when it returns. A newer file than this program
 * knows is refused, because writing it with old rules could break it.
 */
export function openDatabase(file: string): Database {
  const database = new (loadDriver())(file);
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma('journal_size_limit = 67108864');
  migrate(database);
  return database;
}

/** Opens the file of a journal that is open already, on a connection that can write nothing. */
export function openToRead(file: string): Database {
  const database = new (loadDriver())(file, { readonly: true });
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
  return database;
}

/** Brings an existing file up to date and closes it again. The caller holds the fence of its directory. */
export function migrateSqlite(file: string): { readonly from: number; readonly to: number } {
  const database = new (loadDriver())(file);
  try {
    const from = schemaOf(database);
    migrate(database);
    return { from, to: schemaOf(database) };
  } finally {
    database.close();
  }
}

function schemaOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** The oldest schema version whose programs may use the file; it stands there from the second migration on. */
function oldestReaderOf(database: Database): number {
  const row = database.prepare<[], { value: string }>(`select value from meta where key = 'oldest_reader'`).get();
  return Number(row?.value ?? 0);
}

/**
 * Brings the schema up to date. A newer one is used as it is, as long as nothing that this program needs was taken away.
 * @throws FirebreakError `conflict`.
 */
export function migrate(database: Database, migrations: readonly Migration[] = MIGRATIONS): void {
  const present = schemaOf(database);
  const known = migrations.length;
  if (present > known) {
    const oldestReader = oldestReaderOf(database);
    if (oldestReader > 0 && oldestReader <= known) return;
    database.close();
    throw new FirebreakError(
      'conflict',
      `the journal was written by a newer Firebreak (schema ${present}, readable from ${oldestReader}, known ${known})`,
    );
  }
  for (const [index, { sql, oldestReader }] of migrations.entries()) {
    if (index < present) continue;
    database.transaction(() => {
      database.exec(sql);
      database
        .prepare(
          `insert into meta (key, value) values ('oldest_reader', ?)
                  on conflict (key) do update set value = max(cast(value as integer), excluded.value)`,
        )
        .run(oldestReader);
      database.pragma(`user_version = ${index + 1}`);
    })();
  }
}

/**
 * The driver is compiled at installation where no prebuilt binary can be had; a machine without a compiler ends
 * up without it, and this is the place that says so in words.
 */
export function loadDriver(): DatabaseConstructor {
  try {
    // A require, because a static import of a missing native module would fail before any word could be said.
    return createRequire(import.meta.url)('better-sqlite3') as DatabaseConstructor; // the package's own type
  } catch (cause) {
    throw new FirebreakError(
      'store_unavailable',
      'The SQLite driver (better-sqlite3) is not installed. It is compiled during `npm ci` when no prebuilt binary ' +
        'can be downloaded, and that needs a C++ compiler, make and Python 3 (Debian: apt-get install g++ make ' +
        `python3; then: npm rebuild better-sqlite3). The loader said: ${messageOf(cause)}`,
      [],
      { cause },
    );
  }
}
