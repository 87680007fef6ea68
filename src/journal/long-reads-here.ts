import type { JournalReader, LogStore, LongReads } from './journal.ts';

/** Long reads of an adapter that has no other place for them: answered like all others. */
export function longReadsHere(reader: Pick<JournalReader, 'listViews'>, log: Pick<LogStore, 'leafHashes'>): LongReads {
  return {
    listViews: (query) => reader.listViews(query),
    leafHashes: (from, to) => log.leafHashes(from, to),
  };
}
