import type { Database } from 'better-sqlite3';

/**
 * Everything that a journal's file holds, row by row, but for the places of the log (which follow from the records) and
 * kept replies of idempotent requests (a cache). What is never changed once it is written, as triggers see to, or is named by its
 * content, is its name. Only tests import this file.
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
const NAMES: Readonly<Record<string, string>> = {
  records: 'no, hex(hash)',
  objects: 'hash',
  events: 'no, source, id, raw_hash',
};

export function rowsOf(database: Database): readonly string[] {
  return TABLES.flatMap((table) =>
    database
      .prepare<[], object>(`select ${NAMES[table] ?? '*'} from ${table}`)
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

/** True when no effect waits to be performed, no evidence to be removed, and detection has heard of every sign-in. */
export function nothingOwed(database: Database): boolean {
  const count = (sql: string): number => database.prepare<[], { n: number }>(sql).get()?.n ?? 0;
  const records = (type: string, member: string): number =>
    count(
      `select count(*) as n from records where instr(bytes, '"type":"access.${type}"') and instr(bytes, '${member}')`,
    );
  const signIns =
    records('session_saved', '"endedAt":null') +
    records('sign_in_refused', '"attempt"') +
    records('sign_in_refused', '"locks":true');
  const told = count("select count(*) as n from events where source = 'firebreak:self'");
  const going = count("select count(*) as n from views where kind = 'evidence' and status = 'DISPOSING'");
  return count('select count(*) as n from effects') === 0 && going === 0 && told >= signIns;
}
