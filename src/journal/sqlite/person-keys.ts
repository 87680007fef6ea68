import { chmodSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { Person, PersonKeys, StoredPerson } from '../../pipeline/persons/person-keys.ts';
import { StoreUnavailableError } from '../journal.ts';
import { lookupOf, newPerson, requireSameJournal } from '../persons/new-person.ts';
import { guard } from './faults.ts';
import { loadDriver } from './open.ts';

/** How long another process may hold the file before we give up, in ms: a command that reads takes less. */
const BUSY_TIMEOUT_MS = 2_000;

const SCHEMA = `
  create table if not exists meta (key text primary key, value text not null) strict;
  create table if not exists persons (
    id text primary key, lookup text unique, key blob, made integer not null, erased integer
  ) strict, without rowid;
`;

interface Row {
  readonly id: string;
  readonly key: Buffer | null;
  readonly erased: number | null;
}

export interface SqlitePersonKeysOptions {
  readonly file: string;
  /** The journal whose persons they are. */
  readonly journalId: string;
  /** Bytes that nobody can guess, each time other ones. */
  readonly random: (bytes: number) => Uint8Array;
  /** Nothing is written; a file that is not there holds nobody. */
  readonly readOnly?: boolean;
}

/**
 * The keys of persons in a file beside the journal, mode 0600. What is erased is overwritten in the file (`secure_delete`) and leaves
 * the write-ahead log; what the file system or a backup keeps of older blocks is beyond a program.
 *
 * @throws Error when the file holds the persons of another journal; StoreUnavailableError.
 */
export function openSqlitePersonKeys({
  file,
  journalId,
  random,
  readOnly = false,
}: SqlitePersonKeysOptions): PersonKeys {
  const database = guard(() => openFile(file, readOnly));
  const salt = guard(() => bear(database, journalId, random, readOnly));
  const insert = database.prepare(`insert into persons (id, lookup, key, made) values (?, ?, ?, ?)`);
  const byLookup = database.prepare<[string], Row>(`select id, key, erased from persons where lookup = ?`);
  const byId = database.prepare<[string], Row>(`select id, key, erased from persons where id = ?`);
  const erase = database.prepare(
    `update persons set lookup = null, key = null, erased = ? where id = ? and key is not null`,
  );
  const detach = database.prepare(`update persons set lookup = null where id = ?`);
  const count = database.prepare<[], { n: number }>(`select count(*) as n from persons`);

  function found(identity: string): Person | null {
    const row = byLookup.get(lookupOf(salt, identity));
    return row === undefined || row.key === null ? null : { id: row.id, key: row.key };
  }

  function made(identity: string, at: number): Person {
    const person = newPerson(random);
    insert.run(person.id, lookupOf(salt, identity), Buffer.from(person.key), at);
    return person;
  }

  const ensureAll = database.transaction((identities: readonly string[], at: number) => {
    const persons = new Map<string, Person>();
    for (const identity of identities) persons.set(identity, found(identity) ?? made(identity, at));
    return persons;
  });

  return {
    ensure: async (identities, at) => guard(() => ensureAll.immediate(identities, at)),
    find: async (identity) => guard(() => found(identity)),
    load: async (ids) =>
      guard(() => {
        const persons = new Map<string, StoredPerson>();
        for (const id of ids) {
          const row = byId.get(id);
          if (row !== undefined) persons.set(id, { id, key: row.key, erasedAt: row.erased });
        }
        return persons;
      }),
    detach: async (id) =>
      guard(() => {
        detach.run(id);
      }),
    erase: async (id, at) =>
      guard(() => {
        erase.run(at, id);
        // Until then the key stands in the log of writes. SQLite only answers that somebody who reads keeps it from that.
        const busy = database.pragma('wal_checkpoint(TRUNCATE)', { simple: true });
        if (busy !== 0)
          throw new StoreUnavailableError('somebody reads the keys of persons: one is not erased yet', false);
      }),
    count: async () => guard(() => count.get()?.n ?? 0),
    close: async () => {
      database.close();
    },
  };
}

/** The file as it is, to be copied. */
export function openKeysFile(file: string): Database {
  return guard(() => openFile(file, true));
}

function openFile(file: string, readOnly: boolean): Database {
  const database = new (loadDriver())(file, { readonly: readOnly });
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  if (readOnly) return database;
  chmodSync(file, 0o600);
  database.pragma('secure_delete = on');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(SCHEMA);
  return database;
}

/** The salt under which identities are looked up. @throws Error when the file is another journal's. */
function bear(database: Database, journalId: string, random: (bytes: number) => Uint8Array, readOnly: boolean): string {
  const value = database.prepare<[string], { value: string }>(`select value from meta where key = ?`);
  if (value.get('journal') === undefined && !readOnly) {
    const set = database.prepare(`insert into meta (key, value) values (?, ?)`);
    database.transaction(() => {
      set.run('journal', journalId);
      set.run('salt', Buffer.from(random(32)).toString('hex'));
    })();
  }
  requireSameJournal(value.get('journal')?.value, journalId);
  return value.get('salt')?.value ?? '';
}
