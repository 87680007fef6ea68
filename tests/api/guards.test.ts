import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

const GUARD = '/api/guards/protected-identities';
const CFO = { id: 'Anna', reason: 'approves payments' };

let house: Harness;
let auditor: Person;
let commander: Person;
let second: Person;
beforeAll(async () => {
  house = await startHarness();
  [auditor, commander, second] = await Promise.all([
    house.person('AUDITOR'),
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
  ]);
  await house.admin.api('POST', BASE, byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]));
});
afterAll(() => house.stop());

const set = (identities: readonly object[], headers: Record<string, string> = {}) =>
  house.admin.api('PUT', GUARD, { identities }, headers);
const trigger = async (userId: string, more: object = {}) => {
  const body = { playbookId: 'suspends', userId, ...more };
  return (await commander.api('POST', `${BASE}/executions/trigger`, body)).body.data;
};

describe('protected identities', () => {
  it('are nobody at first, and everybody who looks at incidents may see them', async () => {
    const { status, body, headers } = await auditor.api('GET', GUARD);
    expect([status, headers.get('etag')]).toEqual([200, '"0"']);
    expect(body.data).toMatchObject({ id: 'protected-identities', identities: [], version: 0, savedBy: null });
    const { executionId } = await trigger('bela');
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  });

  it('are set as a whole, each time as a new version on record', async () => {
    const first = await set([CFO], { 'if-match': '"0"' });
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"']);
    expect(first.body.data).toMatchObject({ identities: [{ id: 'anna' }], version: 1, savedBy: house.admin.id });
    expect(await set([], { 'if-match': '"0"' })).toMatchObject({ status: 412 });
    const sent = Array.from({ length: 6 }, (_, index) => set([CFO, { id: `x${index}`, reason: 'r' }]));
    const versions = (await Promise.all(sent)).map(({ body }) => body.data.version).sort((a, b) => a - b);
    expect(versions).toEqual([2, 3, 4, 5, 6, 7]);
    expect((await set([CFO])).body.data.version).toBe(8);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('are contained by nothing without a person, and a dry run says so', async () => {
    const plan = await trigger('anna', { dryRun: true });
    expect(plan.stages[0].actions[0].approval).toMatchObject({ gates: ['playbook/protected-identity'] });
    const { executionId } = await trigger('anna');
    expect(await house.settled(executionId)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await house.sandboxUser('anna')).toMatchObject({ suspended: null });
    const { body } = await auditor.api('GET', `${BASE}/approvals?executionId=${executionId}`);
    const vote = await second.api('POST', `${BASE}/approvals/${body.data[0].id}/approve`, {});
    expect(vote.status).toBe(200);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await house.sandboxUser('anna')).toMatchObject({ suspended: expect.anything() });
  });

  it('hold after a restart, and for others nothing has changed', async () => {
    await house.restart();
    expect((await auditor.api('GET', GUARD)).body.data.identities).toMatchObject([{ id: 'anna' }]);
    const plan = await trigger('anna', { dryRun: true });
    expect(plan.stages[0].actions[0].approval).not.toBeNull();
    expect((await trigger('carla', { dryRun: true })).stages[0].actions[0].approval).toBeNull();
  });

  it('are set by people who may, and what is not valid is named and changes nothing', async () => {
    const service = await house.service('SECURITY_ADMIN');
    for (const each of [auditor, commander, service])
      expect(await each.api('PUT', GUARD, { identities: [] })).toMatchObject({ status: 403 });
    expect(await house.anonymous('PUT', GUARD, { identities: [] })).toMatchObject({ status: 401 });
    const wrong = await set([{ id: '', reason: 'r' }]);
    expect([wrong.status, wrong.body.code, wrong.body.errors?.[0]?.pointer]).toEqual([
      422,
      'invalid_guard',
      '/identities/0/id',
    ]);
    expect((await auditor.api('GET', GUARD)).body.data.version).toBe(8);
  });
});
