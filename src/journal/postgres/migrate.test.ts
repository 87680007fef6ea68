import { Client } from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOn } from '../../../tests/support/postgres-place.ts';
import { sharedCluster, type Cluster } from '../../../tests/support/postgres.ts';
import { migrate, requireReadable, schemaState } from './migrate.ts';
import { migratePostgres } from './migrate-command.ts';
import { MIGRATIONS, type Migration } from './schema.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

const KNOWN = MIGRATIONS.length;
/** What a next release could bring: a column that the release before does not know and need not know. */
const EXPAND: Migration = { oldestReader: KNOWN, sql: 'alter table views add column note text' };
/** What the release after it could take away. */
const CONTRACT: Migration = { oldestReader: KNOWN + 1, sql: 'alter table views drop column note' };

describe.skipIf(shared.skip !== null)('the schema on PostgreSQL', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let url: string;
  beforeEach(async () => {
    cluster = await shared.cluster();
    url = await cluster.database();
  });
  afterEach(() => cluster.recycle(url));
  async function withClient<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  it('is made by the first of several processes that start at once, and they share one journal', async () => {
    const opened = await Promise.all(
      ['a', 'b', 'c'].map((id) => openOn(url, { birth: { id: `jrn_${id}`, at: 5, accelerated: false } })),
    );
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(await opened[0]?.readStream('config')).toHaveLength(1);
    for (const journal of opened) await journal.close();
  });

  it('is made and told by the command, once', async () => {
    expect(await migratePostgres(url)).toEqual({ from: 0, to: KNOWN });
    expect(await migratePostgres(url)).toEqual({ from: KNOWN, to: KNOWN });
  });

  it('that is newer is used as long as nothing that this program needs was taken away', async () => {
    const before = await openOn(url);
    await withClient((client) => migrate(client, 'command', [...MIGRATIONS, EXPAND]));
    await before.commit([{ appends: [], views: [{ kind: 'finding', id: 'v', expectedVersion: 0, at: 1, body: 1 }] }]);
    const after = await openOn(url);
    expect((await after.view('finding', 'v'))?.body).toBe(1);
    await before.close();
    await after.close();
    await withClient((client) => migrate(client, 'command', [...MIGRATIONS, EXPAND, CONTRACT]));
    await expect(openOn(url)).rejects.toThrow('written by a newer Firebreak');
    const state = await withClient(schemaState);
    expect(state).toMatchObject({ version: KNOWN + 2, oldestReader: KNOWN + 1 });
    expect(() => requireReadable(state, KNOWN + 1)).not.toThrow();
  });

  it('is changed at a start only when nobody else uses it, and by the command only where everybody can go on', async () => {
    const living = await openOn(url);
    const next = [...MIGRATIONS, EXPAND];
    await expect(withClient((client) => migrate(client, 'start', next))).rejects.toThrow('firebreak migrate');
    await expect(withClient((client) => migrate(client, 'command', [...next, CONTRACT]))).rejects.toThrow('stop them');
    expect(await withClient((client) => migrate(client, 'command', next))).toEqual({ from: KNOWN, to: KNOWN + 1 });
    await living.close();
    expect(await withClient((client) => migrate(client, 'start', [...next, CONTRACT]))).toEqual({
      from: KNOWN + 1,
      to: KNOWN + 2,
    });
  });
});
