import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { soleHolder, type RequestHolders } from '../api/idempotency.ts';
import type { Journal } from '../journal/journal.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import { takeFence } from '../journal/sqlite/process-fence.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { wallClock, type WallClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Machine } from '../platform/machine.ts';
import { withPersons } from './person-keys.ts';

/** A journal that this process may write, and how it is given back. */
export interface OwnJournal {
  readonly journal: PersonalJournal;
  /** Business time of a journal that is not accelerated: on PostgreSQL the database's, the same for all processes. */
  readonly wall: WallClock;
  /** Who is at work on requests: on a journal of its own nobody but this process. */
  readonly requestHolders: RequestHolders;
  close(): Promise<void>;
}

type FileOrShared = Omit<OwnJournal, 'journal'> & { readonly journal: Journal };

export interface OwnJournalOptions {
  /** Null: not accelerated. */
  readonly acceleratedFrom: number | null;
  /** Whether this process performs effects. */
  readonly performs: boolean;
  readonly ids: Ids;
  readonly machine: Machine;
  /** The program of threads that write a journal in a file and read what takes long; null: this thread does. */
  readonly storeThread: URL | null;
}

/**
 * Opens the journal that the configuration names. A journal whose time was accelerated must not pass for a real one, nor a
 * real one be run with jumping time; and jumping time is one process's own, so no journal that is shared has it.
 *
 * @throws FirebreakError `conflict`, `store_unavailable`; StoreUnavailableError.
 */
export async function openOwnJournal(config: Config, options: OwnJournalOptions): Promise<OwnJournal> {
  const { acceleratedFrom, ids } = options;
  const accelerated = acceleratedFrom !== null;
  const birth = { id: ids.next('jrn'), at: acceleratedFrom ?? Date.now(), accelerated };
  const own = config.databaseUrl === null ? openFile(config, birth, options) : await openShared(config, birth, options);
  if (own.journal.accelerated === accelerated) return personal(own, config);
  await own.close();
  const kind = accelerated
    ? 'the wall clock; start without --clock accelerated'
    : 'an accelerated clock; start with --clock accelerated';
  throw new FirebreakError('conflict', `This journal was made with ${kind}, or use another one`);
}

/** The same with its personal texts. */
async function personal(own: FileOrShared, config: Config): Promise<OwnJournal> {
  try {
    const journal = await withPersons(own.journal, config, 'write');
    const close = async (): Promise<void> => {
      await own.close();
      await journal.keys.close();
    };
    return { ...own, journal, close };
  } catch (thrown) {
    await own.close();
    throw thrown;
  }
}

type Birth = { readonly id: string; readonly at: number; readonly accelerated: boolean };

function openFile({ dataDir }: Config, birth: Birth, { ids, storeThread }: OwnJournalOptions): FileOrShared {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const fence = takeFence(join(dataDir, 'writer.lock'));
  const file = join(dataDir, 'journal.sqlite');
  try {
    refuseLost(file, join(dataDir, 'checkpoints.txt'));
    const journal = openSqliteJournal({ file, birth, storeThread });
    const close = async (): Promise<void> => {
      await journal.close();
      fence.release();
    };
    return { journal, wall: wallClock(() => 0), requestHolders: soleHolder(ids.next('prc')), close };
  } catch (thrown) {
    fence.release();
    throw thrown;
  }
}

async function openShared(config: Config, birth: Birth, options: OwnJournalOptions): Promise<FileOrShared> {
  if (birth.accelerated) {
    const message = 'An accelerated clock is one process’s own: use it with a journal in a file, without DATABASE_URL';
    throw new FirebreakError('conflict', message);
  }
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const { performs, ids, machine } = options;
  const url = config.databaseUrl ?? '';
  // The driver is loaded only where it is used: a server on a file starts without it.
  const { openPostgresJournal } = await import('../journal/postgres/postgres-journal.ts');
  const journal = await openPostgresJournal({
    url,
    birth: { ...birth, at: null },
    performs,
    ids,
    machine,
    monotonic: () => performance.now(),
  });
  const requestHolders: RequestHolders = {
    own: () => journal.members.processId,
    isGone: async (holder) => !(await journal.lives(holder)),
  };
  return { journal, wall: wallClock(() => journal.clockOffsetMs()), requestHolders, close: () => journal.close() };
}

/** No file, or an empty one, beside checkpoints was a journal: starting over there would look as if nothing had ever happened. */
function refuseLost(file: string, checkpoints: string): void {
  const size = (name: string): number => statSync(name, { throwIfNoEntry: false })?.size ?? -1;
  if (size(file) > 0 || size(checkpoints) <= 0) return;
  const [is, was] = size(file) === 0 ? ['empty', 'not'] : ['gone', 'there'];
  const message = `${file} is ${is}, but ${checkpoints} shows that it was ${was}; restore it from a copy, or use another data directory`;
  throw new FirebreakError('store_unavailable', message);
}
