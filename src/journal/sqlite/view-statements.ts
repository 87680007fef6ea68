import type { Database } from 'better-sqlite3';
import type { View } from '../journal.ts';
import { staleness } from './stale.ts';

const VIEW_COLUMNS = 'version, unique_key, status, type, severity, subject, parent, ref, at, body';
const VIEW_CHANGES = `unique_key = @uniqueKey, status = @status, type = @type, severity = @severity, subject = @subject,
  parent = @parent, ref = @ref, at = @at, body = @body`;

/** Writes views, each with its version checked in the same statement where that is possible. */
export function viewStatements(database: Database): { write(view: View): void } {
  const holderOf = database.prepare<[string, string], { id: string }>(
    'select id from views where kind = ? and unique_key = ?',
  );
  const versionOf = database.prepare<[string, string], { version: number }>(
    'select version from views where kind = ? and id = ?',
  );
  const remove = database.prepare<[string, string]>('delete from views where kind = ? and id = ?');
  const values = '@uniqueKey, @status, @type, @severity, @subject, @parent, @ref, @at, @body';
  const insert = `insert into views (kind, id, ${VIEW_COLUMNS}) values (@kind, @id, 1, ${values}) on conflict (kind, id)`;
  const add = database.prepare(`${insert} do nothing`);
  const move = database.prepare(
    `update views set version = version + 1, ${VIEW_CHANGES} where kind = @kind and id = @id and version = @expected`,
  );
  const put = database.prepare(`${insert} do update set version = views.version + 1, ${VIEW_CHANGES}`);

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
      const row = { kind, id, uniqueKey, status, type, severity, subject, parent, ref, at, body: JSON.stringify(body) };
      if (expectedVersion === null) put.run(row);
      else {
        const { changes } = expectedVersion === 0 ? add.run(row) : move.run({ ...row, expected: expectedVersion });
        if (changes === 0) throw staleness(`${kind} ${id}`);
      }
    },
  };
}
