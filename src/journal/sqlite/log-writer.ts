import type { Database } from 'better-sqlite3';
import type { Checkpoint, PlacedLeaf } from '../journal.ts';

/** What writes the Merkle log's tables. */
export interface LogWriter {
  /** As `LogStore.place`. */
  place(expectedSize: number, leaves: readonly PlacedLeaf[]): boolean;
  /** As `LogStore.addCheckpoint`. */
  addCheckpoint(checkpoint: Checkpoint): boolean;
}

export function logWriter(database: Database): LogWriter {
  const size = database.prepare<[], { n: number }>('select coalesce(max(position) + 1, 0) as n from leaves');
  const placed = database.prepare<[], { value: string }>(`select value from meta where key = 'placed'`);
  const movePlaced = database.prepare<[string]>(
    `insert into meta (key, value) values ('placed', ?) on conflict (key) do update set value = excluded.value`,
  );
  const streamNo = database.prepare<[string], { no: number }>('select no from streams where name = ?');
  const recordNo = database.prepare<[number, number], { no: number }>(
    'select no from records where stream = ? and seq = ?',
  );
  const placeOne = database.prepare<[number, number, number, Buffer]>(
    'insert into leaves (position, stream, seq, hash) values (?, ?, ?, ?)',
  );
  const addCheckpoint = database.prepare<[number, number, string]>(
    'insert into checkpoints (size, at, note) values (?, ?, ?) on conflict do nothing',
  );
  const placeAll = database.transaction((expectedSize: number, leaves: readonly PlacedLeaf[]): boolean => {
    if ((size.get()?.n ?? 0) !== expectedSize) return false;
    let last = Number(placed.get()?.value ?? 0);
    const numbers = new Map<string, number>();
    for (const { position, stream, seq, leafHash } of leaves) {
      const number = numbers.get(stream) ?? streamNo.get(stream)?.no ?? 0;
      numbers.set(stream, number);
      const record = recordNo.get(number, seq);
      if (record === undefined) throw new Error(`no record ${stream} ${seq} to place`);
      placeOne.run(position, number, seq, Buffer.from(leafHash, 'hex'));
      last = Math.max(last, record.no);
    }
    movePlaced.run(String(last));
    return true;
  });
  return {
    place: (expectedSize, leaves) => placeAll.immediate(expectedSize, leaves),
    addCheckpoint: ({ size: covered, at, note }) => addCheckpoint.run(covered, at, note).changes === 1,
  };
}
