import { StoreUnavailableError } from '../journal/journal.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';

/**
 * Why a server could not start, in one sentence with the fix, where the database or the data directory is the reason;
 * anything else as it was thrown. Who starts a server reads a terminal and knows neither our stack nor SQLite's codes.
 */
export function startupFault(
  thrown: unknown,
  { dataDir, databaseUrl }: Pick<Config, 'dataDir' | 'databaseUrl'>,
): unknown {
  if (thrown instanceof FirebreakError) return thrown;
  if (databaseUrl !== null && thrown instanceof StoreUnavailableError) {
    // The adapter says what is wrong, without the password.
    const sentence = `The database cannot be used; see that it runs and that DATABASE_URL is right (${firstLine(thrown.message)})`;
    return new FirebreakError('store_unavailable', sentence, [], { cause: thrown });
  }
  const cause = thrown instanceof StoreUnavailableError ? thrown.cause : thrown;
  const code = codeOf(cause);
  const found = SENTENCES.find(([codes]) => codes.some((known) => code.startsWith(known)));
  const store = code.startsWith('SQLITE') || thrown instanceof StoreUnavailableError;
  if (found === undefined && !store) return thrown;
  const sentence = found?.[1] ?? 'the journal cannot be opened; restore it from a copy, or use another data directory';
  const message = `Data directory ${dataDir}: ${sentence} (${firstLine(messageOf(cause ?? thrown))})`;
  return new FirebreakError('store_unavailable', message, [], { cause: thrown });
}

const DAMAGED = 'journal.sqlite is damaged or cut off; restore it from a copy, or use another data directory';

/** Result codes of SQLite and of the operating system, and what they mean for who starts a server. */
const SENTENCES: readonly (readonly [codes: readonly string[], sentence: string])[] = [
  [['SQLITE_NOTADB'], 'journal.sqlite is not a journal; move it away, or use another data directory'],
  [['SQLITE_CORRUPT'], DAMAGED],
  [['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'], 'the disk is full; make room and start again'],
  [
    ['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_PERM', 'EACCES', 'EPERM', 'EROFS'],
    'it cannot be written; give it to the user that runs Firebreak, or use another one',
  ],
  [['ENOTDIR', 'EEXIST', 'ENOENT', 'ELOOP', 'ENAMETOOLONG'], 'it is no directory and none can be made there'],
  [['SQLITE_BUSY', 'SQLITE_LOCKED'], 'another program holds journal.sqlite; end it and start again'],
  [['SQLITE_IOERR', 'EIO', 'EMFILE', 'ENFILE'], 'it cannot be read or written; look at the disk'],
];

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
