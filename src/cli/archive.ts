import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { removeArchived, type Removal } from '../archive/remove.ts';
import { cutoffsOf, cutoffsOfTerms, DAY_MS, latestCutoff, type Cutoffs } from '../archive/cutoffs.ts';
import { isThere, readArchive, writeArchive } from '../archive/write.ts';
import { fileAnchor } from '../journal/file-anchor.ts';
import type { Journal } from '../journal/journal.ts';
import { openLogKeeper, type LogKeeper } from '../journal/log-keeper.ts';
import { loadLogKey } from '../journal/log-key.ts';
import { parseKeys } from '../pipeline/audit/export.ts';
import type { LogKey } from '../pipeline/audit/verify-checkpoints.ts';
import type { Clock } from '../platform/clock.ts';
import { readConfig, type Config } from '../platform/config.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { randomIds } from '../platform/ids.ts';
import { realMachine } from '../platform/machine.ts';
import { RETENTION_CLASSES, type RetentionClass, type RetentionTerms } from '../platform/retention-config.ts';
import { openOwnJournal } from '../start/own-journal.ts';
import { lookBack } from '../start/set-back.ts';
import { ownKeys } from './audit.ts';
import type { Io } from './io.ts';
import { businessNow, inWords, openExistingJournal } from './open-journal.ts';

/** How long the signature of a server may take, in ms: servers sign every 5 s. */
const SEALING_PATIENCE_MS = 60_000;
const LOOK_MS = 250;

export interface ArchiveOptions {
  /** RFC 3339 time, or `90d`: so many days ago. Absent: as `RETENTION_DAYS` says for each class. */
  readonly before?: string;
  /** Only these; absent: all. */
  readonly class?: readonly RetentionClass[];
  readonly out: string;
  readonly data: string;
  /** Trusted public keys of the log, where the signing key does not lie in the data directory. */
  readonly keys?: string;
  readonly json: boolean;
}

/**
 * Moves what ended before a time from the journal to an archive. On PostgreSQL servers may run meanwhile; a file belongs
 * to one process, so its server has to be stopped. An archive that is there already was not finished with: it is.
 *
 * @throws FirebreakError `conflict`, `invalid_request`, `not_found`, `store_unavailable`.
 */
export async function archiveCommand(options: ArchiveOptions, io: Io): Promise<number> {
  const { config } = readConfig({ ...io.env, DATA_DIR: options.data }, io.readTextSync);
  const directory = resolve(options.out);
  return inWords(async () => {
    const present = await openExistingJournal(options.data, io);
    const standsAt = present.accelerated ? await present.newestRecordAt() : null;
    await present.close();
    const own = await openOwnJournal(config, {
      acceleratedFrom: standsAt,
      performs: config.databaseUrl === null,
      ids: randomIds(),
      machine: realMachine,
      storeThread: null,
    });
    try {
      await refuseSetBack(own.journal, config, io);
      const now = await businessNow(own.journal, own.wall.now());
      const cutoffs = cutoffsFor(options, config.retention, now);
      const removal = await archive(directory, own.journal, { options, config, io, cutoffs, now });
      io.stdout.write(options.json ? `${JSON.stringify(removal)}\n` : `${told(removal, directory)}\n`);
      return 0;
    } finally {
      await own.close();
    }
  });
}

/** What is taken out is signed for, and nothing may be signed for a journal that is older than what was published. */
async function refuseSetBack(journal: Journal, config: Config, io: Io): Promise<void> {
  const file = logKeyFile(config);
  if (!existsSync(file)) return; // whoever has the key signs, and looks
  const warn = (thrown: unknown): void => void io.stderr.write(`${messageOf(thrown)}\n`);
  if ((await lookBack(journal, config, loadLogKey(file), warn)) === null) return;
  const message =
    'the journal is older than what was published of it; start the server and have two people confirm that it is used so';
  throw new FirebreakError('conflict', message);
}

function logKeyFile({ logKeyFile: named, dataDir }: Config): string {
  return named ?? join(dataDir, 'log-key.pem');
}

interface Setting {
  readonly options: ArchiveOptions;
  readonly config: Config;
  readonly io: Io;
  readonly cutoffs: Cutoffs;
  readonly now: number;
}

/** What happened; `archive` is null when nothing was old enough. */
type Told = Removal & { readonly archive: string | null };

async function archive(directory: string, journal: Journal, setting: Setting): Promise<Told> {
  const { options, config, io, cutoffs, now } = setting;
  const keys =
    options.keys === undefined ? await ownKeys(options.data, journal, io) : parseKeys(io.readTextSync(options.keys));
  if (!isThere(directory) && !(await written(directory, keys, setting)))
    return { archive: null, streams: 0, events: 0, kept: 0 };
  const read = await readArchive(directory, journal, keys, now);
  if (read.contents.before > (latestCutoff(cutoffs) ?? 0)) {
    const message = `${directory} holds an archive of a later time; name another place with --out`;
    throw new FirebreakError('conflict', message);
  }
  const removal = await removeArchived(directory, read, journal, {
    now: () => now,
    by: userInfo().username,
    sealed: () => sealed(journal, config, now),
  });
  return { archive: read.hash, ...removal };
}

/** From one moment of the journal, whatever servers write meanwhile. */
async function written(directory: string, keys: readonly LogKey[], setting: Setting): Promise<boolean> {
  const snapshot = await openExistingJournal(setting.options.data, setting.io);
  try {
    return await writeArchive(directory, snapshot, keys, setting);
  } finally {
    await snapshot.close();
  }
}

/**
 * Waits until a signed checkpoint covers everything committed so far. Where no server keeps the log, this process does.
 * @throws FirebreakError `conflict` without the signing key, `store_unavailable` when the server does not sign.
 */
async function sealed(journal: Journal, config: Config, now: number): Promise<void> {
  const until = performance.now() + SEALING_PATIENCE_MS;
  let keeper: LogKeeper | null = null;
  let size: number | null = null;
  do {
    await journal.members.beat();
    if (await journal.members.leads('log')) {
      keeper ??= await ownKeeper(journal, config, now);
      await keeper.keep(true);
    }
    // Streams are placed in the order of their birth, and this one is the first.
    const waiting = (await journal.log.unsequenced(1_000)).some(({ stream }) => stream === 'config');
    if (size === null && !waiting) size = await journal.log.size();
    const signed = (await journal.log.checkpoints(1)).at(-1)?.size ?? 0;
    if (size !== null && signed >= size) return;
    await realMachine.sleep(LOOK_MS);
  } while (performance.now() < until);
  const message = 'the server did not sign the log in time, so nothing was taken out; run the command again';
  throw new FirebreakError('store_unavailable', message);
}

async function ownKeeper(journal: Journal, config: Config, now: number): Promise<LogKeeper> {
  const file = logKeyFile(config);
  if (!existsSync(file)) {
    const message = `no server signs the log now, and its key is not here (${file}); start a server, or set LOG_KEY_FILE`;
    throw new FirebreakError('conflict', message);
  }
  const clock: Clock = { now: () => now, monotonic: () => performance.now(), accelerated: journal.accelerated };
  return openLogKeeper(journal, loadLogKey(file), clock, [fileAnchor(join(config.dataDir, 'checkpoints.txt'))]);
}

/** @throws FirebreakError `invalid_request` where no time is given and none is set for these classes. */
function cutoffsFor(
  { before, class: classes = RETENTION_CLASSES }: ArchiveOptions,
  terms: RetentionTerms,
  now: number,
): Cutoffs {
  if (before !== undefined) return cutoffsOf(classes, timeBefore(before, now));
  const cutoffs = cutoffsOfTerms(terms, now, classes);
  if (latestCutoff(cutoffs) !== null) return cutoffs;
  const message = `no term is set for ${classes.join(', ')}: say --before, or set RETENTION_DAYS`;
  throw new FirebreakError('invalid_request', message);
}

/** @throws FirebreakError `invalid_request` for what is neither a time nor days, or lies in the future. */
export function timeBefore(text: string, now: number): number {
  const days = /^([1-9][0-9]{0,4})d$/.exec(text)?.[1];
  const rfc3339 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = days === undefined ? (rfc3339 ? Date.parse(text) : Number.NaN) : now - Number(days) * DAY_MS;
  if (Number.isNaN(at))
    throw new FirebreakError('invalid_request', `--before ${text} is no RFC 3339 time and no number of days (90d)`);
  if (at > now) throw new FirebreakError('invalid_request', `--before ${text} lies in the future`);
  return at;
}

function told({ archive: hash, streams, events, kept }: Told, directory: string): string {
  if (hash === null) return 'nothing is old enough to be archived';
  const stayed = kept === 0 ? '' : `; ${kept} streams changed meanwhile and stay`;
  return `${streams} streams and ${events} events went to ${directory} (SHA-256 ${hash})${stayed}`;
}
