import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailableError, type Journal } from '../journal/journal.ts';
import { openPostgresSnapshot } from '../journal/postgres/snapshot.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { databaseUrlOf } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { Io } from './io.ts';

/**
 * Opens an existing journal for reading, as it is at this moment, also while servers write it; never makes one. As for
 * the server, `DATABASE_URL` decides where it lies; without it, it is the file in the data directory.
 *
 * @throws FirebreakError `not_found`, `store_unavailable`; ConfigError.
 */
export async function openExistingJournal(dataDir: string, io: Pick<Io, 'env' | 'readTextSync'>): Promise<Journal> {
  const url = databaseUrlOf(io.env, io.readTextSync);
  if (url !== null) return inWords(() => openPostgresSnapshot(url));
  return openSqliteFile(dataDir);
}

/** The same for a journal that is known to be a file. */
export function openSqliteFile(dataDir: string): Journal {
  const file = join(dataDir, 'journal.sqlite');
  if (!existsSync(file)) throw new FirebreakError('not_found', `there is no journal in ${dataDir}`);
  // The birth is for new files only, and this one exists.
  return openSqliteJournal({ file, birth: { id: 'unused', at: 0, accelerated: false }, snapshot: true });
}

/** A store that cannot be reached is an expected failure of a command: people read a sentence, not a stack. */
export async function inWords<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof StoreUnavailableError)) throw thrown;
    throw new FirebreakError('store_unavailable', thrown.message, [], { cause: thrown });
  }
}
