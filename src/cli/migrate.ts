import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { migratePostgres } from '../journal/postgres/migrate-command.ts';
import { takeFence } from '../journal/sqlite/process-fence.ts';
import { migrateSqlite } from '../journal/sqlite/open.ts';
import { databaseUrlOf } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { Io } from './io.ts';
import { inWords } from './open-journal.ts';

export interface MigrateOptions {
  readonly data: string;
  readonly json: boolean;
}

/**
 * Brings the journal's schema up to date. On PostgreSQL servers may run meanwhile: the schema only grows, and one that a
 * running server could not go on with is refused. A file is migrated while no server has it.
 *
 * @throws FirebreakError `conflict`, `not_found`, `store_unavailable`.
 */
export async function migrateCommand({ data, json }: MigrateOptions, io: Io): Promise<number> {
  const url = databaseUrlOf(io.env, io.readTextSync);
  const { from, to } = url === null ? migrateFile(data) : await inWords(() => migratePostgres(url));
  const sentence = from === to ? `the schema is up to date (${to})` : `the schema was ${from} and is ${to} now`;
  io.stdout.write(json ? `${JSON.stringify({ from, to })}\n` : `${sentence}\n`);
  return 0;
}

function migrateFile(data: string): { readonly from: number; readonly to: number } {
  const file = join(data, 'journal.sqlite');
  if (!existsSync(file)) throw new FirebreakError('not_found', `there is no journal in ${data}`);
  const fence = takeFence(join(data, 'writer.lock'));
  try {
    return migrateSqlite(file);
  } finally {
    fence.release();
  }
}
