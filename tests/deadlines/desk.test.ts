import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import type { Clock } from '../../src/pipeline/deadlines/clock.ts';
import { openDeadlines } from '../../src/start/deadlines.ts';
import { steeredClock, type SteeredClock } from '../../src/platform/clock.ts';
import { realMachine } from '../../src/platform/machine.ts';

/** What runbooks ask of the regulatory desk, and the reminders of two processes over one journal. */

const folder = mkdtempSync(join(tmpdir(), 'firebreak-desk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Monday. */
const START = Date.UTC(2026, 5, 1, 8);
const HOUR = 3_600_000;
const ORIGIN = { executionId: 'exe_1', actionId: 'notify' };
const ASKED = { origin: ORIGIN, regimes: [], deadlineHours: null, channels: ['ENCRYPTED_EMAIL'] };

let journal: Journal;
let clock: SteeredClock;
let files = 0;

beforeEach(async () => {
  files += 1;
  const file = join(folder, `${files}.sqlite`);
  journal = openSqliteJournal({ file, birth: { id: `jrn_${files}`, at: START, accelerated: false } });
  clock = steeredClock(START + HOUR);
  const row = (id: string, incidentId: string) => ({
    kind: 'execution' as const,
    id,
    expectedVersion: null,
    at: START,
    body: { incidentId, startedAt: START },
  });
  await journal.commit([{ appends: [], views: [row('exe_1', 'inc_1'), row('exe_2', 'inc_1')] }]);
});

function room(onStarted: string[] = [], onError = rethrow) {
  let made = 0;
  return openDeadlines({
    journal,
    committer: groupCommitter(journal, realMachine),
    ids: { next: (prefix) => `${prefix}_${(made += 1)}` },
    clock,
    tell: () => undefined,
    onStarted: ({ id }) => Promise.resolve(void onStarted.push(id)),
    onError,
  });
}

function rethrow(thrown: unknown): void {
  throw thrown;
}

async function clocksOf(ids: readonly string[]): Promise<Record<string, Clock>> {
  const clocks = await Promise.all(
    ids.map(async (id) => (await journal.view('deadline', id))?.body as unknown as Clock),
  );
  return Object.fromEntries(clocks.map((each) => [each.basis.rule.id, each]));
}

describe('the desk', () => {
  it('starts what the tags name, the internal clock beside it, and what waits for people', async () => {
    const started: string[] = [];
    const { desk } = room(started);
    expect(await desk.find('k1')).toBeNull();
    const request = { ...ASKED, key: 'k1', regimes: ['GDPR', 'SEC', 'nis-2', 'ISO 27001'], deadlineHours: 72 };
    const { deadlineIds } = await desk.start(request);
    expect(started).toEqual(deadlineIds);
    const clocks = await clocksOf(deadlineIds);
    expect(Object.keys(clocks)).toEqual(['gdpr-33', 'nis2', 'sec-8k-105', 'runbook-72h']);
    expect(clocks['gdpr-33']?.events).toMatchObject([{ kind: 'aware', at: START, evidence: ['exe_1'] }]);
    expect(clocks['sec-8k-105']?.events).toEqual([]);
    expect(clocks['runbook-72h']).toMatchObject({ incidentId: 'inc_1', executionId: 'exe_1', startedBy: 'engine' });
    const [asked] = await journal.streams('deadline-request/');
    const [record] = await journal.readStream(asked ?? '');
    expect(record?.record.data).toMatchObject({ unknown: ['ISO 27001'], deadlineIds: [...deadlineIds] });
    expect(record?.record.data['left']).toContainEqual({ ruleId: 'eu-digital-omnibus', reason: 'The rule is off.' });
    expect(await journal.view('breach', 'inc_1')).not.toBeNull();
  });

  it('does what is asked under the same key once, also at the same time, and finds it', async () => {
    const started: string[] = [];
    const { desk } = room(started);
    const request = { ...ASKED, key: 'k1', regimes: ['GDPR'], deadlineHours: 72 };
    const [first, second] = await Promise.all([desk.start(request), room(started).desk.start(request)]);
    expect(second).toEqual(first);
    expect(await desk.start(request)).toEqual(first);
    expect(await desk.find('k1')).toEqual(first);
    expect(await journal.streams('deadline/')).toHaveLength(2);
    expect(started).toHaveLength(2);
  });

  it('takes the clocks that run for the incident already', async () => {
    const { desk } = room();
    const first = await desk.start({ ...ASKED, key: 'k1', regimes: ['GDPR'] });
    const other = { ...ASKED, key: 'k2', origin: { ...ORIGIN, executionId: 'exe_2' }, regimes: ['GDPR', 'DORA'] };
    const second = await desk.start(other);
    expect(second.deadlineIds[0]).toBe(first.deadlineIds[0]);
    expect(second.deadlineIds).toHaveLength(2);
  });

  it("starts the organisation's own regimes where a runbook names none, and leaves out what does not apply", async () => {
    const { desk, services } = room();
    const own = { answers: { card_data: 'yes', hipaa_entity: 'yes', eu_personal_data: 'no' } };
    const principal = { userId: 'usr_1' };
    const ctx = { principal, now: START, traceId: '0'.repeat(32), correlationId: 'x', idempotencyKey: null };
    // The service asks no more of a principal than its id.
    await services.deadlineRules.setSettings(ctx as never, { definition: own, ifMatch: null });
    const clocks = await clocksOf((await desk.start({ ...ASKED, key: 'k1' })).deadlineIds);
    expect(Object.keys(clocks).sort()).toEqual(['hipaa-individuals', 'pci-dss']);
    expect((await desk.start({ ...ASKED, key: 'k2', regimes: ['GDPR'] })).deadlineIds).toEqual([]);
  });

  it('refuses an execution that there is not', async () => {
    const request = { ...ASKED, key: 'k1', origin: { ...ORIGIN, executionId: 'exe_none' } };
    await expect(room().desk.start(request)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('reminders of two processes', () => {
  it('are recorded once, whoever looks first, and the timer goes on to the next', async () => {
    const [left, right] = [room(), room()];
    const { deadlineIds } = await left.desk.start({ ...ASKED, key: 'k1', deadlineHours: 10 });
    const stream = `deadline/${deadlineIds[0]}`;
    const typesOf = async () =>
      (await journal.readStream(stream)).map(({ record }) => record.data['mark'] ?? record.type);
    expect(await journal.nextTimerDue()).toBe(START + 5 * HOUR);
    clock.advanceTo(START + 5 * HOUR);
    await Promise.all([left.reminding.tick(), right.reminding.tick()]);
    expect(await typesOf()).toEqual(['deadline.started', 500]);
    // Nobody looked while three quarters and nine tenths passed: the last of them is told, then the end.
    clock.advanceTo(START + 9.5 * HOUR);
    await Promise.all([right.reminding.tick(), left.reminding.tick()]);
    clock.advanceTo(START + 20 * HOUR);
    await Promise.all([left.reminding.tick(), right.reminding.tick(), left.reminding.tick()]);
    expect(await typesOf()).toEqual(['deadline.started', 500, 900, 1_000]);
    expect(await journal.nextTimerDue()).toBeNull();
    expect((await journal.queuedEffects()).filter(({ execution }) => execution === stream)).toHaveLength(4);
  });

  it('go on beside a clock that cannot be counted, which is tried again later', async () => {
    const errors: unknown[] = [];
    const { desk, reminding } = room([], (thrown) => void errors.push(thrown));
    const broken = (await desk.start({ ...ASKED, key: 'k1', deadlineHours: 10 })).deadlineIds[0] ?? '';
    const other = { ...ASKED, key: 'k2', origin: { ...ORIGIN, executionId: 'exe_3' }, deadlineHours: 10 };
    const row = { kind: 'execution' as const, id: 'exe_3', expectedVersion: null, at: START };
    await journal.commit([{ appends: [], views: [{ ...row, body: { incidentId: 'inc_3', startedAt: START } }] }]);
    const sound = (await desk.start(other)).deadlineIds[0] ?? '';
    const spoilt = { kind: 'deadline' as const, id: broken, expectedVersion: null, at: START, body: { version: 1 } };
    await journal.commit([{ appends: [], views: [spoilt] }]);
    clock.advanceTo(START + 5 * HOUR);
    expect(await reminding.tick()).toBe(2);
    expect((await journal.readStream(`deadline/${sound}`)).at(-1)?.record.type).toBe('deadline.reminded');
    expect(errors).toHaveLength(1);
    // It has left its place at the head, and comes back.
    expect(await reminding.tick()).toBe(0);
    clock.advanceTo(START + 5 * HOUR + 30_000);
    expect(await reminding.tick()).toBe(1);
    expect(errors).toHaveLength(2);
  });
});
