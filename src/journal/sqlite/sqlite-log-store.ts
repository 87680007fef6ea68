import type { Database } from 'better-sqlite3';
import type { LogStore } from '../journal.ts';

/** The Merkle log's tables in SQLite. Rowids of `records` grow in commit order, so a prefix is always placed whole. */
export function sqliteLogStore(database: Database): LogStore {
  const placed = database.prepare<[], { value: string }>(`select value from meta where key = 'placed'`);
  const movePlaced = database.prepare<[string]>(
    `insert into meta (key, value) values ('placed', ?) on conflict (key) do update set value = excluded.value`,
  );
  const unsequenced = database.prepare<[number, number], { stream: string; seq: number; bytes: string }>(
    `select s.name as stream, r.seq, r.bytes from records r join streams s on s.no = r.stream
     where r.no > ? order by r.no limit ?`,
  );
  const size = database.prepare<[], { n: number }>('select coalesce(max(position) + 1, 0) as n from leaves');
  const hashes = database.prepare<[number, number], { hash: Buffer }>(
    'select hash from leaves where position >= ? and position < ? order by position',
  );
  const streamNo = database.prepare<[string], { no: number }>('select no from streams where name = ?');
  const recordNo = database.prepare<[number, number], { no: number }>(
    'select no from records where stream = ? and seq = ?',
  );
  const place = database.prepare<[number, number, number, Buffer]>(
    'insert into leaves (position, stream, seq, hash) values (?, ?, ?, ?)',
  );
  const leaves = database.prepare<[number, number], { position: number; stream: string; seq: number }>(
    `select l.position, coalesce(s.name, '') as stream, l.seq from leaves l left join streams s on s.no = l.stream
     where l.position >= ? order by l.position limit ?`,
  );
  const rows = database.prepare<[string], { seq: number; bytes: string; hash: Buffer }>(
    `select r.seq, r.bytes, r.hash from records r join streams s on s.no = r.stream where s.name = ? order by r.seq`,
  );
  const addCheckpoint = database.prepare<[number, number, string]>(
    'insert into checkpoints (size, at, note) values (?, ?, ?) on conflict do nothing',
  );
  const checkpoints = database.prepare<[number], { size: number; at: number; note: string }>(
    'select size, at, note from (select size, at, note from checkpoints order by size desc limit ?) order by size',
  );
  const currentSize = (): number => size.get()?.n ?? 0;
  const placedUpTo = (): number => Number(placed.get()?.value ?? 0);
  const placeAll = database.transaction((expectedSize: number, given: Parameters<LogStore['place']>[1]): boolean => {
    if (currentSize() !== expectedSize) return false;
    let last = placedUpTo();
    const numbers = new Map<string, number>();
    for (const { position, stream, seq, leafHash } of given) {
      const number = numbers.get(stream) ?? streamNo.get(stream)?.no ?? 0;
      numbers.set(stream, number);
      const record = recordNo.get(number, seq);
      if (record === undefined) throw new Error(`no record ${stream} ${seq} to place`);
      place.run(position, number, seq, Buffer.from(leafHash, 'hex'));
      last = Math.max(last, record.no);
    }
    movePlaced.run(String(last));
    return true;
  });
  return {
    unsequenced: async (limit) => unsequenced.all(placedUpTo(), limit),
    recordRows: async (stream) => rows.all(stream).map((row) => ({ ...row, hash: row.hash.toString('hex') })),
    size: async () => currentSize(),
    leafHashes: async (from, to) => hashes.all(from, to).map(({ hash }) => hash.toString('hex')),
    place: async (expectedSize, given) => placeAll.immediate(expectedSize, given),
    leaves: async (from, limit) => leaves.all(from, limit),
    addCheckpoint: async ({ size: at, at: time, note }) => addCheckpoint.run(at, time, note).changes === 1,
    // A negative limit is none.
    checkpoints: async (newest = -1) => checkpoints.all(newest),
  };
}
