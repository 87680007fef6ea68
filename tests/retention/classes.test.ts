import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { archiveCommand } from '../../src/cli/archive.ts';
import { auditVerifyCommand } from '../../src/cli/audit.ts';
import { openSqliteFile } from '../../src/cli/open-journal.ts';
import { retentionCommand } from '../../src/cli/retention.ts';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, testIo, verified, type Harness } from '../support/server.ts';

const DAY_MS = 24 * 3_600_000;
const TASKS = '/api/tasks';

/** A journal of a server that has stopped: executions over and waiting, tasks ended and open, what people were told of them, events. */
let house: Harness;
let later: number;
beforeAll(async () => {
  house = await startHarness();
  const { api } = house.admin;
  await api('POST', BASE, byHand('notify', [NOTIFY]));
  await api('POST', BASE, byHand('suspend', [SUSPEND_APPROVED]));
  for (const [playbookId, status] of [
    ['notify', 'COMPLETED'],
    ['suspend', 'AWAITING_APPROVAL'],
  ]) {
    const { body } = await api('POST', `${BASE}/executions/trigger`, { playbookId, userId: 'anna' });
    expect((await house.settled(body.data.executionId)).status).toBe(status);
  }
  const opened = async (): Promise<string> =>
    (await api('POST', TASKS, { title: 'Look at the mailbox', draft: '-', roles: ['SECURITY_ADMIN'] })).body.data.id;
  const finished = await opened();
  await opened();
  await api('POST', `${TASKS}/${finished}/claim`);
  expect((await api('POST', `${TASKS}/${finished}/finish`, { note: 'nothing there' })).status).toBe(200);
  for (const id of ['e1', 'e2', 'e3']) {
    const event = { id, kind: 'login', outcome: 'success', subject: 'anna', ip: '81.2.69.142' };
    await api('POST', '/api/events', { ...event, time: new Date().toISOString() });
  }
  await house.halt();
  later = Date.now() + 100 * DAY_MS;
}, 60_000);
afterAll(() => house.stop());

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-retention-'));
  data = join(folder, 'data');
  cpSync(house.dataDir, data, { recursive: true });
  vi.useFakeTimers({ toFake: ['Date'], now: later });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

async function archive(more: object, RETENTION_DAYS = '') {
  const io = testIo({ RETENTION_DAYS });
  expect(await archiveCommand({ out: join(folder, 'archive'), data, json: true, ...more }, io)).toBe(0);
  return JSON.parse(io.said());
}

async function past(RETENTION_DAYS: string) {
  const io = testIo({ RETENTION_DAYS });
  const code = await retentionCommand({ data, json: true }, io);
  const { classes } = JSON.parse(io.said()) as { classes: readonly { class: string; past: number }[] };
  return { code, past: Object.fromEntries(classes.map((each) => [each.class, each.past])) };
}

/** What is left, by the first part of its name. */
async function left(): Promise<Readonly<Record<string, number>>> {
  const journal = openSqliteFile(data);
  try {
    const counts: Record<string, number> = { events: await journal.eventCount() };
    for (const stream of await journal.streams()) {
      const [kind = ''] = stream.split('/');
      if (['execution', 'incident', 'notice', 'task'].includes(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  } finally {
    await journal.close();
  }
}

describe('what has a term of its own', () => {
  /** What is waiting, open, or the newest stays for ever; all else of a class is one, but for events and notices. */
  const WHOLE = { events: 3, execution: 2, incident: 2, notice: 4, task: 2 };

  it.each([
    ['events', { events: 1 }, { streams: 0, events: 2 }],
    ['incidents', { execution: 1 }, { streams: 1, events: 0 }],
    ['notices', { notice: 2 }, { streams: 2, events: 0 }],
    ['tasks', { task: 1 }, { streams: 1, events: 0 }],
  ])('%s go when it is over, and nothing else', async (name, less, gone) => {
    expect(await left()).toEqual(WHOLE);
    // The others have longer ones.
    const terms = `400,${name}=90`;
    const { code, past: counts } = await past(terms);
    expect([code, Object.values(counts).reduce((sum, count) => sum + count, 0)]).toEqual([
      2,
      gone.streams + gone.events,
    ]);
    expect(await archive({}, terms)).toMatchObject(gone);
    expect(await left()).toEqual({ ...WHOLE, ...less });
    expect(await past(terms)).toMatchObject({ code: 0 });
    expect(await verified(data)).toMatchObject({ verdict: 'intact' });
    const io = testIo();
    await auditVerifyCommand({ directory: join(folder, 'archive'), json: true }, io);
    expect(JSON.parse(io.said())).toMatchObject({ verdict: 'intact' });
  });

  it('goes class by class, each to an archive that can be thrown away by itself', async () => {
    const tasks = await archive({ class: ['tasks'], out: join(folder, 'tasks') }, '90');
    expect(tasks).toMatchObject({ streams: 1, events: 0 });
    const rest = await archive({ class: ['notices', 'incidents', 'events'], out: join(folder, 'rest') }, '90');
    expect(rest).toMatchObject({ streams: 3, events: 2 });
    expect(await left()).toEqual({ events: 1, execution: 1, incident: 2, notice: 2, task: 1 });
    rmSync(join(folder, 'tasks'), { recursive: true });
    expect(await verified(data)).toMatchObject({ verdict: 'intact' });
  });

  it('stays where nobody set a term, and a time that is given is for the classes that are named', async () => {
    expect(await past('')).toEqual({ code: 0, past: { events: 0, incidents: 0, notices: 0, tasks: 0 } });
    await expect(archive({})).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(archive({ class: ['tasks'] }, 'notices=90')).rejects.toThrow('no term is set for tasks');
    expect(await archive({ class: ['tasks'], before: '90d' }, '1')).toMatchObject({ streams: 1, events: 0 });
  });
});
