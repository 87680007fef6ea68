import { createRequire } from 'node:module';
import type { Database } from 'better-sqlite3';
import { VERSION } from '../../src/version.ts';
import { keepJournal, type KeptJournal } from '../support/kept-journal.ts';
import { stopWaiting } from './waiting-states.ts';

/** Opens a journal's file past the adapter, to take its rows out or to put them in. */
export function openRows(file: string): Database {
  // The driver is CommonJS, and its types do not say that `require` gives the constructor.
  const Driver = createRequire(import.meta.url)('better-sqlite3') as new (name: string) => Database;
  return new Driver(file);
}

/** The journal that this release writes, stopped while executions wait in every way there is. */
export async function presentJournal(file: string): Promise<KeptJournal> {
  const { stoppedAt } = await stopWaiting(file);
  const open = openRows(file);
  const kept = keepJournal(open, { release: VERSION, stoppedAt });
  open.close();
  return kept;
}
