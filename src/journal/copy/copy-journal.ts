import type { Database } from 'better-sqlite3';
import type { Client } from 'pg';
import { FirebreakError, invariant } from '../../platform/errors.ts';
import type { Journal } from '../journal.ts';
import { readBirth, requireSafeServer } from '../postgres/birth.ts';
import { inTransaction, openLine, SNAPSHOT_PATIENCE } from '../postgres/connection.ts';
import { scrubberFor, storeFault } from '../postgres/faults.ts';
import { lockSchema, migrate, schemaState } from '../postgres/migrate.ts';
import { journalOver } from '../postgres/snapshot.ts';
import { applyBatch } from '../postgres/writer.ts';
import { isSeal, sealingChange } from '../sealed.ts';
import { copyPersonKeys } from './copy-person-keys.ts';
import { COPIED_TABLES, rowsOf, type CopiedTable } from './sqlite-rows.ts';

export interface CopySource {
  /** The file, opened for reading its rows as they are. */
  readonly database: Database;
  /** The same, to be sealed with a last record. The caller keeps everybody else from writing it. */
  readonly journal: Journal;
  /** The file with the keys of its persons; null: there is none. */
  readonly keys: Database | null;
}

export interface CopyOptions {
  readonly url: string;
  /** Business time of the sealing record. */
  readonly at: number;
  /** Looks at the copy before it counts; throws when it is not what it should be. */
  readonly verify: (copy: Journal) => Promise<void>;
}

/** Rows that were copied, by table. */
export type CopyCounts = Readonly<Record<string, number>>;

/**
 * Copies a journal into an empty database: every row, every hash as it is. The copy is verified before it counts; then the
 * source gets its last record, the copy gets the same one, and only then is the copy there. Whenever this fails, the
 * source alone is the journal; when it was sealed by then, running the copy again ends it.
 *
 * @throws FirebreakError `conflict` for a database that is used or holds another journal; StoreUnavailableError.
 */
export async function copyJournal({ database, journal, keys }: CopySource, options: CopyOptions): Promise<CopyCounts> {
  const address = { url: options.url, scrub: scrubberFor(options.url) };
  const line = openLine(address, () => 'copy', undefined, SNAPSHOT_PATIENCE);
  try {
    return await inTransaction(line, async (client) => {
      await requireSafeServer(client);
      await lockSchema(client);
      await requireEmpty(client, journal.id);
      await migrate(client, 'start');
      const counts = await copyRows(client, database);
      if (keys !== null) await copyPersonKeys(client, keys);
      const copy = await journalOver(client);
      invariant(copy !== null && copy.id === journal.id, 'the copy is the same journal');
      await options.verify(copy);
      await seal(client, journal, copy, options.at);
      return counts;
    });
  } catch (thrown) {
    throw thrown instanceof FirebreakError ? thrown : storeFault(thrown, address.scrub, true);
  } finally {
    await line.close();
  }
}

async function requireEmpty(client: Client, journalId: string): Promise<void> {
  const { version, living } = await schemaState(client);
  if (version === 0) return;
  if (living.length > 0)
    throw new FirebreakError('conflict', `${living.length} processes use that database: name an empty one`);
  const present = await readBirth(client);
  if (present === null) return;
  const same = present.id === journalId ? 'this journal already' : `another journal (${present.id})`;
  throw new FirebreakError('conflict', `that database holds ${same}: name an empty one`);
}

async function copyRows(client: Client, database: Database): Promise<CopyCounts> {
  const counts: Record<string, number> = {};
  const birth = database.prepare<[], { value: string }>(`select value from meta where key = 'journal'`).get();
  invariant(birth !== undefined, 'a journal has a birth');
  await client.query(`insert into meta (key, value) values ('journal', $1)`, [birth.value]);
  for (const table of COPIED_TABLES) {
    counts[table.name] = 0;
    for (const rows of rowsOf(database, table)) {
      const columns = table.columns.map((_, index) => rows.map((row) => row[index]));
      const { rowCount } = await client.query({ name: `copy ${table.name}`, text: insertOf(table), values: columns });
      counts[table.name] = (counts[table.name] ?? 0) + (rowCount ?? 0);
    }
  }
  // New streams get numbers after those that came along.
  await client.query(
    `select setval(pg_get_serial_sequence('streams', 'no'), (select coalesce(max(no), 0) + 1 from streams), false)`,
  );
  // Plans follow the sizes of the tables, which the server does not know yet.
  await client.query('analyze');
  return counts;
}

function insertOf({ name, columns }: CopiedTable): string {
  const names = columns.map(([column]) => column).join(', ');
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ');
  return `insert into ${name} (${names}) overriding system value select ${names} from unnest(${arrays}) u (${names})`;
}

/** The same record, with the same hash, in both; a source that a failed copy sealed before has it already. */
async function seal(client: Client, source: Journal, copy: Journal, at: number): Promise<void> {
  const config = await source.readStream('config');
  const last = config.at(-1)?.record;
  if (last !== undefined && isSeal(last)) return;
  const change = sealingChange(last?.seq ?? 0, at);
  const [sealed] = await source.commit([change]);
  invariant(sealed?.status === 'applied', 'nobody else writes the source');
  const [same] = await applyBatch(client, [change], { batchId: `copy of ${copy.id}`, owner: null });
  invariant(
    same?.status === 'applied' && same.hashes[0] === sealed.hashes[0],
    'the last record of the source is the newest of the copy',
  );
}
