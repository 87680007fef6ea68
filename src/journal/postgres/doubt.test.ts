import { Client } from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { append } from '../../../tests/support/journal-conformance.ts';
import { cutConnections, openOn } from '../../../tests/support/postgres-place.ts';
import { sharedCluster, type Cluster } from '../../../tests/support/postgres.ts';
import type { PostgresJournal } from './postgres-journal.ts';
import type { CommitPoint } from './writer.ts';

/** Its standby is away for ever; only who does not wait for it, as a new database does not, gets on. */
const shared = sharedCluster({ synchronous_standby_names: 'nobody', synchronous_commit: 'local' });
const AT = Date.UTC(2026, 10, 21, 3, 0, 0);
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('a commit whose answer was lost', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let url: string;
  const open: PostgresJournal[] = [];
  beforeEach(async () => {
    cluster = await shared.cluster();
    url = await cluster.database();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const journal of open.splice(0)) await journal.close();
    await cluster.query(`alter database ${database()} reset all`);
    await cluster.recycle(url);
  });
  const database = (): string => new URL(url).pathname.slice(1);
  const opened = async (probe: (point: CommitPoint, client: Client) => void): Promise<PostgresJournal> => {
    const journal = await openOn(url, { probe });
    open.push(journal);
    return journal;
  };

  it('and that never took place is not called done because the first answer to the question was lost too', async () => {
    let left = 1;
    const journal = await opened((point, client) => {
      if (left <= 0) return;
      // The words never reach the server, and then the way to it breaks.
      if (point === 'written') swallow(client);
      else if (left-- > 0) streamOf(client).destroy();
    });
    const asked = loseFirstAnswer('insert into batches (id) values');
    expect(await journal.commit([append('s', 0, AT)])).toMatchObject([{ status: 'applied' }]);
    expect(asked.lost).toBe(1);
    expect(await journal.readStream('s')).toHaveLength(1);
  });

  it('because it waits for a synchronous standby is not called done before it is there', async () => {
    const journal = await opened(() => undefined);
    await cluster.query(`alter database ${database()} set synchronous_commit = on`);
    await cutConnections(cluster, url, 'firebreak writer');
    const unknown = { name: 'StoreUnavailableError', unknown: true };
    await expect(journal.commit([append('s', 0, AT)])).rejects.toMatchObject(unknown);
    expect(await journal.readStream('s')).toEqual([]);
    // Whoever ends that session gives up the wait, and what became of it can be seen.
    await cutConnections(cluster, url, 'firebreak writer');
    await vi.waitFor(async () => expect(await journal.readStream('s')).toHaveLength(1));
  });
});

function streamOf(client: Client): import('node:net').Socket {
  // safe: a socket of Node; the driver's types do not know
  return (client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream;
}

function swallow(client: Client): void {
  streamOf(client).write = () => true;
}

/** The server does what the first statement of these words says, and nobody hears of it. */
function loseFirstAnswer(words: string): { readonly lost: number } {
  const seen = { lost: 0 };
  // safe: of the many forms of `query` those with a promise are used here only
  const query = Client.prototype.query as (this: Client, ...given: unknown[]) => Promise<unknown>;
  vi.spyOn(Client.prototype, 'query').mockImplementation(async function (this: Client, ...given: unknown[]) {
    const answer = await query.apply(this, given);
    if (seen.lost > 0 || !String(given[0]).includes(words)) return answer;
    seen.lost += 1;
    throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  } as never);
  return seen;
}
