import type { Database } from 'better-sqlite3';

type Value = string | number | boolean | Buffer | null;

/** A table of the copy: what is read of the file, and what it becomes. */
export interface CopiedTable {
  readonly name: string;
  /** Read from SQLite, in the order in which it is written. */
  readonly select: string;
  /** Column and PostgreSQL type, in the order of the selected ones. */
  readonly columns: readonly (readonly [name: string, type: string])[];
}

/**
 * Every table whose rows go over. Numbers of streams stay, so that records, leaves and the queue of the log name the same
 * ones. The order of arrival of events stays behind: it only serves a process that is alone. Effects belong to nobody
 * until somebody claims them.
 */
export const COPIED_TABLES: readonly CopiedTable[] = [
  {
    name: 'streams',
    // The records of a stream that was archived are not there any more; nobody asks for its time.
    select: `select s.no, s.name, s.seq, s.hash, coalesce(r.bytes ->> '$.at', 0) as at
             from streams s left join records r on r.stream = s.no and r.seq = s.seq order by s.no`,
    columns: [
      ['no', 'bigint'],
      ['name', 'text'],
      ['seq', 'bigint'],
      ['hash', 'text'],
      ['at', 'bigint'],
    ],
  },
  {
    name: 'records',
    select: 'select stream, seq, bytes, hash from records order by no',
    columns: [
      ['stream', 'bigint'],
      ['seq', 'bigint'],
      ['bytes', 'text'],
      ['hash', 'bytea'],
    ],
  },
  {
    name: 'unsequenced',
    select: `select stream, seq from records
             where no > coalesce((select cast(value as integer) from meta where key = 'placed'), 0) order by no`,
    columns: [
      ['stream', 'bigint'],
      ['seq', 'bigint'],
    ],
  },
  {
    name: 'leaves',
    select: 'select position, stream, seq, hash from leaves order by position',
    columns: [
      ['position', 'bigint'],
      ['stream', 'bigint'],
      ['seq', 'bigint'],
      ['hash', 'bytea'],
    ],
  },
  {
    name: 'checkpoints',
    select: 'select size, at, note from checkpoints order by size',
    columns: [
      ['size', 'bigint'],
      ['at', 'bigint'],
      ['note', 'text'],
    ],
  },
  {
    name: 'objects',
    select: 'select hash, body from objects',
    columns: [
      ['hash', 'text'],
      ['body', 'text'],
    ],
  },
  {
    name: 'events',
    select: 'select source, id, time, raw_hash, body, raw from events order by no',
    columns: [
      ['source', 'text'],
      ['id', 'text'],
      ['time', 'bigint'],
      ['raw_hash', 'text'],
      ['body', 'text'],
      ['raw', 'bytea'],
    ],
  },
  {
    name: 'detector_states',
    select: 'select rule, key, version, chosen = 1 as chosen, touched, body from detector_states',
    columns: [
      ['rule', 'text'],
      ['key', 'text'],
      ['version', 'bigint'],
      ['chosen', 'boolean'],
      ['touched', 'bigint'],
      ['body', 'text'],
    ],
  },
  {
    name: 'views',
    select: `select kind, id, version, unique_key, status, type, severity, subject, parent, ref, at, body from views`,
    columns: [
      ['kind', 'text'],
      ['id', 'text'],
      ['version', 'bigint'],
      ['unique_key', 'text'],
      ['status', 'text'],
      ['type', 'text'],
      ['severity', 'text'],
      ['subject', 'text'],
      ['parent', 'text'],
      ['ref', 'text'],
      ['at', 'bigint'],
      ['body', 'text'],
    ],
  },
  {
    name: 'timers',
    select: 'select execution, name, generation, due from timers',
    columns: [
      ['execution', 'text'],
      ['name', 'text'],
      ['generation', 'bigint'],
      ['due', 'bigint'],
    ],
  },
  {
    name: 'effects',
    // Held by somebody who is gone: a call may have been under way when the last process of the file ended.
    select: "select execution, name, body, 'copied' as owner from effects",
    columns: [
      ['execution', 'text'],
      ['name', 'text'],
      ['body', 'text'],
      ['owner', 'text'],
    ],
  },
];

/** Rows and bytes that travel at once: an event may be a megabyte. */
const MAX_ROWS = 1_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** The rows of one table, some at a time, each as its values. */
export function* rowsOf(database: Database, { select }: CopiedTable): Generator<readonly (readonly Value[])[]> {
  let rows: (readonly Value[])[] = [];
  let bytes = 0;
  // The statements above select values of these types only.
  for (const row of database.prepare<[], Value[]>(select).raw().iterate()) {
    rows.push(row);
    for (const value of row) bytes += typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 8;
    if (rows.length < MAX_ROWS && bytes < MAX_BYTES) continue;
    yield rows;
    rows = [];
    bytes = 0;
  }
  if (rows.length > 0) yield rows;
}
