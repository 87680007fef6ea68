import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailableError, type Journal, type JournalReader } from '../journal/journal.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import { openPostgresSnapshot } from '../journal/postgres/snapshot.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { databaseUrlOf, personsOf } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import { withPersons } from '../start/person-keys.ts';
import type { Io } from './io.ts';

/**
 * Opens an existing journal for reading, as it is at this moment, also while servers write it; never makes one. As for
 * the server, `DATABASE_URL` decides where it lies; without it, it is the file in the data directory.
 *
 * @throws FirebreakError `not_found`, `store_unavailable`; ConfigError.
 */
export async function openExistingJournal(
  dataDir: string,
  io: Pick<Io, 'env' | 'readTextSync'>,
): Promise<PersonalJournal> {
  const url = databaseUrlOf(io.env, io.readTextSync);
  return inWords(async () => {
    const journal = url === null ? openSqliteFile(dataDir) : await openPostgresSnapshot(url);
    try {
      const place = { dataDir, databaseUrl: url, persons: personsOf(io.env, io.readTextSync) };
      return await withPersons(journal, place, 'read');
    } catch (thrown) {
      await journal.close();
      throw thrown;
    }
  });
}

/** A journal that is known to be a file, with its personal texts as they are stored. */
export function openSqliteFile(dataDir: string): Journal {
  const file = join(dataDir, 'journal.sqlite');
  if (!existsSync(file)) throw new FirebreakError('not_found', `there is no journal in ${dataDir}`);
  // The birth is for new files only, and this one exists.
  return openSqliteJournal({ file, birth: { id: 'unused', at: 0, accelerated: false }, snapshot: true });
}

/**
 * The business time of a journal whose server does not run here, in ms: that of the accelerated ones stands still meanwhile, and no other
 * is before its newest record.
 * @param wall the wall clock: of this machine where it only dates or reports; the database's, where there is one, for what is taken out by it.
 */
export async function businessNow(
  journal: Pick<JournalReader, 'newestRecordAt' | 'accelerated'>,
  wall: number,
): Promise<number> {
  const newest = (await journal.newestRecordAt()) ?? 0;
  return journal.accelerated ? newest : Math.max(wall, newest);
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
