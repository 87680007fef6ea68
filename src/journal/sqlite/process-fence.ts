import { FirebreakError, messageOf } from '../../platform/errors.ts';
import { loadDriver } from './open.ts';

/** Keeps a data directory to one writing process. The operating system lets go of it when the process ends, however it ends. */
export interface ProcessFence {
  release(): void;
}

/**
 * Takes the fence, or says that somebody else has it: a second server on the same journal would take the calls of the
 * first for interrupted ones and repeat them.
 *
 * @throws FirebreakError `conflict`; an error of SQLite where the file cannot be used at all.
 */
export function takeFence(file: string): ProcessFence {
  const database = new (loadDriver())(file);
  try {
    database.pragma('busy_timeout = 0');
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_BUSY')) throw cause;
    const message = `another Firebreak process writes this data directory (${file}: ${messageOf(cause)}); stop it first`;
    throw new FirebreakError('conflict', message, [], { cause });
  }
  return { release: () => database.close() };
}
