import { Client } from 'pg';
import { migrate } from '../src/journal/postgres/migrate.ts';
import type { EventValues } from './event-rows.ts';

/** One batch as it goes over the connection: a column for each member, and the bytes of all events as one value. */
type Columns = readonly [...unknown[][], Buffer];

/**
 * The reference *bare* of events on PostgreSQL: inserts the rows of the events, and nothing else, into the table of the
 * product's own schema, one statement and one commit a batch. Prepared beforehand, over one connection.
 *
 * @param url of an empty database.
 */
export async function insertEvents(
  url: string,
  batches: readonly (readonly EventValues[])[],
): Promise<{ readonly seconds: number; readonly cpuMs: number }> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    await migrate(client, 'start');
    await client.query('commit');
    await client.query('set synchronous_commit = on');
    const prepared = batches.map(columnsOf);
    const start = performance.now();
    const cpu = process.cpuUsage();
    for (const values of prepared) await client.query({ name: 'insert', text: INSERT, values: [...values] });
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1_000, cpuMs: (user + system) / 1_000 };
  } finally {
    await client.end();
  }
}

/** The cheapest way we know: an array of the events' bytes would travel at twice their size. */
const INSERT = `insert into events (source, id, time, raw_hash, body, raw)
  select source, id, time, raw_hash, body, substring($8::bytea from first for length)
  from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::int[])
    u (source, id, time, raw_hash, body, first, length)`;

function columnsOf(rows: readonly EventValues[]): Columns {
  let next = 1;
  const firsts = rows.map(([, , , , , raw]) => (next += raw.length) - raw.length);
  const column = (index: 0 | 1 | 2 | 3 | 4): unknown[] => rows.map((row) => row[index]);
  return [
    column(0),
    column(1),
    column(2),
    column(3),
    column(4),
    firsts,
    rows.map(([, , , , , raw]) => raw.length),
    Buffer.concat(rows.map(([, , , , , raw]) => raw)),
  ];
}
