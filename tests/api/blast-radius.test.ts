import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startHarness, verified, type Harness, type Person } from '../support/server.ts';

const GUARD = '/api/guards/blast-radius';

let house: Harness;
let auditor: Person;
let commander: Person;
let second: Person;
beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed(['b1', 'b2', 'b3', 'b4'].map((id) => ({ id, sessions: [] })));
  [auditor, commander, second] = await Promise.all([
    house.person('AUDITOR'),
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
  ]);
  const playbook = byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]);
  expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterAll(() => house.stop());

const set = (perHour: number, headers: Record<string, string> = {}) =>
  house.admin.api('PUT', GUARD, { limits: [{ actionType: 'ACCOUNT_SUSPEND', perHour }] }, headers);
async function run(userId: string) {
  const body = { playbookId: 'suspends', userId };
  const { executionId } = (await commander.api('POST', `${BASE}/executions/trigger`, body)).body.data;
  return { executionId, ...(await house.settled(executionId)) };
}

describe('the limits of action types by the hour', () => {
  it('are in force before anybody has set any, for what contains, and everybody may see them', async () => {
    const { status, body, headers } = await auditor.api('GET', GUARD);
    expect([status, headers.get('etag')]).toEqual([200, '"0"']);
    expect(body.data).toMatchObject({ id: 'blast-radius', version: 0, savedBy: null });
    expect(body.data.limits).toContainEqual({ actionType: 'ACCOUNT_SUSPEND', perHour: 500 });
  });

  it('are set as a whole by people who may, each time as a new version on record', async () => {
    for (const each of [auditor, commander, await house.service('SECURITY_ADMIN')])
      expect(await each.api('PUT', GUARD, { limits: [] })).toMatchObject({ status: 403 });
    const first = await set(1, { 'if-match': '"0"' });
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"']);
    expect(await set(1, { 'if-match': '"0"' })).toMatchObject({ status: 412 });
    const wrong = await house.admin.api('PUT', GUARD, { limits: [{ actionType: 'X', perHour: 1 }] });
    expect([wrong.status, wrong.body.code, wrong.body.errors?.[0]?.pointer]).toEqual([
      422,
      'invalid_guard',
      '/limits/0/actionType',
    ]);
  });

  it('let an hour do so much, and then a person is asked before the first call', async () => {
    expect(await run('b1')).toMatchObject({ status: 'COMPLETED' });
    const asked = await run('b2');
    expect(asked).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await house.sandboxUser('b2')).toMatchObject({ suspended: null });
    const { body } = await auditor.api('GET', `${BASE}/approvals?executionId=${asked.executionId}`);
    expect(body.data[0]).toMatchObject({ requiredApprovers: 1, purpose: 'blast_radius' });
    const vote = await second.api('POST', `${BASE}/approvals/${body.data[0].id}/approve`, {});
    expect(vote.status).toBe(200);
    expect(await house.settled(asked.executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await house.sandboxUser('b2')).toMatchObject({ suspended: expect.anything() });
  });

  it('count what was done before a restart, and what a person allowed', async () => {
    await house.restart();
    expect((await set(2)).status).toBe(200);
    expect(await run('b3')).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect((await set(3)).status).toBe(200);
    expect(await run('b4')).toMatchObject({ status: 'COMPLETED' });
  });

  it('stand on records that a changed row does not agree with', async () => {
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
    const forged = house
      .database()
      .prepare(`update views set body = '{"entries":[],"version":3}' where kind = 'limiter'`);
    expect(forged.run().changes).toBe(1);
    expect(await verified(house.dataDir)).toMatchObject({
      intact: false,
      firstBad: { stream: 'limiter/ACCOUNT_SUSPEND' },
    });
  });
});
