import type { Database } from 'better-sqlite3';

/** Reads leaf hashes (hex) of positions `from` to `to - 1`. */
export function leafHashReader(database: Database): (from: number, to: number) => readonly string[] {
  const hashes = database.prepare<[number, number], { hash: Buffer }>(
    'select hash from leaves where position >= ? and position < ? order by position',
  );
  return (from, to) => hashes.all(from, to).map(({ hash }) => hash.toString('hex'));
}
