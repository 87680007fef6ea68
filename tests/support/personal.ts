import { dirname } from 'node:path';
import type { Journal } from '../../src/journal/journal.ts';
import type { PersonalJournal } from '../../src/journal/persons/personal-journal.ts';
import { openSqliteJournal, type SqliteJournalOptions } from '../../src/journal/sqlite/sqlite-journal.ts';
import { withPersons } from '../../src/start/person-keys.ts';

/** Journals as a server leaves them: with the keys of persons beside them. Only tests import this file. */

const persons = { encrypted: true, keysFile: null, keysUrl: null };

/** The journal in a file, read with the keys in its folder. */
export async function openLeftJournal(options: SqliteJournalOptions): Promise<PersonalJournal> {
  return withPersons(
    openSqliteJournal(options),
    { dataDir: dirname(options.file), databaseUrl: null, persons },
    'read',
  );
}

/** A journal on PostgreSQL that is open already, with the keys in its database. */
export async function withKeysOf(journal: Journal, databaseUrl: string): Promise<PersonalJournal> {
  return withPersons(journal, { dataDir: '', databaseUrl, persons }, 'read');
}
