import type { Database } from 'better-sqlite3';
import type { Json } from '../../platform/canonical-json.ts';
import type { StoredView, ViewPage, ViewQuery } from '../journal.ts';
import { totalOfPage } from '../page-total.ts';

/** A view as it is stored. */
export interface ViewRow {
  readonly id: string;
  readonly version: number;
  readonly at: number;
  readonly body: string;
}

/** A page whose bodies are text still: only who shows them parses them, and text goes cheaply from thread to thread. */
export interface ViewRows {
  readonly rows: readonly ViewRow[];
  readonly total: number;
}

const FILTERS = ['id', 'status', 'type', 'severity', 'subject', 'parent', 'ref'] as const;

/** Reads a page of views, newest first, and how many there are. */
export function viewRows(database: Database, query: ViewQuery): ViewRows {
  const wanted = FILTERS.filter((column) => query[column] !== undefined);
  const where = ['kind = @kind', ...wanted.map((column) => `${column} = @${column}`)].join(' and ');
  const values: Record<string, string | number> = { kind: query.kind, limit: query.limit, skip: query.skip };
  for (const column of wanted) values[column] = query[column] ?? '';
  const rows = database
    .prepare<[typeof values], ViewRow>(
      `select id, version, at, body from ${viewsBy(wanted)} where ${where} order by at desc, id desc limit @limit offset @skip`,
    )
    .all(values);
  const count = (): number =>
    database.prepare<[typeof values], { n: number }>(`select count(*) as n from views where ${where}`).get(values)?.n ??
    0;
  return { rows, total: totalOfPage(query, rows.length) ?? count() };
}

/**
 * Without figures about the data, SQLite walks all rows of a kind in the order of their times until enough have the
 * wanted status or parent; where none has, that is all of them.
 */
function viewsBy(wanted: readonly string[]): string {
  if (wanted.includes('id')) return 'views';
  if (wanted.includes('parent')) return 'views indexed by views_by_parent';
  return wanted.includes('status') ? 'views indexed by views_by_status' : 'views';
}

export function pageOf({ rows, total }: ViewRows): ViewPage {
  return { items: rows.map(storedView), total };
}

export function storedView(row: ViewRow): StoredView {
  return { ...row, body: JSON.parse(row.body) as Json }; // only this adapter wrote it
}
