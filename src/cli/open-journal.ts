import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { FirebreakError } from '../platform/errors.ts';

/**
 * Opens an existing journal for reading, as it is at this moment, also while a server writes it; never makes one.
 * @throws FirebreakError `not_found`.
 */
export function openExistingJournal(dataDir: string): Journal {
  const file = join(dataDir, 'journal.sqlite');
  if (!existsSync(file)) throw new FirebreakError('not_found', `there is no journal in ${dataDir}`);
  // The birth is for new files only, and this one exists.
  return openSqliteJournal({ file, birth: { id: 'unused', at: 0, accelerated: false }, snapshot: true });
}
