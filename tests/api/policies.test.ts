import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

const EVALUATE = `${BASE}/policies/evaluate`;
const QUESTION = { actionType: 'ACCOUNT_SUSPEND', riskLevel: 'HIGH', playbookId: 'suspends' };

let house: Harness;
let auditor: Person;
let seeds: string;
let conditional: string;
beforeAll(async () => {
  house = await startHarness();
  auditor = await house.person('AUDITOR');
  const create = async (policy: object): Promise<string> => {
    const reply = await house.admin.api('POST', `${BASE}/policies`, policy);
    expect(reply.status).toBe(201);
    return reply.body.data.id;
  };
  seeds = await create(POLICY);
  const gate = {
    gateName: 'about-anna',
    approvalRoles: [{ role: 'CISO' }],
    triggers: { actionTypes: ['ACCOUNT_SUSPEND'], condition: 'incident.subject.id == "anna"' },
  };
  conditional = await create({ name: 'Anna', scope: 'ACTION_TYPE_BASED', policyGates: [gate] });
  await house.admin.api('POST', BASE, byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]));
});
afterAll(() => house.stop());

const why = (policyId: string, applies: boolean, reason: string): object =>
  expect.objectContaining({ policyId, version: 1, applies, why: reason });

describe('what policies would ask', () => {
  it('is told to everybody who may read them, with the reason of every gate', async () => {
    const { status, body } = await auditor.api('POST', EVALUATE, { ...QUESTION, riskLevel: 'CRITICAL' });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ needsApproval: true, floor: null, reversibility: 'undo' });
    expect(body.data.gates).toHaveLength(2);
    expect(body.data.gates).toContainEqual(why(seeds, true, 'all triggers fit'));
    expect(body.data.gates).toContainEqual(why(conditional, true, 'the condition cannot be decided'));
    expect(body.data.approval).toMatchObject({ timeoutMs: 3_600_000, requiredApprovers: 3 });
    expect(await house.anonymous('POST', EVALUATE, QUESTION)).toMatchObject({ status: 401 });
  });

  it('is what an execution for the same incident is asked', async () => {
    for (const [userId, applies] of [
      ['anna', true],
      ['carla', false],
    ] as const) {
      const run = await house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'suspends', userId });
      const { executionId, incidentId } = run.body.data;
      const { status } = await house.settled(executionId);
      expect(status).toBe(applies ? 'AWAITING_APPROVAL' : 'COMPLETED');
      const { body } = await auditor.api('POST', EVALUATE, { ...QUESTION, incidentId });
      expect(body.data.needsApproval).toBe(applies);
      const reason = applies ? 'all triggers fit' : 'the condition is false';
      expect(body.data.gates).toContainEqual(why(conditional, applies, reason));
      if (!applies) continue;
      const waits = await auditor.api('GET', `${BASE}/approvals?executionId=${executionId}`);
      const { requiredApprovers, requirements } = waits.body.data[0];
      expect(body.data.approval).toMatchObject({ requiredApprovers, requirements });
    }
  });

  it('refuses what it does not know, and names it', async () => {
    const faulty = await auditor.api('POST', EVALUATE, { ...QUESTION, actionType: 'DANCE', riskLevel: 'SOME' });
    expect([faulty.status, faulty.body.errors?.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      400,
      ['/actionType', '/riskLevel'],
    ]);
    expect(await auditor.api('POST', EVALUATE, { ...QUESTION, incidentId: 'inc_none' })).toMatchObject({ status: 404 });
    expect(await auditor.api('GET', EVALUATE)).toMatchObject({ status: 405 });
  });
});

describe('a gate with conditions that answer', () => {
  it('lets an action begin or denies it, and the request that nobody was asked is there to be seen', async () => {
    const gate = {
      gateName: 'by condition',
      approvalRoles: [{ role: 'CISO' }],
      triggers: { playbookIds: ['answered'] },
      autoApproveConditions: ['incident.subject.id == "dora"'],
      autoDenyConditions: ['incident.subject.id == "emil"'],
    };
    await house.admin.api('POST', BASE, byHand('answered', [{ ...SUSPEND, requiresApproval: false }]));
    const policy = { name: 'Answers', scope: 'SPECIFIC_PLAYBOOKS', policyGates: [gate] };
    const saved = await house.admin.api('POST', `${BASE}/policies`, policy);
    expect([saved.status, saved.body.warnings ?? []]).toEqual([201, []]);
    await house.sandbox.seed(['dora', 'emil', 'fritz'].map((id) => ({ id, homeCountry: 'DE' })));
    const run = async (userId: string) => {
      const body = { playbookId: 'answered', userId };
      const { executionId } = (await house.admin.api('POST', `${BASE}/executions/trigger`, body)).body.data;
      const { status, stages } = await house.settled(executionId);
      const list = await auditor.api('GET', `${BASE}/approvals?executionId=${executionId}&status=APPROVED`);
      return { status, action: stages[0].actions[0].status, approved: list.body.data };
    };
    const dora = await run('dora');
    expect(dora).toMatchObject({ status: 'COMPLETED', action: 'SUCCESS' });
    expect(dora.approved).toMatchObject([{ status: 'APPROVED', votes: [], automatic: [{ answer: 'APPROVE' }] }]);
    expect(await run('emil')).toMatchObject({ action: 'DENIED', approved: [] });
    expect(await run('fritz')).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});

describe('a policy that is changed', () => {
  const change = (id: string, body: object, headers: Record<string, string> = {}) =>
    house.admin.api('PUT', `${BASE}/policies/${id}`, body, headers);
  const needed = async (id: string): Promise<boolean> => {
    const { body } = await auditor.api('POST', EVALUATE, QUESTION);
    const gates = body.data.gates as { policyId: string; applies: boolean }[];
    return gates.some(({ policyId, applies }) => policyId === id && applies);
  };
  const make = async (): Promise<string> => {
    const gate = { gateName: 'all', approvalRoles: [{ role: 'CISO' }] };
    const reply = await house.admin.api('POST', `${BASE}/policies`, { name: 'Changing', policyGates: [gate] });
    expect(reply.status).toBe(201);
    return reply.body.data.id;
  };

  it('is a new version at once, and the versions before stay on record', async () => {
    const id = await make();
    expect(await needed(id)).toBe(true);
    const off = await change(id, { enabled: false }, { 'if-match': '"1"' });
    expect([off.status, off.headers.get('etag')]).toEqual([200, '"2"']);
    expect(off.body.data).toMatchObject({ id, version: 2, enabled: false, name: 'Changing' });
    expect(await needed(id)).toBe(false);
    const narrow = { gateName: 'all', approvalRoles: [{ role: 'CISO' }], triggers: { riskLevels: ['LOW'] } };
    expect((await change(id, { enabled: true, policyGates: [narrow] })).body.data.version).toBe(3);
    expect(await needed(id)).toBe(false);
    expect((await auditor.api('GET', `${BASE}/policies/${id}`)).body.data).toMatchObject({ version: 3, enabled: true });
    const records = house.database().prepare<[string], { seq: number }>('select seq from streams where name = ?');
    expect(records.get(`policy/${id}`)?.seq).toBe(3);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('leaves executions under way the gates with which they were planned', async () => {
    const id = await make();
    const run = await house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'suspends', userId: 'bela' });
    const { executionId } = run.body.data;
    await house.settled(executionId);
    await change(id, { enabled: false });
    const { body } = await auditor.api('GET', `${BASE}/approvals?executionId=${executionId}`);
    expect(body.data).toMatchObject([{ status: 'PENDING' }]);
    const vote = await house.admin.api('POST', `${BASE}/approvals/${body.data[0].id}/approve`);
    expect([vote.status, vote.body.code]).toEqual([403, 'cannot_vote']);
  });

  it('is refused for an older version, another id, what is not valid, and whoever may not', async () => {
    const id = await make();
    expect(await change(id, { name: 'x' }, { 'if-match': '"7"' })).toMatchObject({ status: 412 });
    expect(await change(id, { policyId: 'another' })).toMatchObject({ status: 400 });
    expect(await change('pol_none', { name: 'x' })).toMatchObject({ status: 404 });
    const wrong = await change(id, { policyGates: [] });
    expect([wrong.status, wrong.body.errors?.[0]?.pointer]).toEqual([422, '/policyGates']);
    expect(await auditor.api('PUT', `${BASE}/policies/${id}`, { enabled: false })).toMatchObject({ status: 403 });
    const reserved = await house.admin.api('POST', `${BASE}/policies`, { ...POLICY, policyId: 'evaluate' });
    expect([reserved.status, reserved.body.code]).toEqual([422, 'invalid_policy']);
    expect((await auditor.api('GET', `${BASE}/policies/${id}`)).body.data).toMatchObject({ version: 1, enabled: true });
  });

  it('has every version once, however many are sent at one moment', async () => {
    const id = await make();
    const sent = Array.from({ length: 8 }, (_, index) => change(id, { description: `change ${index}` }));
    const versions = (await Promise.all(sent)).map(({ body }) => body.data.version).sort((a, b) => a - b);
    expect(versions).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
