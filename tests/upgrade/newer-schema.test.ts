import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { migrate as migratePostgres } from '../../src/journal/postgres/migrate.ts';
import { MIGRATIONS as POSTGRES, type Migration } from '../../src/journal/postgres/schema.ts';
import { migrate as migrateSqlite } from '../../src/journal/sqlite/open.ts';
import { MIGRATIONS as SQLITE } from '../../src/journal/sqlite/schema.ts';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { openJournalFile, startHarness, verified, type Harness } from '../support/server.ts';

/*
 * Fake next releases: what they do to the schema is made up here. The present code plays the release before them, to
 * which somebody goes back.
 */
const expand = (known: number): Migration => ({
  oldestReader: known,
  sql: `alter table views add column note text; create index views_by_note on views (note);
    alter table records add column lane integer`,
});
const contract = (known: number): Migration => ({
  oldestReader: known + 1,
  sql: 'alter table events drop column raw_hash',
});

const shared = sharedCluster();
afterAll(() => shared.remove());

/** A server that ran on the present schema, then on one that the next release migrated, then finds a contracted one. */
async function goesBack(
  env: Readonly<Record<string, string>>,
  migrateTo: (house: Harness, migrations: readonly ['expand'] | readonly ['expand', 'contract']) => Promise<void>,
  verify: (house: Harness) => Promise<void>,
): Promise<void> {
  const house = await startHarness({ env });
  try {
    const { api } = house.admin;
    await api('POST', BASE, byHand('notify', [NOTIFY]));
    await api('POST', BASE, byHand('suspend', [SUSPEND_APPROVED]));
    const trigger = async (playbookId: string): Promise<string> =>
      (await api('POST', `${BASE}/executions/trigger`, { playbookId, userId: 'anna' })).body.data.executionId;
    const waiting = await trigger('suspend');
    expect((await house.settled(waiting)).status).toBe('AWAITING_APPROVAL');
    await house.halt();
    await migrateTo(house, ['expand']);
    await house.restart();
    expect((await house.settled(await trigger('notify'))).status).toBe('COMPLETED');
    expect((await api('POST', `${BASE}/executions/${waiting}/cancel`, {})).status).toBe(200);
    expect((await house.settled(waiting)).status).toBe('CANCELLED');
    await house.halt();
    await verify(house);
    await migrateTo(house, ['expand', 'contract']);
    await expect(house.restart()).rejects.toThrow('the journal was written by a newer Firebreak');
  } finally {
    await house.stop();
  }
}

describe('a journal that the next release migrated', { timeout: 60_000 }, () => {
  it('is gone on with, and refused once what this release needs is gone: SQLite', async () => {
    await goesBack(
      {},
      async ({ dataDir }, names) => {
        const database = openJournalFile(dataDir);
        const made = { expand: expand(SQLITE.length), contract: contract(SQLITE.length) };
        migrateSqlite(database, [...SQLITE, ...names.map((name) => made[name])]);
        database.close();
      },
      async ({ dataDir }) => expect(await verified(dataDir)).toMatchObject({ verdict: 'intact' }),
    );
  });

  it.skipIf(shared.skip !== null)('is gone on with, and refused likewise: PostgreSQL', async () => {
    const cluster = await shared.cluster();
    const url = await cluster.database();
    await goesBack(
      { DATABASE_URL: url },
      async (_house, names) => {
        const client = new Client({ connectionString: url });
        await client.connect();
        const made = { expand: expand(POSTGRES.length), contract: contract(POSTGRES.length) };
        await client.query('begin');
        await migratePostgres(client, 'command', [...POSTGRES, ...names.map((name) => made[name])]);
        await client.query('commit');
        await client.end();
      },
      async ({ dataDir }) =>
        expect(await verified(dataDir, undefined, { DATABASE_URL: url })).toMatchObject({ verdict: 'intact' }),
    );
    await cluster.recycle(url);
  });
});
