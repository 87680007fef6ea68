import type { Database } from 'better-sqlite3';
import type { LogStore } from '../journal.ts';
import { leafHashReader } from './leaf-hashes.ts';
import type { StoreThread } from './store.ts';

/** The Merkle log's tables in SQLite. Rowids of `records` grow in commit order, so a prefix is always placed whole. */
export function sqliteLogStore(database: Database, store: Pick<StoreThread, 'place' | 'addCheckpoint'>): LogStore {
  const placed = database.prepare<[], { value: string }>(`select value from meta where key = 'placed'`);
  const unsequenced = database.prepare<[number, number], { stream: string; seq: number; bytes: string }>(
    `select s.name as stream, r.seq, r.bytes from records r join streams s on s.no = r.stream
     where r.no > ? order by r.no limit ?`,
  );
  const size = database.prepare<[], { n: number }>('select coalesce(max(position) + 1, 0) as n from leaves');
  const leafHashes = leafHashReader(database);
  const leaves = database.prepare<[number, number], { position: number; stream: string; seq: number }>(
    `select l.position, coalesce(s.name, '') as stream, l.seq from leaves l left join streams s on s.no = l.stream
     where l.position >= ? order by l.position limit ?`,
  );
  const rows = database.prepare<[string], { seq: number; bytes: string; hash: Buffer }>(
    `select r.seq, r.bytes, r.hash from records r join streams s on s.no = r.stream where s.name = ? order by r.seq`,
  );
  const checkpoints = database.prepare<[number], { size: number; at: number; note: string }>(
    'select size, at, note from (select size, at, note from checkpoints order by size desc limit ?) order by size',
  );
  return {
    unsequenced: async (limit) => unsequenced.all(Number(placed.get()?.value ?? 0), limit),
    recordRows: async (stream) => rows.all(stream).map((row) => ({ ...row, hash: row.hash.toString('hex') })),
    size: async () => size.get()?.n ?? 0,
    leafHashes: async (from, to) => leafHashes(from, to),
    place: (expectedSize, given) => store.place(expectedSize, given),
    leaves: async (from, limit) => leaves.all(from, limit),
    addCheckpoint: (checkpoint) => store.addCheckpoint(checkpoint),
    // A negative limit is none.
    checkpoints: async (newest = -1) => checkpoints.all(newest),
  };
}
