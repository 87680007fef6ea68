import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditExportCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { journalCopyCommand } from '../../src/cli/journal-copy.ts';
import { migrateCommand } from '../../src/cli/migrate.ts';
import { openSqliteFile } from '../../src/cli/open-journal.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { VIEW_KINDS, type Journal } from '../../src/journal/journal.ts';
import { openPostgresSnapshot } from '../../src/journal/postgres/snapshot.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { append } from '../support/journal-conformance.ts';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { openOn } from '../support/postgres-place.ts';
import { sharedCluster } from '../support/postgres.ts';
import { startHarness, testIo, type Harness } from '../support/server.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

/** Everything of a journal that the port shows. */
async function contents(journal: Journal): Promise<Record<string, unknown>> {
  const streams = await journal.streams();
  const records: unknown[] = [];
  for (const stream of streams) records.push(await journal.log.recordRows(stream));
  const views: unknown[] = [];
  for (const kind of VIEW_KINDS) views.push(await journal.listViews({ kind, limit: 1_000, skip: 0 }));
  const size = await journal.log.size();
  const waiting = await journal.log.unsequenced(1_000);
  return {
    id: journal.id,
    streams,
    records,
    views,
    leaves: await journal.log.leaves(0, size),
    hashes: await journal.log.leafHashes(0, size),
    checkpoints: await journal.log.checkpoints(),
    unsequenced: waiting.map(({ stream, seq }) => `${stream} ${seq}`).sort(),
    events: (await journal.listEvents({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1_000 })).map(
      ({ event, raw }) => ({
        event,
        raw: Buffer.from(raw).toString('hex'),
      }),
    ),
    timers: await journal.dueTimers(Number.MAX_SAFE_INTEGER, 1_000),
    effects: await journal.queuedEffects(),
  };
}

describe.skipIf(shared.skip !== null)('firebreak journal copy', { timeout: 120_000 }, () => {
  let house: Harness;
  let url: string;
  let execution: string;
  beforeEach(async () => {
    url = await (await shared.cluster()).database();
    house = await startHarness();
    await house.admin.api('POST', BASE, byHand('notify', [NOTIFY]));
    const triggered = await house.admin.api('POST', `${BASE}/executions/trigger`, {
      playbookId: 'notify',
      userId: 'anna',
    });
    execution = triggered.body.data._id;
    await house.settled(execution);
    const events = ['a', 'b', 'c'].map((id) => ({
      id,
      time: new Date().toISOString(),
      kind: 'login',
      actor: 'anna',
      outcome: 'failure',
      ip: '81.2.69.142',
    }));
    expect((await house.admin.api('POST', '/api/events', events)).status).toBeLessThan(300);
  });
  afterEach(async () => {
    await house.stop();
    await (await shared.cluster()).recycle(url);
  });
  const copy = (io = testIo()) =>
    journalCopyCommand({ from: `sqlite:${house.dataDir}`, to: `postgres:${url}`, json: true }, io);
  const onDatabase = () => testIo({ DATABASE_URL: url });

  it('keeps every row and hash, ends the file with a last record, and goes on in the database', async () => {
    await house.halt();
    const io = testIo();
    expect(await copy(io)).toBe(0);
    const counts: Record<string, number> = JSON.parse(io.said());
    const source = openSqliteFile(house.dataDir);
    const target = await openPostgresSnapshot(url);
    const before = await contents(source);
    expect(await contents(target)).toEqual(before);
    expect(counts).toMatchObject({ events: 3, streams: (await source.streams()).length });
    expect((await source.readStream('config')).at(-1)?.record.type).toBe('journal.sealed');
    await source.close();
    await target.close();

    expect(() =>
      openSqliteJournal({ file: join(house.dataDir, 'journal.sqlite'), birth: { id: 'x', at: 0, accelerated: false } }),
    ).toThrow('was copied to PostgreSQL');
    const goesOn = await openOn(url);
    expect(await goesOn.commit([append('new', 0, Date.now())])).toMatchObject([{ status: 'applied' }]);
    await goesOn.close();
  });

  it('leaves a journal that audit verify, audit export and replay read with DATABASE_URL', async () => {
    await house.halt();
    await copy();
    const data = house.dataDir;
    const verifying = onDatabase();
    expect(await auditVerifyCommand({ data, json: true }, verifying)).toBe(0);
    expect(JSON.parse(verifying.said())).toMatchObject({ verdict: 'intact' });
    const directory = join(data, 'export');
    expect(await auditExportCommand({ directory, data }, onDatabase())).toBe(0);
    expect(await auditVerifyCommand({ directory, json: true }, testIo())).toBe(0);
    expect(await replayCommand({ execution, data, json: true }, onDatabase())).toBe(0);
    expect(await migrateCommand({ data, json: true }, onDatabase())).toBe(0);
  });

  it('is refused while a server has the file, and leaves no trace', async () => {
    await expect(copy()).rejects.toMatchObject({ code: 'conflict' });
    await expect(openPostgresSnapshot(url)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is refused for a database that is used or holds another journal', async () => {
    await house.halt();
    const living = await openOn(url);
    await expect(copy()).rejects.toThrow('processes use that database');
    await living.close();
    await expect(copy()).rejects.toThrow('holds another journal');
    expect((await openSqliteFile(house.dataDir).readStream('config')).at(-1)?.record.type).not.toBe('journal.sealed');
  });

  it('does not count when the copy does not verify, and the source stays what it was', async () => {
    await house.halt();
    house.database().exec(`drop trigger records_are_immutable;
      update records set bytes = replace(bytes, 'action.prepared', 'action.Prepared') where bytes like '%action.prepared%'`);
    await expect(copy()).rejects.toThrow('does not verify');
    await expect(openPostgresSnapshot(url)).rejects.toMatchObject({ code: 'not_found' });
    expect((await openSqliteFile(house.dataDir).readStream('config')).at(-1)?.record.type).not.toBe('journal.sealed');
  });

  it('can be run again after it failed behind the sealing', async () => {
    await house.halt();
    await copy();
    // As if the database had been lost in the moment of the commit: the file is sealed, and there is no copy.
    const other = await (await shared.cluster()).database();
    await journalCopyCommand({ from: `sqlite:${house.dataDir}`, to: `postgres:${other}`, json: true }, testIo());
    const [first, second] = [await openPostgresSnapshot(url), await openPostgresSnapshot(other)];
    expect(await contents(second)).toEqual(await contents(first));
    await first.close();
    await second.close();
  });
});
