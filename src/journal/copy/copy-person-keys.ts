import type { Database } from 'better-sqlite3';
import { FirebreakError } from '../../platform/errors.ts';
import { PERSON_KEYS_SCHEMA, PERSON_KEYS_TABLES } from '../postgres/person-keys.ts';
import type { Queryable } from '../postgres/connection.ts';

/** Rows copied at once. */
const PAGE = 1_000;

type Row = readonly [id: string, lookup: string | null, key: Buffer | null, made: number, erased: number | null];

/**
 * Copies the keys of persons into the schema of their own, in the transaction that copies the journal: a copy without them could not be
 * read. Who was erased comes along without a key.
 */
export async function copyPersonKeys(client: Queryable, keys: Database): Promise<void> {
  const { rows } = await client.query(`select 1 from pg_namespace where nspname = '${PERSON_KEYS_SCHEMA}'`);
  if (rows.length > 0)
    throw new FirebreakError('conflict', 'that database holds keys of persons already: name an empty one');
  await client.query(PERSON_KEYS_TABLES);
  for (const [key, value] of keys.prepare<[], [string, string]>('select key, value from meta').raw().iterate()) {
    const text = `insert into ${PERSON_KEYS_SCHEMA}.meta (key, value) values ($1, $2)`;
    await client.query({ text, values: [key, value] });
  }
  const all = keys.prepare<[], Row>('select id, lookup, key, made, erased from persons order by id').raw();
  let page: Row[] = [];
  for (const row of all.iterate()) {
    page.push(row);
    if (page.length === PAGE) {
      await insert(client, page);
      page = [];
    }
  }
  if (page.length > 0) await insert(client, page);
}

async function insert(client: Queryable, rows: readonly Row[]): Promise<void> {
  const columns = ['text', 'text', 'bytea', 'bigint', 'bigint'].map((type, index) => `$${index + 1}::${type}[]`);
  const text = `insert into ${PERSON_KEYS_SCHEMA}.persons (id, lookup, key, made, erased)
    select * from unnest(${columns.join(', ')})`;
  await client.query({ text, values: [0, 1, 2, 3, 4].map((index) => rows.map((row) => row[index] ?? null)) });
}
