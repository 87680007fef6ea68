import type { Statement } from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { openDatabase } from '../src/journal/sqlite/open.ts';

/**
 * The reference *rows*: what the product writes, prepared beforehand as bytes, committed into the same schema with
 * the same settings and nothing else. It is the ceiling of the storage layout.
 */

type Value = string | number | Buffer | null;

/** One statement with its values. */
export interface Write {
  readonly statement: keyof typeof STATEMENTS;
  readonly values: readonly Value[];
}

const STATEMENTS = {
  stream: `insert into streams (name, seq, hash) values (?, ?, ?)
    on conflict (name) do update set seq = excluded.seq, hash = excluded.hash`,
  record: 'insert into records (stream, seq, bytes, hash) values ((select no from streams where name = ?), ?, ?, ?)',
  leaf: 'insert into leaves (stream, seq, hash) values (?, ?, ?)',
  view: `insert into views (kind, id, version, unique_key, status, type, severity, subject, parent, ref, at, body)
    values (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (kind, id) do update set version = version + 1, status = excluded.status, body = excluded.body`,
  timer: `insert into timers (execution, name, generation, due) values (?, ?, ?, ?)
    on conflict (execution, name) do update set generation = excluded.generation, due = excluded.due`,
  noTimer: 'delete from timers where execution = ? and name = ?',
  effect: 'insert into effects (execution, name, body) values (?, ?, ?)',
  noEffect: 'delete from effects where execution = ? and name = ?',
  event: 'insert into events (source, id, time, raw_hash, body, raw) values (?, ?, ?, ?, ?, ?)',
  arrival: 'insert into arrivals (batch, last_event) values (?, (select coalesce(max(no), 0) from events))',
  state: `insert into detector_states (rule, key, version, chosen, touched, body) values (?, ?, 1, ?, ?, ?)
    on conflict (rule, key) do update set version = version + 1, touched = excluded.touched, body = excluded.body`,
} as const;

/** Commits each group in a transaction of its own. Answers the wall time and the CPU time it took. */
export function commitRows(
  file: string,
  commits: readonly (readonly Write[])[],
): { readonly seconds: number; readonly cpuMs: number } {
  const database = openDatabase(file);
  const statements = new Map<string, Statement<Value[]>>(
    Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare<Value[]>(sql)]),
  );
  const commit = database.transaction((writes: readonly Write[]) => {
    for (const { statement, values } of writes) statements.get(statement)?.run(...values);
  });
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (const writes of commits) commit.immediate(writes);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1_000;
  database.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  return { seconds, cpuMs: (user + system) / 1_000 };
}
