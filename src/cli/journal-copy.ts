import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyJournal, type CopyCounts } from '../journal/copy/copy-journal.ts';
import type { Journal } from '../journal/journal.ts';
import { logRows } from '../journal/log-reading.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import { isSeal } from '../journal/sealed.ts';
import { openDatabase } from '../journal/sqlite/open.ts';
import { takeFence } from '../journal/sqlite/process-fence.ts';
import { openKeysFile } from '../journal/sqlite/person-keys.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { verifyLog } from '../pipeline/audit/verify.ts';
import { memoryKeeper } from '../pipeline/intake/memory-keeper.ts';
import { loadSurroundings } from '../pipeline/intake/surroundings.ts';
import { DEFAULT_RULES } from '../pipeline/detections/rules.ts';
import { databaseUrlOf, personsOf, readConfig } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import { ownAnchors, ownKeys, sentence } from './audit.ts';
import { withPersons } from '../start/person-keys.ts';
import type { Io } from './io.ts';
import { businessNow, inWords, openSqliteFile } from './open-journal.ts';
import { firstForgedRow } from './verify-rows.ts';

export interface JournalCopyOptions {
  /** `sqlite:DIR`. */
  readonly from: string;
  /** `postgres:URL`, or `postgres` for the database of DATABASE_URL, which keeps the password out of the process list. */
  readonly to: string;
  readonly json: boolean;
}

/**
 * Copies a journal from a data directory into an empty PostgreSQL database and seals the directory's. Refused while a
 * server has either. The copy is verified like any journal before it counts.
 *
 * @throws FirebreakError `conflict`, `invalid_request`, `not_found`, `store_unavailable`.
 */
export async function journalCopyCommand(options: JournalCopyOptions, io: Io): Promise<number> {
  const dataDir = directoryOf(options.from);
  const url = urlOf(options.to, io);
  openSqliteFileOnce(dataDir);
  const fence = takeFence(join(dataDir, 'writer.lock'));
  try {
    const counts = await inWords(() => copyFenced(dataDir, url, io));
    io.stdout.write(options.json ? `${JSON.stringify(counts)}\n` : report(counts, dataDir));
    return 0;
  } finally {
    fence.release();
  }
}

/** @throws FirebreakError `not_found`: before a fence is laid where there is no journal. */
function openSqliteFileOnce(dataDir: string): void {
  void openSqliteFile(dataDir).close();
}

async function copyFenced(dataDir: string, url: string, io: Io): Promise<CopyCounts> {
  const file = join(dataDir, 'journal.sqlite');
  const journal = await openSource(dataDir, file, io);
  const database = openDatabase(file);
  const keys = keysOf(dataDir, io);
  try {
    const at = await businessNow(journal, Date.now());
    return await copyJournal({ database, journal, keys }, { url, at, verify: (copy) => verifyCopy(copy, dataDir, io) });
  } finally {
    keys?.close();
    database.close();
    await journal.close();
  }
}

/** The keys of persons go where the journal goes: into the same database. @throws FirebreakError `conflict` where they are to lie elsewhere. */
function keysOf(dataDir: string, io: Io): ReturnType<typeof openKeysFile> | null {
  const { keysFile, keysUrl } = personsOf(io.env, io.readTextSync);
  const file = keysFile ?? join(dataDir, 'person-keys.sqlite');
  if (!existsSync(file)) return null;
  if (keysUrl === null) return openKeysFile(file);
  throw new FirebreakError(
    'conflict',
    'The keys of persons are copied into the database of the journal: leave PERSON_KEYS_URL out, and move their schema afterwards',
  );
}

/** A journal that an earlier, failed copy sealed is only read; any other is written once more: it gets its last record. */
async function openSource(dataDir: string, file: string, io: Io): Promise<Journal> {
  const snapshot = openSqliteFile(dataDir);
  const last = (await snapshot.readStream('config')).at(-1)?.record;
  if (last !== undefined && isSeal(last)) return snapshot;
  await snapshot.close();
  const journal = openSqliteJournal({ file, birth: { id: 'unused', at: 0, accelerated: false } });
  await catchUp(journal, io);
  return journal;
}

/** In a file, what detectors remember is written behind the events; in a database it is written with them. */
async function catchUp(journal: Journal, io: Io): Promise<void> {
  const { config } = readConfig(io.env, io.readTextSync);
  const { detectionContext } = await loadSurroundings(config);
  const keeper = memoryKeeper(journal, async (change) => {
    const [result] = await journal.commit([change]);
    return result ?? { status: 'stale' };
  });
  const { owed } = await keeper.ready({ rules: DEFAULT_RULES, context: detectionContext(Date.now()) });
  if (owed.length > 0) {
    const message =
      'the server ended before it acted on its newest events: start it once more on this directory, stop it, then copy';
    throw new FirebreakError('conflict', message);
  }
  await keeper.beforeForgetting();
}

/** The same judgement as that of `audit verify`. @throws FirebreakError `conflict`. */
async function verifyCopy(copy: Journal, dataDir: string, io: Io): Promise<void> {
  const rows = logRows(copy);
  const log = {
    records: rows.records(),
    leaves: rows.leaves(),
    unsequenced: await rows.unsequenced(),
    checkpoints: (await rows.checkpoints()).map(({ note }) => note),
  };
  const trust = { keys: await ownKeys(dataDir, copy, io), anchors: ownAnchors(dataDir, io), now: Date.now() };
  const result = await verifyLog(log, trust);
  if (result.verdict !== 'intact')
    throw new FirebreakError('conflict', `the copy does not verify: ${sentence(result)}`);
  const place = { dataDir, databaseUrl: null, persons: personsOf(io.env, io.readTextSync) };
  const readable = await withPersons(copy, place, 'read');
  const forged = await forgedIn(readable);
  if (forged === null) return;
  throw new FirebreakError(
    'conflict',
    `the copy does not verify: the row of ${forged.kind} ${forged.id} ${forged.problem}`,
  );
}

async function forgedIn(readable: PersonalJournal): ReturnType<typeof firstForgedRow> {
  try {
    return await firstForgedRow(readable);
  } finally {
    await readable.keys.close();
  }
}

function directoryOf(from: string): string {
  if (from.startsWith('sqlite:') && from.length > 'sqlite:'.length) return from.slice('sqlite:'.length);
  throw new FirebreakError('invalid_request', '--from must be sqlite:DIR, the data directory of the journal');
}

function urlOf(to: string, { env, readTextSync }: Io): string {
  const given = to === 'postgres' ? null : to.replace(/^postgres:(?=postgres(?:ql)?:\/\/)/, '');
  const url = given === null ? databaseUrlOf(env, readTextSync) : databaseUrlOf({ DATABASE_URL: given }, readTextSync);
  if (url !== null) return url;
  throw new FirebreakError('invalid_request', '--to must be postgres:URL, or postgres with the URL in DATABASE_URL');
}

function report(counts: CopyCounts, dataDir: string): string {
  const rows = Object.entries(counts).map(([table, count]) => `  ${table}: ${count}\n`);
  return (
    `copied and verified:\n${rows.join('')}` +
    `the journal in ${dataDir} is sealed: it can be read, not written. Start servers with DATABASE_URL, and keep ` +
    `log-key.pem and checkpoints.txt in their DATA_DIR\n`
  );
}
