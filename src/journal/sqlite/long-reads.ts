import type { Database } from 'better-sqlite3';
import type { ViewQuery } from '../journal.ts';
import { guard } from './faults.ts';
import { leafHashReader } from './leaf-hashes.ts';
import { viewRows, type ViewRows } from './view-pages.ts';

/**
 * What the thread that reads is asked for. Each call is over with its answer and leaves no transaction open: one that
 * stays open keeps the write-ahead log from starting over. Whoever wants much asks for it in pieces.
 *
 * @throws StoreUnavailableError.
 */
export interface LongReadRows {
  viewRows(query: ViewQuery): ViewRows;
  leafHashes(from: number, to: number): readonly string[];
}

export function makeLongReads(database: Database): LongReadRows {
  const leafHashes = leafHashReader(database);
  return {
    viewRows: (query) => guard(() => viewRows(database, query)),
    leafHashes: (from, to) => guard(() => leafHashes(from, to)),
  };
}
