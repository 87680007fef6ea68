import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCluster, type Cluster } from '../tests/support/postgres.ts';
import type { Workshop } from './children.ts';
import { watchDatabase } from './database-watch.ts';
import { watchFile, type JournalWatch } from './journal-watch.ts';
import { familyCpuMs } from './measure.ts';
import { CannotRunError, type StoreKind } from './options.ts';

/** A place for one new journal. */
export interface Place {
  /** Settings of the server that shall use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Looks at it from outside, once the server has made it. */
  watch(dataDir: string): Promise<JournalWatch>;
}

/** Where a run keeps its data: files, or a PostgreSQL that runs for the run alone. */
export interface Storage {
  readonly kind: StoreKind;
  newPlace(): Promise<Place>;
  /** A new place for a reference: the path of a file, or the URL of an empty database. */
  referencePlace(): Promise<string>;
  /** CPU time of the database's own processes so far, in ms, without those that serve a watch; null where there are none. */
  cpuMs(): number | null;
  /** What the figures depend on; null: nothing besides the product's own settings. */
  readonly about: Readonly<Record<string, string>> | null;
}

/**
 * Durable as the product demands it, and as a default installation is; the buffers are those of a default one. Stated,
 * because the settings of the tests' clusters are others.
 */
const SETTINGS = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '128MB' };

/** @throws CannotRunError when there is no PostgreSQL that could be started. */
export async function openStorage(workshop: Workshop, kind: StoreKind): Promise<Storage> {
  return kind === 'sqlite' ? files(workshop) : ownCluster(workshop);
}

function files(workshop: Workshop): Storage {
  return {
    kind: 'sqlite',
    newPlace: async () => ({ env: {}, watch: async (dataDir) => watchFile(join(dataDir, 'journal.sqlite')) }),
    referencePlace: async () => join(workshop.directory(), 'reference.sqlite'),
    cpuMs: () => null,
    about: null,
  };
}

async function ownCluster(workshop: Workshop): Promise<Storage> {
  const cluster = await startCluster(SETTINGS).catch((thrown: unknown) => {
    throw new CannotRunError(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  });
  workshop.keep(() => cluster.remove());
  const watchers = new Set<number>();
  const postmaster = await postmasterOf(cluster);
  return {
    kind: 'postgres',
    async newPlace() {
      const url = await cluster.database();
      return {
        env: { DATABASE_URL: url },
        async watch() {
          const { watch, pid } = await watchDatabase(url);
          watchers.add(pid);
          return watch;
        },
      };
    },
    referencePlace: () => cluster.database(),
    cpuMs: () => familyCpuMs(postmaster, watchers),
    about: await settingsOf(cluster),
  };
}

/** The process all others of the cluster are children of; it stands in the first line of a file of its own. */
async function postmasterOf(cluster: Cluster): Promise<number> {
  const [row] = await cluster.query(`select current_setting('data_directory') as directory`);
  return Number.parseInt(readFileSync(join(String(row?.['directory']), 'postmaster.pid'), 'utf8'), 10);
}

/** As the server says, not as they were asked for. */
async function settingsOf(cluster: Cluster): Promise<Record<string, string>> {
  const rows = await cluster.query(
    'select name, current_setting(name) as value from pg_settings where name = any($1)',
    [['server_version', ...Object.keys(SETTINGS)]],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), String(value)]));
}
