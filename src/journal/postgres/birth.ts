import type { Client } from 'pg';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { applyBatch } from './writer.ts';

/** What a journal is from its first moment on. */
export interface Birth {
  readonly id: string;
  /** Business time; null: the database's clock. */
  readonly at: number | null;
  readonly accelerated: boolean;
}

/** The same as the port shows it. */
export interface Born {
  readonly id: string;
  readonly createdAt: number;
  readonly accelerated: boolean;
}

/** The birth that is stored, or null in a database without a journal. */
export async function readBirth(client: Client): Promise<Born | null> {
  const { rows } = await client.query<{ value: string }>(`select value from meta where key = 'journal'`);
  const [row] = rows;
  if (row === undefined) return null;
  const { id, at, accelerated } = JSON.parse(row.value) as Birth & { readonly at: number }; // written below
  return { id, createdAt: at, accelerated };
}

/** The journal's birth, which this process gives it when nobody has; inside the transaction that locks the schema. */
export async function born(client: Client, birth: Birth, batchId: string): Promise<Born> {
  const found = await readBirth(client);
  if (found !== null) return found;
  const { id, accelerated } = birth;
  const at = birth.at ?? (await databaseTime(client));
  await client.query(`insert into meta (key, value) values ('journal', $1)`, [canonicalJson({ id, at, accelerated })]);
  const data = { journalId: id, accelerated, generation: 1 };
  const records = [{ type: 'journal.created', v: 1, at, data }];
  const changes = [{ appends: [{ stream: 'config', expectedSeq: 0, records }] }];
  await applyBatch(client, changes, { batchId, owner: null });
  return { id, createdAt: at, accelerated };
}

async function databaseTime(client: Client): Promise<number> {
  const text = 'select (extract(epoch from clock_timestamp()) * 1000)::bigint as at';
  const { rows } = await client.query<{ at: number }>(text);
  return rows[0]?.at ?? 0;
}

/** Settings that would make what we acknowledge untrue, and what to do about each. */
const REQUIRED: readonly {
  readonly setting: string;
  readonly isRefused: (value: string) => boolean;
  readonly sentence: string;
}[] = [
  {
    setting: 'fsync',
    isRefused: (value) => value === 'off',
    sentence: 'PostgreSQL runs with fsync = off, so what it calls committed can be lost: set fsync = on and restart it',
  },
  {
    setting: 'synchronous_commit',
    isRefused: (value) => value === 'off',
    sentence:
      'PostgreSQL runs with synchronous_commit = off, so what it calls committed can be lost: set it to on for this database and role',
  },
  {
    setting: 'server_encoding',
    // Every other one lacks letters that somebody's name is written in, or takes none for what it is.
    isRefused: (value) => value !== 'UTF8',
    sentence: 'the database is not encoded in UTF8: create it with ENCODING UTF8',
  },
  {
    setting: 'in_hot_standby',
    isRefused: (value) => value === 'on',
    sentence: 'this PostgreSQL is a standby and can only be read: name the primary in DATABASE_URL',
  },
  {
    setting: 'default_transaction_read_only',
    isRefused: (value) => value === 'on',
    sentence:
      'the database is set to read-only (default_transaction_read_only): set it to off for this database and role',
  },
];

/** @throws FirebreakError `conflict` with one sentence that names the setting. */
export async function requireSafeServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1)',
    [REQUIRED.map(({ setting }) => setting)],
  );
  for (const { setting, isRefused, sentence } of REQUIRED) {
    const value = rows.find(({ name }) => name === setting)?.setting;
    if (value !== undefined && isRefused(value)) throw new FirebreakError('conflict', sentence);
  }
}
