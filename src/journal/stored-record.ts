import { FirebreakError } from '../platform/errors.ts';
import type { JournalRecord, SealedRecord } from '../pipeline/audit/record.ts';

/**
 * A record of a stream as it is read back. Nobody reads on behind one that is spoiled: what it said is not known.
 * @param bytes as they were written by the adapter that reads them
 * @throws FirebreakError `store_unavailable` when they are no JSON any more.
 */
export function storedRecord(stream: string, seq: number, bytes: string, hash: string): SealedRecord {
  return { record: recordOf(stream, seq, bytes), bytes, hash };
}

/** The same without its hash. */
export function recordOf(stream: string, seq: number, bytes: string): JournalRecord {
  try {
    return JSON.parse(bytes) as JournalRecord;
  } catch (cause) {
    const message =
      `Record ${seq} of the stream ${stream} cannot be read: its bytes were changed in the journal. ` +
      'firebreak audit verify --data names everything that was changed; restore the journal from a copy';
    throw new FirebreakError('store_unavailable', message, [], { cause });
  }
}
