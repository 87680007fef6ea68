import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { type Api, type Harness, startHarness, verified } from '../support/server.ts';

const HOUR_MS = 3_600_000;

let house: Harness;
let api: Api;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
});
afterAll(() => house.stop());

let alerts = 0;
/** Sends an alert and gives the newest incident about its subject. */
async function alerted(subject: string, hoursAgo = 0, severity = 'HIGH') {
  alerts += 1;
  const time = new Date(Date.now() - hoursAgo * HOUR_MS).toISOString();
  const event = { id: `alert-${alerts}`, kind: 'alert', action: 'edr.alert', subject, severity, time };
  const { status, body } = await api('POST', '/api/events', event);
  expect([status, body.data?.accepted]).toEqual([200, 1]);
  return (await api('GET', `/api/incidents?userId=${subject}`)).body.data[0];
}
const set = (id: string, change: object) => api('PATCH', `/api/incidents/${id}`, change);

describe('the state of an incident', () => {
  it('moves on by people, each step with its time, and closes with a reason', async () => {
    const { _id } = await alerted('anna');
    for (const [status, member] of [
      ['ACKNOWLEDGED', 'acknowledgedAt'],
      ['TRIAGED', 'triagedAt'],
      ['CONTAINED', 'containedAt'],
    ] as const) {
      const { status: code, body } = await set(_id, { status });
      expect([code, body.data[member]]).toEqual([200, expect.any(String)]);
    }
    expect((await set(_id, { status: 'RESOLVED' })).status).toBe(400);
    const closed = await set(_id, { status: 'RESOLVED', reason: 'password changed' });
    expect(closed.body.data).toMatchObject({ status: 'RESOLVED', reason: 'password changed' });
    expect((await set(_id, { status: 'FALSE_POSITIVE', reason: 'no' })).status).toBe(409);
  });

  it('is not a false positive without a reason', async () => {
    const { _id } = await alerted('bela');
    const before = house.counts();
    for (const reason of [undefined, '', '   ']) {
      const { status, body } = await set(_id, { status: 'FALSE_POSITIVE', reason });
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/reason']);
    }
    expect(house.counts()).toEqual(before);
    expect((await set(_id, { status: 'FALSE_POSITIVE', reason: 'a drill' })).body.data.status).toBe('FALSE_POSITIVE');
  });

  it('counts false positives among the closed incidents of a playbook', async () => {
    await api('POST', BASE, byHand('counted', [NOTIFY]));
    const run = await api('POST', `${BASE}/executions/trigger`, { playbookId: 'counted', userId: 'carla' });
    const { incidentId } = await house.settled(run.body.data._id);
    await set(incidentId, { status: 'FALSE_POSITIVE', reason: 'a drill' });
    const { body } = await api('GET', `${BASE}/metrics?playbookId=counted`);
    expect(body.data.total.falsePositiveRate).toEqual({ value: 1, of: 1 });
  });

  it('refuses what is no status, and unknown incidents', async () => {
    const { _id } = await alerted('david');
    expect((await set(_id, { status: 'OPEN' })).status).toBe(400);
    expect((await set('inc_unknown', { status: 'TRIAGED' })).status).toBe(404);
  });
});

describe('correlation', () => {
  it('joins alerts about one subject within the window, and raises the severity', async () => {
    const first = await alerted('elif', 2, 'LOW');
    const second = await alerted('Elif', 0, 'CRITICAL');
    expect(second._id).toBe(first._id);
    expect(second).toMatchObject({ severity: 'CRITICAL', findings: [{}, {}] });
  });

  it('opens another one beyond the window; the old one stays a thing that people can work on', async () => {
    const old = await alerted('farid', 40);
    const young = await alerted('farid', 1);
    expect(young._id).not.toBe(old._id);
    const acknowledged = await set(old._id, { status: 'ACKNOWLEDGED' });
    expect([acknowledged.status, acknowledged.body.data?.status]).toEqual([200, 'OPEN']);
    expect((await alerted('farid'))._id).toBe(young._id);
    expect((await set(old._id, { status: 'RESOLVED', reason: 'old' })).status).toBe(200);
    expect((await alerted('farid'))._id).toBe(young._id);
  });

  it('opens another one after the first was closed', async () => {
    const first = await alerted('greta');
    await set(first._id, { status: 'RESOLVED', reason: 'done' });
    expect((await alerted('greta'))._id).not.toBe(first._id);
  });
});

describe('the list', () => {
  it('filters by what it accepts', async () => {
    await alerted('hugo', 0, 'CRITICAL');
    const total = async (query: string) => (await api('GET', `/api/incidents?userId=hugo&${query}`)).body.total;
    for (const query of ['', 'riskLevel=CRITICAL', 'severity=CRITICAL', 'status=OPEN', 'type=CUSTOM'])
      expect([query, await total(query)]).toEqual([query, 1]);
    for (const query of ['riskLevel=LOW', 'status=RESOLVED', 'type=RUNBOOK'])
      expect([query, await total(query)]).toEqual([query, 0]);
    const { body } = await api('GET', '/api/incidents?limit=1&skip=1');
    expect(body).toMatchObject({ count: 1, limit: 1, skip: 1, total: expect.any(Number) });
  });
});

describe('the same event', () => {
  it('counts once, whether its format was named or told by its shape', async () => {
    const event = { id: 'once', kind: 'login', subject: 'ines', time: new Date().toISOString(), outcome: 'success' };
    const send = async (query: string) => (await api('POST', `/api/events${query}`, event)).body.data;
    expect(await send('')).toMatchObject({ accepted: 1, duplicate: 0 });
    expect(await send('?format=firebreak')).toMatchObject({ accepted: 0, duplicate: 1 });
    expect(await send('?source=other:instance')).toMatchObject({ accepted: 1, duplicate: 0 });
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
