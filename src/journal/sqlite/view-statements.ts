import type { Database } from 'better-sqlite3';
import type { ChangeRows } from './rows.ts';
import { staleness } from './stale.ts';

const COLUMNS = ['unique_key', 'status', 'type', 'severity', 'subject', 'parent', 'ref', 'at', 'body'] as const;

/** The values of those columns. Bound by place: by name costs half as much again. */
type Row = [
  uniqueKey: string | null,
  status: string | null,
  type: string | null,
  severity: string | null,
  subject: string | null,
  parent: string | null,
  ref: string | null,
  at: number,
  body: string,
];
type Key = [kind: string, id: string];
type Kept = [
  uniqueKey: string | null,
  type: string | null,
  severity: string | null,
  subject: string | null,
  parent: string | null,
  ref: string | null,
  at: number,
];

type View = ChangeRows['views'][number];

/** Writes views, each with its version checked in the same statement where that is possible. */
export function viewStatements(database: Database): { write(view: View): void } {
  const holderOf = database.prepare<[string, string], { id: string }>(
    'select id from views where kind = ? and unique_key = ?',
  );
  const versionOf = database.prepare<[string, string], { version: number }>(
    'select version from views where kind = ? and id = ?',
  );
  const remove = database.prepare<[string, string]>('delete from views where kind = ? and id = ?');
  const insert = `insert into views (kind, id, version, ${COLUMNS.join(', ')})
    values (?, ?, 1, ${COLUMNS.map(() => '?').join(', ')}) on conflict (kind, id)`;
  const add = database.prepare<[...Key, ...Row]>(`${insert} do nothing`);
  const put = database.prepare<[...Key, ...Row]>(
    `${insert} do update set version = views.version + 1, ${COLUMNS.map((name) => `${name} = excluded.${name}`).join(', ')}`,
  );
  const move = database.prepare<[...Row, ...Key, expected: number]>(
    `update views set version = version + 1, ${COLUMNS.map((name) => `${name} = ?`).join(', ')}
     where kind = ? and id = ? and version = ?`,
  );

  // Most changes leave what lists are ordered by, and then need not touch those indexes: SQLite rewrites an index for
  // every column that is named, whether it changes or not.
  const restate = database.prepare<[status: string | null, body: string, ...Key, ...Kept]>(
    `update views set version = version + 1, status = ?, body = ? where kind = ? and id = ? and unique_key is ?
     and type is ? and severity is ? and subject is ? and parent is ? and ref is ? and at = ?`,
  );

  function putWhole(key: Key, row: Row): void {
    const [uniqueKey, status, type, severity, subject, parent, ref, at, body] = row;
    const { changes } = restate.run(status, body, ...key, uniqueKey, type, severity, subject, parent, ref, at);
    if (changes === 0) put.run(...key, ...row);
  }

  function requireVersion({ kind, id, expectedVersion }: View): void {
    if (expectedVersion === null || (versionOf.get(kind, id)?.version ?? 0) === expectedVersion) return;
    throw staleness(`${kind} ${id}`);
  }
  function requireFreeKey({ kind, id }: View, uniqueKey: string): void {
    const holder = holderOf.get(kind, uniqueKey);
    if (holder !== undefined && holder.id !== id) throw staleness(`${kind} key ${uniqueKey}`);
  }
  return {
    write(view) {
      const { kind, id, expectedVersion, at, body } = view;
      if (body === null) {
        requireVersion(view);
        remove.run(kind, id);
        return;
      }
      const uniqueKey = view.uniqueKey ?? null;
      if (uniqueKey !== null) requireFreeKey(view, uniqueKey);
      const { status = null, type = null, severity = null, subject = null, parent = null, ref = null } = view;
      const row: Row = [uniqueKey, status, type, severity, subject, parent, ref, at, body];
      if (expectedVersion === null) putWhole([kind, id], row);
      else {
        const { changes } =
          expectedVersion === 0 ? add.run(kind, id, ...row) : move.run(...row, kind, id, expectedVersion);
        if (changes === 0) throw staleness(`${kind} ${id}`);
      }
    },
  };
}
