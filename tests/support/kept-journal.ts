import type { Database } from 'better-sqlite3';

/**
 * A journal file as text: its schema and its rows, one on a line, so that it can be kept in the repository and read by
 * people. Journals of earlier releases are kept in this way. Only tests import this file.
 */
export interface KeptJournal {
  /** The release that wrote it. */
  readonly release: string;
  /** Business time at which it was stopped. */
  readonly stoppedAt: number;
  /** `user_version` of the file. */
  readonly schema: number;
  /** Statements that make the tables, indexes and triggers of that schema. */
  readonly statements: readonly string[];
  readonly tables: readonly KeptTable[];
}

interface KeptTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly KeptValue[])[];
}

type KeptValue = string | number | null | { readonly hex: string };

/** Everything that is in a journal file. */
export function keepJournal(database: Database, about: Pick<KeptJournal, 'release' | 'stoppedAt'>): KeptJournal {
  const objects = database
    .prepare<[], { type: string; name: string; sql: string }>(
      `select type, name, sql from sqlite_master where sql is not null order by type = 'trigger', type = 'index', name`,
    )
    .all();
  const tables = objects.filter(({ type }) => type === 'table');
  return {
    ...about,
    schema: Number(database.pragma('user_version', { simple: true })),
    statements: objects.map(({ sql }) => sql),
    tables: tables.map(({ name }) => {
      const statement = database.prepare<[], (string | number | null | Buffer)[]>(`select * from ${name}`).raw();
      const rows = statement.all().map((row) => row.map(kept));
      return { name, columns: statement.columns().map((column) => column.name), rows };
    }),
  };
}

/** Makes the file again, in an empty database: exactly what the earlier release left. */
export function restoreJournal(database: Database, journal: KeptJournal): void {
  database.pragma('journal_mode = WAL');
  database.transaction(() => {
    for (const statement of journal.statements) database.exec(statement);
    for (const { name, columns, rows } of journal.tables) {
      const insert = database.prepare(
        `insert into ${name} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
      );
      for (const row of rows) insert.run(...row.map(stored));
    }
  })();
  database.pragma(`user_version = ${journal.schema}`);
}

/** One row on a line. */
export function formatKept(journal: KeptJournal): string {
  const { tables, statements, ...about } = journal;
  const text = tables.map(({ name, columns, rows }) => {
    const lines = rows.map((row) => `   ${JSON.stringify(row)}`).join(',\n');
    return `  {"name": ${JSON.stringify(name)}, "columns": ${JSON.stringify(columns)}, "rows": [${rows.length === 0 ? '' : `\n${lines}\n  `}]}`;
  });
  const sql = statements.map((statement) => `  ${JSON.stringify(statement)}`);
  const head = JSON.stringify(about).slice(1, -1);
  return `{${head},\n "statements": [\n${sql.join(',\n')}\n ],\n "tables": [\n${text.join(',\n')}\n ]}\n`;
}

function kept(value: string | number | null | Buffer): KeptValue {
  return Buffer.isBuffer(value) ? { hex: value.toString('hex') } : value;
}

function stored(value: KeptValue): string | number | null | Buffer {
  return typeof value === 'object' && value !== null ? Buffer.from(value.hex, 'hex') : value;
}
