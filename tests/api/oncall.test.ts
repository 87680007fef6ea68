import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

const APPROVALS = `${BASE}/approvals`;
const SCHEDULES = '/api/oncall/schedules';
const HOUR_MS = 3_600_000;

let house: Harness;
let [first, second, legal, requester]: Person[] = [];
beforeAll(async () => {
  house = await startHarness();
  [first, second, legal, requester] = await Promise.all([
    house.person('IR_LEAD'),
    house.person('IR_LEAD'),
    house.person('LEGAL'),
    house.person('INCIDENT_COMMANDER'),
  ]);
});
afterAll(() => house.stop());

const layer = (...people: (string | undefined)[]) => ({ people, startsAt: '2026-01-05T09:00:00', rotationDays: 7 });
const set = (id: string, definition: object, by = house.admin) => by.api('PUT', `${SCHEDULES}/${id}`, definition);

/** A policy with one gate for one playbook, whose only action waits for it. */
async function asked(playbookId: string, userId: string, gate: object) {
  await house.admin.api('POST', BASE, byHand(playbookId, [{ ...SUSPEND, requiresApproval: false }]));
  const gates = [{ gateName: 'people', triggers: { playbookIds: [playbookId] }, ...gate }];
  const policy = { name: playbookId, scope: 'SPECIFIC_PLAYBOOKS', policyGates: gates };
  const saved = await house.admin.api('POST', `${BASE}/policies`, policy);
  expect(saved.status).toBe(201);
  const run = await requester?.api('POST', `${BASE}/executions/trigger`, { playbookId, userId });
  const { executionId } = run?.body.data ?? {};
  await house.settled(executionId);
  const { body } = await house.admin.api('GET', `${APPROVALS}?executionId=${executionId}`);
  const { id } = body.data[0];
  const show = async () => (await house.admin.api('GET', `${APPROVALS}/${id}`)).body.data;
  const vote = async (person: Person | undefined, verb = 'approve') => {
    const reply = await person?.api('POST', `${APPROVALS}/${id}/${verb}`, {});
    return [reply?.status, reply?.body.detail ?? reply?.body.data.status];
  };
  return { warnings: saved.body.warnings ?? [], show, vote };
}

describe('schedules', () => {
  it('are set as a whole, version by version, and say who is on call at a time', async () => {
    const made = await set('weekly', { name: 'Weekly', layers: [layer(first?.id, second?.id)] });
    expect([made.status, made.body.data]).toMatchObject([200, { id: 'weekly', version: 1, timeZone: 'UTC' }]);
    const who = async (at: string) => (await house.admin.api('GET', `${SCHEDULES}/weekly/who?at=${at}`)).body.data;
    expect(await who('2026-01-05T09:00:00Z')).toMatchObject({ onCall: [first?.id], by: 'layer 1' });
    expect(await who('2026-01-12T09:00:00Z')).toMatchObject({ onCall: [second?.id] });
    expect(await who('2026-01-01T09:00:00Z')).toMatchObject({ onCall: [], by: null });
    const now = await house.admin.api('GET', `${SCHEDULES}/weekly/who`);
    expect([first?.id, second?.id]).toContain(now.body.data.onCall[0]);
    const stale = await house.admin.api(
      'PUT',
      `${SCHEDULES}/weekly`,
      { name: 'W', layers: [layer(first?.id)] },
      {
        'if-match': '"7"',
      },
    );
    expect(stale.status).toBe(412);
    const next = await set('weekly', { name: 'W', layers: [layer(first?.id, 'usr_nobody')] });
    expect(next.body.data.version).toBe(2);
    expect(next.body.warnings).toEqual([expect.stringContaining('/layers/0/people/1: usr_nobody is nobody')]);
    expect((await house.admin.api('GET', SCHEDULES)).body).toMatchObject({ total: 1 });
  });

  it('are refused where they say nothing, and to whoever may not write them', async () => {
    const bad = await set('weekly', { name: 'W', layers: [] });
    expect([bad.status, bad.body.code]).toEqual([422, 'invalid_schedule']);
    expect((await set('Not.An.Id', { name: 'W', layers: [layer('x')] })).status).toBe(422);
    expect((await set('weekly', { name: 'W', layers: [layer('x')] }, first)).status).toBe(403);
    expect((await house.anonymous('GET', SCHEDULES)).status).toBe(401);
    expect((await house.admin.api('GET', `${SCHEDULES}/none`)).status).toBe(404);
    expect((await house.admin.api('GET', `${SCHEDULES}/none/who`)).status).toBe(404);
    expect((await house.admin.api('GET', `${SCHEDULES}/weekly/who?at=noon`)).status).toBe(400);
  });
});

describe('a gate that names a schedule', () => {
  it('asks whoever is on call when it is asked, and goes on asking them after their shift', async () => {
    await set('primary', { name: 'Primary', layers: [layer(first?.id)] });
    const approvalRoles = [{ role: 'IR_LEAD', users: ['oncall:primary'] }];
    const { show, vote, warnings } = await asked('primary', 'anna', { approvalRoles });
    expect(warnings).toEqual([]);
    expect(await show()).toMatchObject({
      requirements: [{ roles: ['IR_LEAD'], users: { IR_LEAD: [first?.id] } }],
      onCall: { primary: [first?.id] },
    });
    await set('primary', { name: 'Primary', layers: [layer(second?.id)] });
    expect(await vote(second)).toEqual([403, expect.stringContaining('whom the gate names')]);
    expect(await vote(first)).toEqual([200, 'APPROVED']);
  });

  it('is escalated to whoever is on call then', async () => {
    const overrides = [
      { userId: legal?.id, from: new Date(Date.now() - HOUR_MS).toISOString(), until: '2099-01-01T00:00:00Z' },
    ];
    await set('later', { name: 'Later', layers: [layer(second?.id)], overrides });
    const { show, vote, warnings } = await asked('later', 'bela', {
      approvalRoles: [{ role: 'CISO' }],
      escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'ONCALL:later' }],
    });
    expect(warnings).toEqual([]);
    // Nobody has the role, so that it is escalated at once.
    await expect.poll(async () => (await show()).escalations, { timeout: 20_000 }).toHaveLength(1);
    expect(await show()).toMatchObject({ escalations: [{ onCall: { later: [legal?.id] } }] });
    expect(await vote(second)).toEqual([403, 'One of these roles is needed: CISO.']);
    expect(await vote(legal)).toEqual([200, 'APPROVED']);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('goes on to the next step where nobody is on call, and says so in the record and to the operators', async () => {
    const { show, vote, warnings } = await asked('nobody', 'carla', {
      approvalRoles: [{ role: 'IR_LEAD' }],
      approvalTimeoutMs: HOUR_MS,
      escalationPath: [
        { escalationLevel: 1, delayMs: 1_000, escalateTo: 'oncall:unknown' },
        { escalationLevel: 2, delayMs: HOUR_MS - 1, escalateTo: legal?.id },
      ],
    });
    expect(warnings).toEqual([expect.stringContaining('oncall:unknown names no on-call schedule here')]);
    await expect.poll(async () => (await show()).escalations, { timeout: 20_000 }).toHaveLength(2);
    expect((await show()).escalations).toMatchObject([
      { escalateTo: 'oncall:unknown', onCall: { unknown: [] } },
      { escalateTo: legal?.id },
    ]);
    await expect
      .poll(
        async () => {
          const { body } = await house.admin.api('GET', '/api/notifications?limit=50');
          return JSON.stringify(body.data);
        },
        { timeout: 20_000 },
      )
      .toContain('Nobody is on call by unknown.');
    expect(await vote(legal)).toEqual([200, 'APPROVED']);
  });
});
