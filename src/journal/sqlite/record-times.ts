import type { Database } from 'better-sqlite3';
import { invariant } from '../../platform/errors.ts';

/** A stream and its newest record. */
export interface StreamRow {
  readonly no: number;
  readonly seq: number;
  readonly hash: string;
}

/** Times of newest records that are remembered; one that fell out costs a look into its bytes. */
const MAX_REMEMBERED_TIMES = 20_000;

/**
 * Time of a stream's newest record, read from its bytes: there is no column that could disagree with them. What was
 * read or written once is remembered by the record's hash, which stands for those bytes whatever was rolled back.
 */
export interface RecordTimes {
  lastAt(head: StreamRow): number;
  remember(hash: string, at: number): void;
}

export function recordTimes(database: Database): RecordTimes {
  const statement = database.prepare<[number, number], { at: number }>(
    `select bytes ->> '$.at' as at from records where stream = ? and seq = ?`,
  );
  const known = new Map<string, number>();
  return {
    lastAt({ no, seq, hash }) {
      const remembered = known.get(hash);
      if (remembered !== undefined) {
        known.delete(hash);
        return remembered;
      }
      const row = statement.get(no, seq);
      invariant(row !== undefined, `stream ${no} has no record ${seq}`);
      return row.at;
    },
    remember(hash, at) {
      known.set(hash, at);
      if (known.size <= MAX_REMEMBERED_TIMES) return;
      const oldest = known.keys().next();
      if (oldest.done !== true) known.delete(oldest.value);
    },
  };
}
