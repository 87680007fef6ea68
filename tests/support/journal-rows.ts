import type { Database } from 'better-sqlite3';

/**
 * Everything that a journal's file holds, row by row, but for the places of the log (which follow from the records) and
 * kept replies of idempotent requests (a cache). Only tests import this file.
 */
const TABLES = [
  'streams',
  'records',
  'objects',
  'events',
  'detector_states',
  `views where kind <> 'idempotency'`,
  'timers',
  'effects',
];

export function rowsOf(database: Database): readonly string[] {
  return TABLES.flatMap((table) =>
    database
      .prepare<[], object>(`select * from ${table}`)
      .all()
      .map((row) => `${table.split(' ')[0]} ${JSON.stringify(row)}`)
      .sort(),
  );
}

/** Types of the records, oldest first. */
export function recordTypesOf(database: Database): readonly string[] {
  return database
    .prepare<[], { type: string }>(`select bytes ->> '$.type' as type from records order by no`)
    .all()
    .map(({ type }) => type);
}

/** True when no effect waits to be performed. */
export function nothingOwed(database: Database): boolean {
  return database.prepare<[], { n: number }>('select count(*) as n from effects').get()?.n === 0;
}
