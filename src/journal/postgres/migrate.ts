import type { Client } from 'pg';
import { FirebreakError } from '../../platform/errors.ts';
import { LEASE_MS } from '../membership.ts';
import { MIGRATIONS, type Migration } from './schema.ts';

/** Key of the advisory lock under which the schema is changed and a journal is born. Any number; ours for ever. */
const SCHEMA_LOCK = 7_244_011;

export interface SchemaState {
  /** 0: an empty database. */
  readonly version: number;
  /** The oldest schema version whose programs may use it. */
  readonly oldestReader: number;
  /** Living processes on it, with the schema version that each of them knows. */
  readonly living: readonly { readonly id: string; readonly schema: number }[];
}

/** Takes the lock under which one process at a time may change the schema, until the transaction ends. */
export async function lockSchema(client: Client): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(${SCHEMA_LOCK})`);
}

export async function schemaState(client: Client): Promise<SchemaState> {
  const found = await client.query<{ present: boolean }>(
    `select to_regclass('schema_versions') is not null as present`,
  );
  if (found.rows[0]?.present !== true) return { version: 0, oldestReader: 0, living: [] };
  const versions = await client.query<{ version: number; oldest_reader: number }>(
    'select version, oldest_reader from schema_versions order by version desc limit 1',
  );
  const living = await client.query<{ id: string; schema: number }>(
    `select id, schema from processes where beat_at > clock_timestamp() - make_interval(secs => $1) order by id`,
    [LEASE_MS / 1_000],
  );
  const newest = versions.rows[0];
  return { version: newest?.version ?? 0, oldestReader: newest?.oldest_reader ?? 0, living: living.rows };
}

/**
 * Whether this program may use a journal with that schema: a newer one too, as long as nothing that this program needs
 * was taken away. @throws FirebreakError `conflict`.
 */
export function requireReadable({ version, oldestReader }: SchemaState, known = MIGRATIONS.length): void {
  if (version <= known || oldestReader <= known) return;
  const message = `the journal was written by a newer Firebreak (schema ${version}, readable from ${oldestReader}, known ${known})`;
  throw new FirebreakError('conflict', message);
}

/**
 * Brings the schema up to date, inside the transaction that holds the lock. Answers with the version before and after.
 *
 * `start`: what a server does by itself: it makes a new database ready, and one that nobody else uses; where others
 * live it leaves the change to `firebreak migrate`, which a person runs. `command`: also beside living processes, but
 * never one that a living process could not go on with.
 *
 * @throws FirebreakError `conflict`.
 */
export async function migrate(
  client: Client,
  by: 'start' | 'command',
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<{ readonly from: number; readonly to: number }> {
  const state = await schemaState(client);
  requireReadable(state, migrations.length);
  const pending = migrations.slice(state.version);
  if (pending.length === 0) return { from: state.version, to: state.version };
  if (by === 'start' && state.living.length > 0) {
    const message =
      `the journal has schema ${state.version} and this Firebreak needs ${migrations.length}, but ${state.living.length} ` +
      `other processes use it: run \`firebreak migrate\` first (they can go on with it), then start again`;
    throw new FirebreakError('conflict', message);
  }
  const oldestReader = Math.max(...pending.map((migration) => migration.oldestReader));
  const tooOld = state.living.filter(({ schema }) => schema < oldestReader);
  if (tooOld.length > 0) {
    const message = `${tooOld.length} processes of an older Firebreak use this journal and could not go on with the new schema: stop them first`;
    throw new FirebreakError('conflict', message);
  }
  if (state.version === 0) {
    await client.query(
      `create table schema_versions (version integer primary key, oldest_reader integer not null,
       at timestamptz not null default clock_timestamp())`,
    );
  }
  for (const [index, { sql, oldestReader: reader }] of pending.entries()) {
    await client.query(sql);
    await client.query('insert into schema_versions (version, oldest_reader) values ($1, $2)', [
      state.version + index + 1,
      reader,
    ]);
  }
  return { from: state.version, to: migrations.length };
}
