import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Harness, type Person, startHarness } from '../support/server.ts';

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
