import Sqlite from 'better-sqlite3';
import { Client } from 'pg';

/** The small row that *bare* keeps for each step: resolves when it is on disk. */
export type KeepRow = (id: string, step: number) => Promise<void>;

interface Waiting {
  readonly id: string;
  readonly step: number;
  readonly at: number;
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

/** Rows in SQLite, as durable as the product's (WAL, synchronous FULL). */
export function rowsInFile(path: string): KeepRow {
  const database = new Sqlite(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(
    'create table rows (no integer primary key, id text not null, step integer not null, at integer not null)',
  );
  const insert = database.prepare<[string, number, number]>('insert into rows (id, step, at) values (?, ?, ?)');
  const insertAll = database.transaction((rows: readonly Waiting[]) => {
    for (const { id, step, at } of rows) insert.run(id, step, at);
  });
  return inGroups(async (rows) => insertAll.immediate(rows));
}

/** Rows in PostgreSQL: one statement at a time over one connection, each a commit that has reached the disk. */
export async function rowsInDatabase(url: string): Promise<KeepRow> {
  const client = new Client({ connectionString: url });
  // The cluster may be taken away first; without a listener the lost connection would end the process.
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`set synchronous_commit = on;
    create table rows (no bigint generated always as identity primary key, id text not null, step integer not null,
                       at bigint not null)`);
  return inGroups(async (rows) => {
    await client.query({
      name: 'insert',
      text: `insert into rows (id, step, at)
             select id, step, at from unnest($1::text[], $2::int[], $3::bigint[]) u (id, step, at)`,
      values: [rows.map(({ id }) => id), rows.map(({ step }) => step), rows.map(({ at }) => at)],
    });
  });
}

/** Collects rows while the group before them is written. */
function inGroups(write: (rows: readonly Waiting[]) => Promise<void>): KeepRow {
  let waiting: Waiting[] = [];
  let writing = false;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await write(group);
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        for (const { reject } of group) reject(thrown);
      }
    }
    writing = false;
  }

  return (id, step) =>
    new Promise((resolve, reject) => {
      waiting.push({ id, step, at: Date.now(), resolve, reject });
      if (writing) return;
      writing = true;
      // At the end of the turn, so that what comes in together is written together.
      setImmediate(() => void writeAll());
    });
}
