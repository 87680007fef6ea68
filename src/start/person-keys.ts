import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal } from '../journal/journal.ts';
import { personalJournal, type PersonalJournal } from '../journal/persons/personal-journal.ts';
import { openSqlitePersonKeys } from '../journal/sqlite/person-keys.ts';
import type { PersonKeys } from '../pipeline/persons/person-keys.ts';
import type { PersonConfig } from '../platform/person-config.ts';

/** Where a journal lies, and how the keys of its persons are used. */
export interface JournalPlace {
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  readonly persons: PersonConfig;
}

/**
 * The journal with its personal texts. Whoever only reads, or writes them in the clear, makes no store of keys where there is none.
 *
 * @throws FirebreakError `conflict` for the keys of another journal; StoreUnavailableError.
 */
export async function withPersons(
  journal: Journal,
  place: JournalPlace,
  use: 'write' | 'read',
): Promise<PersonalJournal> {
  const keys = await openKeys(place, journal.id, use === 'read');
  const encrypts = use === 'write' && place.persons.encrypted;
  return personalJournal(journal, keys, { encrypts, monotonic: () => performance.now() });
}

async function openKeys(place: JournalPlace, journalId: string, readOnly: boolean): Promise<PersonKeys> {
  const { dataDir, databaseUrl, persons } = place;
  const common = { journalId, random: randomBytes, readOnly };
  if (databaseUrl === null) {
    const file = persons.keysFile ?? join(dataDir, 'person-keys.sqlite');
    const isWanted = existsSync(file) || (persons.encrypted && !readOnly);
    return isWanted ? openSqlitePersonKeys({ file, ...common }) : NO_KEYS;
  }
  const url = persons.keysUrl ?? databaseUrl;
  const { hasPersonKeys, openPostgresPersonKeys } = await import('../journal/postgres/person-keys.ts');
  const isWanted = (persons.encrypted && !readOnly) || (await hasPersonKeys(url));
  return isWanted ? openPostgresPersonKeys({ url, ...common }) : NO_KEYS;
}

/** There is no store of keys: what is encrypted cannot be read. */
const NO_KEYS: PersonKeys = {
  ensure: () => Promise.reject(new Error('invariant broken: nothing is encrypted without a store of keys')),
  find: async () => null,
  load: async () => new Map(),
  detach: async () => undefined,
  erase: async () => undefined,
  count: async () => 0,
  close: async () => undefined,
};
