import { messageOf } from '../../platform/errors.ts';
import { StoreUnavailableError } from '../journal.ts';

/** SQLite's result codes that mean "the store, not the data": the caller may try again later. */
const STORE_FAULTS = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_READONLY',
  'SQLITE_CANTOPEN',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_PROTOCOL',
  'SQLITE_NOMEM',
];

/** Does the work; what it throws because of the store becomes a StoreUnavailableError. */
export function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const code = codeOf(thrown);
    if (STORE_FAULTS.some((fault) => code.startsWith(fault))) {
      // An I/O error may come after the commit reached the disk; the others come before.
      throw new StoreUnavailableError(`the journal: ${messageOf(thrown)}`, code.startsWith('SQLITE_IOERR'), thrown);
    }
    throw thrown;
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
