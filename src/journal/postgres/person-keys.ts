import type { Person, PersonKeys, StoredPerson } from '../../pipeline/persons/person-keys.ts';
import { lookupOf, newPerson, requireSameJournal, type Random } from '../persons/new-person.ts';
import { inTransaction, openLine, type Address, type Queryable } from './connection.ts';
import { scrubberFor, storeFault } from './faults.ts';
import { FirebreakError } from '../../platform/errors.ts';

/**
 * A schema of its own, so that a backup of the journal can leave it out (`pg_dump --exclude-schema`), and one of the keys can be
 * kept for a shorter time.
 */
export const PERSON_KEYS_SCHEMA = 'firebreak_persons';

export const PERSON_KEYS_TABLES = `
  create schema if not exists ${PERSON_KEYS_SCHEMA};
  create table if not exists ${PERSON_KEYS_SCHEMA}.meta (key text collate "C" primary key, value text not null);
  create table if not exists ${PERSON_KEYS_SCHEMA}.persons (
    id text collate "C" primary key, lookup text collate "C" unique, key bytea, made bigint not null, erased bigint
  );
`;

/** Any number that nobody else locks: two processes that start at the same time make the schema one after the other. */
const BIRTH_LOCK = 0x66_62_6b_65;

interface Row {
  readonly id: string;
  readonly key: Buffer | null;
  readonly erased: number | null;
}

export interface PostgresPersonKeysOptions {
  readonly url: string;
  /** The journal whose persons they are. */
  readonly journalId: string;
  readonly random: Random;
  /** Nothing is written. */
  readonly readOnly?: boolean;
}

/** @throws FirebreakError `conflict` for the store of another journal; StoreUnavailableError. */
export async function openPostgresPersonKeys(options: PostgresPersonKeysOptions): Promise<PersonKeys> {
  const { url, journalId, random, readOnly = false } = options;
  const address: Address = { url, scrub: scrubberFor(url) };
  const line = openLine(address, () => 'persons');
  const guarded = async <Result>(work: (connection: Queryable) => Promise<Result>): Promise<Result> => {
    try {
      return await inTransaction(line, work);
    } catch (thrown) {
      // Whatever became of a key: nothing of the journal was written.
      throw thrown instanceof FirebreakError ? thrown : storeFault(thrown, address.scrub, false);
    }
  };
  const found = async (connection: Queryable, identity: string): Promise<Person | null> => {
    const text = `select id, key, erased from ${PERSON_KEYS_SCHEMA}.persons where lookup = $1`;
    const [row] = (await connection.query<Row>({ text, values: [lookupOf(salt, identity)] })).rows;
    return row === undefined || row.key === null ? null : { id: row.id, key: row.key };
  };
  let salt = '';
  try {
    salt = await guarded((connection) => bear(connection, journalId, random, readOnly));
  } catch (thrown) {
    await line.close();
    throw thrown;
  }
  return {
    ensure: (identities, at) =>
      guarded(async (connection) => {
        const persons = new Map<string, Person>();
        for (const identity of identities) {
          const { id, key } = newPerson(random);
          // Another process may make the same person at the same time: whoever comes second takes the first one's.
          const text = `insert into ${PERSON_KEYS_SCHEMA}.persons (id, lookup, key, made) values ($1, $2, $3, $4)
            on conflict (lookup) do nothing`;
          const known = await found(connection, identity);
          if (known === null)
            await connection.query({ text, values: [id, lookupOf(salt, identity), Buffer.from(key), at] });
          persons.set(identity, known ?? (await found(connection, identity)) ?? never(identity));
        }
        return persons;
      }),
    find: (identity) => guarded((connection) => found(connection, identity)),
    load: (ids) =>
      guarded(async (connection) => {
        const text = `select id, key, erased from ${PERSON_KEYS_SCHEMA}.persons where id = any($1)`;
        const { rows } = await connection.query<Row>({ text, values: [ids] });
        return new Map(rows.map(({ id, key, erased }): [string, StoredPerson] => [id, { id, key, erasedAt: erased }]));
      }),
    detach: (id) =>
      guarded(async (connection) => {
        const text = `update ${PERSON_KEYS_SCHEMA}.persons set lookup = null where id = $1`;
        await connection.query({ text, values: [id] });
      }),
    erase: (id, at) =>
      guarded(async (connection) => {
        const text = `update ${PERSON_KEYS_SCHEMA}.persons set lookup = null, key = null, erased = $2
          where id = $1 and key is not null`;
        await connection.query({ text, values: [id, at] });
      }),
    count: () =>
      guarded(async (connection) => {
        const text = `select count(*) as n from ${PERSON_KEYS_SCHEMA}.persons`;
        return (await connection.query<{ n: number }>(text)).rows[0]?.n ?? 0;
      }),
    close: () => line.close(),
  };
}

/** Whether there is such a store in a database. @throws StoreUnavailableError. */
export async function hasPersonKeys(url: string): Promise<boolean> {
  const address: Address = { url, scrub: scrubberFor(url) };
  const line = openLine(address, () => 'persons');
  try {
    return await inTransaction(line, isMade);
  } catch (thrown) {
    throw storeFault(thrown, address.scrub, false);
  } finally {
    await line.close();
  }
}

async function isMade(connection: Queryable): Promise<boolean> {
  const text = `select 1 from pg_namespace where nspname = '${PERSON_KEYS_SCHEMA}'`;
  return (await connection.query(text)).rows.length > 0;
}

async function bear(connection: Queryable, journalId: string, random: Random, readOnly: boolean): Promise<string> {
  if (!readOnly) {
    await connection.query(`select pg_advisory_xact_lock(${BIRTH_LOCK})`);
    // Only who makes it needs the right to.
    if (!(await isMade(connection))) await connection.query(PERSON_KEYS_TABLES);
    const text = `insert into ${PERSON_KEYS_SCHEMA}.meta (key, value) values ('journal', $1), ('salt', $2)
      on conflict (key) do nothing`;
    await connection.query({ text, values: [journalId, Buffer.from(random(32)).toString('hex')] });
  }
  const { rows } = await connection.query<{ key: string; value: string }>(
    `select key, value from ${PERSON_KEYS_SCHEMA}.meta`,
  );
  const meta = new Map(rows.map(({ key, value }) => [key, value]));
  requireSameJournal(meta.get('journal'), journalId);
  return meta.get('salt') ?? '';
}

function never(identity: string): never {
  throw new Error(`invariant broken: ${identity.slice(0, 8)} was made and is not there`);
}
