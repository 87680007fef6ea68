import {
  openPostgresJournal,
  type PostgresJournal,
  type PostgresJournalOptions,
} from '../../src/journal/postgres/postgres-journal.ts';
import { randomIds } from '../../src/platform/ids.ts';
import type { SharedPlace } from './membership-conformance.ts';
import type { Cluster, SharedCluster } from './postgres.ts';

const BIRTH = { id: 'jrn_test', at: Date.UTC(2026, 10, 21), accelerated: true };

/** Opens the journal of a database as one process does; without hints, so that nothing is done but what is asked for. */
export function openOn(url: string, more: Partial<PostgresJournalOptions> = {}): Promise<PostgresJournal> {
  return openPostgresJournal({
    url,
    birth: BIRTH,
    performs: true,
    hints: false,
    ids: randomIds(),
    monotonic: () => performance.now(),
    ...more,
  });
}

export async function cutConnections(cluster: Cluster, url: string, application = 'firebreak %'): Promise<void> {
  const text = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like $2';
  await cluster.query(text, [new URL(url).pathname.slice(1), application]);
}

/**
 * A database of its own for each test.
 * @param hints whether its processes tell each other what they left; those that can hear listen then.
 */
export function postgresPlace(shared: SharedCluster, hints = false): SharedPlace {
  let made: Promise<string> | null = null;
  const open = async (performs: boolean): Promise<PostgresJournal> => {
    const journal = await openOn(await url(), { performs, hints });
    // Until the journal is closed.
    void journal.members.listen?.(() => undefined, new AbortController().signal);
    return journal;
  };
  const url = (): Promise<string> => (made ??= shared.cluster().then((cluster) => cluster.database()));
  return {
    open: () => open(true),
    another: (performs = true) => open(performs),
    async expire(processId) {
      const database = new URL(await url()).pathname.slice(1);
      const text = `update processes set beat_at = beat_at - interval '1 hour' where id = $1`;
      await (await shared.cluster()).query(text, [processId], database);
    },
    cut: async () => cutConnections(await shared.cluster(), await url()),
    remove: async () => (await shared.cluster()).recycle(await url()),
  };
}
