import { createRequire } from 'node:module';
import type { Database } from 'better-sqlite3';
import { FirebreakError, messageOf } from '../../platform/errors.ts';
import { MIGRATIONS } from './schema.ts';

type DatabaseConstructor = new (file: string) => Database;

/** How long a second process may hold the file before we give up, in ms: a backup or a checkpoint takes less. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Page cache, in KiB: the indexes of some hundred thousand events and detector states. SQLite's own default of 2 MB
 * made every batch of events read its pages anew.
 */
const PAGE_CACHE_KIB = 65_536;

/**
 * Pages of 4 KiB in the write-ahead log before they are copied back: 32 MB. One batch of events writes more than
 * SQLite's default of 1,000, which then copies (and syncs) after every single commit.
 */
const CHECKPOINT_PAGES = 8_000;

/**
 * Opens (and when needed creates and migrates) the database file of a journal.
 *
 * `synchronous=FULL` with WAL: a commit has reached the disk when it returns. A newer file than this program
 * knows is refused, because writing it with old rules could break it.
 */
export function openDatabase(file: string): Database {
  const database = new (loadDriver())(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma('journal_size_limit = 67108864');
  migrate(database);
  return database;
}

function migrate(database: Database): void {
  const present = Number(database.pragma('user_version', { simple: true }));
  if (present > MIGRATIONS.length) {
    database.close();
    throw new FirebreakError(
      'conflict',
      `the journal was written by a newer Firebreak (schema ${present}, known ${MIGRATIONS.length})`,
    );
  }
  for (let version = present; version < MIGRATIONS.length; version += 1) {
    database.transaction(() => {
      database.exec(MIGRATIONS[version] ?? '');
      database.pragma(`user_version = ${version + 1}`);
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
