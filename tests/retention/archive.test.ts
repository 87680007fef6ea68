import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { removeArchived } from '../../src/archive/remove.ts';
import { readArchive } from '../../src/archive/write.ts';
import { archiveCommand, timeBefore } from '../../src/cli/archive.ts';
import { auditExportCommand, auditVerifyCommand, ownKeys } from '../../src/cli/audit.ts';
import { openSqliteFile } from '../../src/cli/open-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { steeredClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startServer } from '../../src/server.ts';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { hasPython, secondAnswers } from '../support/second-verifier.ts';
import { apiAt, openJournalFile, startHarness, testIo, until, type Api, type Harness } from '../support/server.ts';

const DAY_MS = 24 * 3_600_000;

/** A journal of a server that has stopped: one execution over, one waiting for people, some events. */
let house: Harness;
let ended: string;
let waiting: string;
/** A hundred days later. */
let later: number;
/** What tests change; a copy of the house's files. */
let data: string;
let out: string;

beforeAll(async () => {
  house = await startHarness();
  const { api } = house.admin;
  await api('POST', BASE, byHand('notify', [NOTIFY]));
  await api('POST', BASE, byHand('suspend', [SUSPEND_APPROVED]));
  const trigger = async (playbookId: string): Promise<string> =>
    (await api('POST', `${BASE}/executions/trigger`, { playbookId, userId: 'anna' })).body.data.executionId;
  ended = await trigger('notify');
  waiting = await trigger('suspend');
  expect((await house.settled(ended)).status).toBe('COMPLETED');
  expect((await house.settled(waiting)).status).toBe('AWAITING_APPROVAL');
  const now = (): string => new Date().toISOString();
  for (const eventId of ['e1', 'e2', 'e3']) {
    const event = { id: eventId, kind: 'login', outcome: 'success', subject: 'anna', ip: '81.2.69.142', time: now() };
    expect((await api('POST', '/api/events', event)).body.data?.accepted).toBe(1);
  }
}, 60_000);
afterAll(() => house.stop());

describe('while a server has the file', () => {
  it('nothing is archived', async () => {
    const run = archiveCommand(
      { before: '1d', out: join(tmpdir(), 'never'), data: house.dataDir, json: true },
      testIo(),
    );
    await expect(run).rejects.toThrow('another Firebreak process writes this data directory');
    await house.halt();
    later = Date.now() + 100 * DAY_MS;
  });
});

async function archive(
  before = '90d',
): Promise<{ archive: string | null; streams: number; events: number; kept: number }> {
  vi.useFakeTimers({ toFake: ['Date'], now: later });
  try {
    const io = testIo();
    expect(await archiveCommand({ before, out, data, json: true }, io)).toBe(0);
    return JSON.parse(io.said());
  } finally {
    vi.useRealTimers();
  }
}

async function verify(options: { data?: string; directory?: string; archive?: readonly string[] }) {
  const io = testIo();
  await auditVerifyCommand({ directory: undefined, ...options, json: true }, io);
  return JSON.parse(io.said());
}

function open(): Journal {
  return openSqliteJournal({ file: join(data, 'journal.sqlite'), birth: { id: 'unused', at: 0, accelerated: false } });
}

async function sign(journal: Journal): Promise<void> {
  const keeper = await openLogKeeper(journal, loadLogKey(join(data, 'log-key.pem')), steeredClock(later), []);
  await keeper.keep(true);
}

describe('what is old', { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-retention-'));
    data = join(folder, 'data');
    out = join(folder, 'archive');
    cpSync(house.dataDir, data, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('goes to an archive that verifies by itself, and the journal verifies without it and with it', async () => {
    const whole = await verify({ data });
    expect(whole).toMatchObject({ verdict: 'intact', archivedStreams: 0 });
    const { archive: hash, ...counts } = await archive();
    // One event stays: the newest one.
    expect(counts).toEqual({ streams: 1, events: 2, kept: 0 });
    const without = await verify({ data });
    expect(without).toMatchObject({ verdict: 'intact', archivedStreams: 1 });
    expect(without.counts.leaves).toBeGreaterThan(without.counts.records);
    const alone = await verify({ directory: out });
    expect(alone).toMatchObject({ verdict: 'intact', counts: { streams: 1 } });
    const joined = await verify({ data, archive: [out] });
    expect(joined).toMatchObject({ verdict: 'intact', archivedStreams: 0, counts: { unsequenced: 0 } });
    expect(joined.counts.records).toBe(joined.counts.leaves);
    expect(joined.counts.records).toBe(without.counts.records + alone.counts.records);
    const journal = openSqliteFile(data);
    expect(await journal.streams('execution/')).toEqual([`execution/${waiting}`]);
    expect((await journal.readStream('config')).at(-1)?.record).toMatchObject({
      type: 'journal.archived',
      data: { archive: hash, events: { count: 2 }, streams: [] },
    });
    await journal.close();
    // Again there is nothing left to do, with the same archive and with a new one.
    expect(await archive()).toEqual({ archive: hash, streams: 0, events: 0, kept: 0 });
    out = join(folder, 'second');
    expect(await archive()).toEqual({ archive: null, streams: 0, events: 0, kept: 0 });
    expect(readdirSync(folder).sort()).toEqual(['archive', 'data']);
  });

  it.skipIf(!hasPython)('is judged alike by the second verifier', async () => {
    await archive();
    const keys = join(out, 'keys.json');
    const cut = join(folder, 'cut');
    cpSync(out, cut, { recursive: true });
    writeFileSync(join(cut, 'records.ndjson'), readFileSync(join(out, 'records.ndjson'), 'utf8').replace(/^.*\n/, ''));
    const events = join(folder, 'events');
    cpSync(out, events, { recursive: true });
    appendFileSync(join(events, 'events.ndjson'), '\n');
    const broken = join(folder, 'broken');
    cpSync(data, broken, { recursive: true });
    removeByHand(broken, `execution/${waiting}`);
    const tasks = [{ export: out }, { export: cut }, { export: events }, { data, keys }, { data: broken, keys }];
    const answers = secondAnswers(tasks, join(folder, 'tasks'));
    const own = [
      await verify({ directory: out }),
      await verify({ directory: cut }),
      await verify({ directory: events }),
      await verify({ data }),
      await verify({ data: broken }),
    ];
    expect(answers.map(({ verdict }) => verdict)).toEqual(['intact', 'changed', 'changed', 'intact', 'changed']);
    for (const [index, { verdict, firstBad, coveredSize }] of own.entries())
      expect(answers[index]).toMatchObject({ verdict, firstBad, coveredSize });
  });

  it('is accounted for in an export of what is left, by both verifiers and by the script in the guide', async () => {
    await archive();
    const rest = join(folder, 'rest');
    expect(await auditExportCommand({ directory: rest, data }, testIo())).toBe(0);
    expect(await verify({ directory: rest })).toMatchObject({ verdict: 'intact', archivedStreams: 1 });
    expect(await verify({ directory: rest, archive: [out] })).toMatchObject({ verdict: 'intact', archivedStreams: 0 });
    await expect(verify({ directory: out, archive: [rest] })).resolves.toMatchObject({ verdict: 'intact' });
    await expect(verify({ directory: rest, archive: [rest] })).rejects.toThrow('is a whole export');
    if (!hasPython) return;
    expect(secondAnswers([{ export: rest }], join(folder, 'tasks'))).toMatchObject([{ verdict: 'intact' }]);
    for (const directory of [rest, out]) {
      const [, code = ''] = /```python\n([\s\S]*?)```/.exec(readFileSync(join(directory, 'VERIFY.md'), 'utf8')) ?? [];
      writeFileSync(join(directory, 'verify.py'), code);
      const run = spawnSync('python3', ['verify.py', 'checkpoint'], { cwd: directory, encoding: 'utf8' });
      expect(run).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('records fit the checkpoint; 0 are not'),
      });
      writeFileSync(
        join(directory, 'records.ndjson'),
        readFileSync(join(directory, 'records.ndjson'), 'utf8').split('\n').slice(0, -2).join('\n'),
      );
      expect(spawnSync('python3', ['verify.py', 'checkpoint'], { cwd: directory }).status).toBe(1);
    }
  });

  it('may not be missing without a signed record that names it, nor when that names something else', async () => {
    await archive();
    const journal = open();
    const head = await journal.streamHead(`execution/${waiting}`);
    const stream = { stream: `execution/${waiting}`, records: head?.seq ?? 0, hash: head?.hash ?? '' };
    const claim = async (leaf: string) => {
      const config = await journal.streamHead('config');
      const claimed = { archive: 'ab'.repeat(32), before: 1, by: 'x', events: null, streams: [{ ...stream, leaf }] };
      const record = { type: 'journal.archived', v: 1, at: later, data: claimed };
      await journal.commit([{ appends: [{ stream: 'config', expectedSeq: config?.seq ?? 0, records: [record] }] }]);
    };
    await claim('cd'.repeat(32));
    await sign(journal);
    removeByHand(data, stream.stream);
    expect(await verify({ data })).toMatchObject({ verdict: 'changed', firstBad: { stream: stream.stream, seq: 1 } });
    const last = (await journal.log.leaves(0, 10_000)).find(
      (leaf) => leaf.stream === stream.stream && leaf.seq === stream.records,
    );
    const [leaf = ''] = await journal.log.leafHashes(last?.position ?? 0, (last?.position ?? 0) + 1);
    await claim(leaf);
    // Nobody has signed this one yet.
    expect(await verify({ data })).toMatchObject({ verdict: 'changed', firstBad: { stream: stream.stream, seq: 1 } });
    await sign(journal);
    await journal.close();
    // Now the log itself says so; the row that is still shown gives it away.
    expect(await verify({ data })).toMatchObject({
      verdict: 'changed',
      problem: expect.stringContaining('cannot be folded'),
    });
  });

  it('leaves the journal whole or named wherever the removal stops, and a second run ends it', async () => {
    let stops = 0;
    for (let limit = 0; ; limit += 1) {
      rmSync(data, { recursive: true });
      rmSync(out, { recursive: true, force: true });
      cpSync(house.dataDir, data, { recursive: true });
      const calls = { left: limit };
      if (!(await stopped(calls))) break;
      stops += 1;
      expect(await verify({ data }), `stopped at ${limit}`).toMatchObject({ verdict: 'intact' });
      expect(await verify({ data, archive: (await named()) ? [out] : [] })).toMatchObject({ verdict: 'intact' });
      await archive();
      expect(await verify({ data, archive: [out] })).toMatchObject({ verdict: 'intact', archivedStreams: 0 });
      expect(await verify({ data })).toMatchObject({ verdict: 'intact', archivedStreams: 1 });
    }
    expect(stops).toBeGreaterThan(4);
  });

  /** Writes the archive and begins the removal, which ends at the given write. False when it came to its end. */
  async function stopped(calls: { left: number }): Promise<boolean> {
    const count = async <T>(work: () => Promise<T>): Promise<T> => {
      if (calls.left === 0) throw new Error('stopped here');
      calls.left -= 1;
      return work();
    };
    await write();
    const journal = open();
    const { retention, log } = journal;
    const watched: Journal = {
      ...journal,
      commit: (changes) => count(() => journal.commit(changes)),
      retention: {
        oldEvents: (query) => retention.oldEvents(query),
        removeStreams: (streams) => count(() => retention.removeStreams(streams)),
        removeEvents: (keys) => count(() => retention.removeEvents(keys)),
      },
      log: {
        ...log,
        place: (size, leaves) => count(() => log.place(size, leaves)),
        addCheckpoint: (checkpoint) => count(() => log.addCheckpoint(checkpoint)),
      },
    };
    const keys = await ownKeys(data, journal, testIo());
    const read = await readArchive(out, journal, keys, later);
    try {
      const ports = { now: () => later, by: 'test', sealed: () => sign(watched) };
      await removeArchived(out, read, watched, ports);
      return false;
    } catch (thrown) {
      expect(String(thrown)).toContain('stopped here');
      return true;
    } finally {
      await journal.close();
    }
  }

  /** The archive alone: the whole command in a copy of the journal. */
  async function write(): Promise<void> {
    const copy = join(folder, 'copy');
    const real = data;
    rmSync(copy, { recursive: true, force: true });
    cpSync(data, copy, { recursive: true });
    data = copy;
    await archive();
    data = real;
  }

  async function named(): Promise<boolean> {
    const journal = openSqliteFile(data);
    const records = await journal.readStream('config');
    await journal.close();
    return records.some(({ record }) => record.type === 'journal.archived');
  }

  it('answers 410 with the name of the archive, is in no list, and what waited goes on', async () => {
    const { archive: hash } = await archive();
    const restarted = await serverOn(data);
    try {
      const { api } = restarted;
      const gone = await api('GET', `${BASE}/executions/${ended}`);
      expect(gone).toMatchObject({
        status: 410,
        body: { code: 'archived', detail: expect.stringContaining(`${hash}`) },
      });
      expect((await api('POST', `${BASE}/executions/${ended}/retry`, {})).status).toBe(410);
      const listed = await api('GET', `${BASE}/executions`);
      expect(listed.body.data.map((each: { executionId: string }) => each.executionId)).toEqual([waiting]);
      const cancelled = await api('POST', `${BASE}/executions/${waiting}/cancel`, {});
      expect(cancelled.status).toBe(200);
    } finally {
      await restarted.stop();
    }
    expect(await verify({ data, archive: [out] })).toMatchObject({ verdict: 'intact' });
  });
});

const shared = sharedCluster();
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('on PostgreSQL', { timeout: 60_000 }, () => {
  it('is archived while a server runs, which then answers 410', async () => {
    const cluster = await shared.cluster();
    const url = await cluster.database();
    const server = await startHarness({ env: { DATABASE_URL: url } });
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-retention-'));
    try {
      const { api } = server.admin;
      await api('POST', BASE, byHand('notify', [NOTIFY]));
      const body = { playbookId: 'notify', userId: 'anna' };
      const { executionId } = (await api('POST', `${BASE}/executions/trigger`, body)).body.data;
      expect((await server.settled(executionId)).status).toBe('COMPLETED');
      data = server.dataDir;
      out = join(folder, 'archive');
      const env = { DATABASE_URL: url };
      // The end is told to the incident, and then it is under a checkpoint.
      const told = await until('it is archived', async () => {
        const io = testIo(env);
        const before = new Date().toISOString();
        expect(await archiveCommand({ before, out, data, json: true }, io)).toBe(0);
        const answer = JSON.parse(io.said());
        return answer.archive === null ? null : answer;
      });
      expect(told).toMatchObject({ streams: 1, kept: 0 });
      expect((await api('GET', `${BASE}/executions/${executionId}`)).status).toBe(410);
      const io = testIo(env);
      await auditVerifyCommand({ directory: undefined, data, json: true }, io);
      expect(JSON.parse(io.said())).toMatchObject({ verdict: 'intact', archivedStreams: 1 });
      const joined = testIo(env);
      await auditVerifyCommand({ directory: undefined, data, archive: [out], json: true }, joined);
      expect(JSON.parse(joined.said())).toMatchObject({ verdict: 'intact', archivedStreams: 0 });
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
      await cluster.recycle(url);
    }
  });
});

describe('--before', () => {
  const now = Date.UTC(2026, 5, 1);

  it('is a time or a number of days', () => {
    expect(timeBefore('10d', now)).toBe(now - 10 * DAY_MS);
    expect(timeBefore('2026-05-01T00:00:00Z', now)).toBe(Date.UTC(2026, 4, 1));
    for (const text of ['', '0d', 'yesterday', '10', '-1d', '2027-01-01T00:00:00Z'])
      expect(() => timeBefore(text, now), text).toThrow('--before');
  });
});

/** A server without anything to act in, on a journal that is there. */
async function serverOn(directory: string): Promise<{ api: Api; stop(): Promise<void> }> {
  const { config } = readConfig({ DATA_DIR: directory, PORT: '0', LOG_LEVEL: 'silent' }, () => '');
  const log = createLog({ level: 'silent', destination: { write: () => true } });
  const server = await startServer(config, { version: 'test', log, sandbox: null, acceleratedFrom: null });
  return { api: apiAt(() => server.url, house.admin.key), stop: () => server.stop() };
}

/** Takes the records of a stream out as somebody with the file could, past all that stands in the way. */
function removeByHand(directory: string, stream: string): void {
  const database = openJournalFile(directory);
  database.exec('drop trigger records_are_kept');
  database.prepare('delete from records where stream = (select no from streams where name = ?)').run(stream);
  database.close();
}
