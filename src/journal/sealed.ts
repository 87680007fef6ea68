import { CONFIG_STREAM } from '../pipeline/audit/generations.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { JournalRecord } from '../pipeline/audit/record.ts';
import type { Change } from './journal.ts';

const TYPE = 'journal.sealed';

/** The record that ends a journal which goes on in another place; `expectedSeq` is the seq of its newest such record. */
export function sealingChange(expectedSeq: number, at: number): Change {
  const data = { reason: 'copied', to: 'postgres' };
  return { appends: [{ stream: CONFIG_STREAM, expectedSeq, records: [{ type: TYPE, v: 1, at, data }] }] };
}

/** Whether that is the record that ends a journal. */
export function isSeal(record: Pick<JournalRecord, 'type'>): boolean {
  return record.type === TYPE;
}

/** @throws FirebreakError `conflict` when the newest record about the journal itself says that it goes on elsewhere. */
export function requireUnsealed(newest: Pick<JournalRecord, 'type' | 'at'> | null): void {
  if (newest === null || !isSeal(newest)) return;
  const message =
    `this journal was copied to PostgreSQL on ${new Date(newest.at).toISOString()} and goes on there: set DATABASE_URL. ` +
    'It can still be read and verified';
  throw new FirebreakError('conflict', message);
}
