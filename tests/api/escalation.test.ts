import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

const APPROVALS = `${BASE}/approvals`;
const HOUR_MS = 3_600_000;

let house: Harness;
let [chief, legal, named, other, requester]: Person[] = [];
beforeAll(async () => {
  house = await startHarness();
  [chief, legal, named, other, requester] = await Promise.all([
    house.person('CISO'),
    house.person('LEGAL'),
    house.person('IR_LEAD'),
    house.person('IR_LEAD'),
    house.person('INCIDENT_COMMANDER'),
  ]);
});
afterAll(() => house.stop());

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
  return { executionId, warnings: saved.body.warnings ?? [], show, vote };
}

describe('a gate that names people', () => {
  it('takes the answer of who is named, and of nobody else with the role', async () => {
    const approvalRoles = [{ role: 'IR_LEAD', users: [named?.id] }];
    const { show, vote, warnings, executionId } = await asked('named', 'anna', { approvalRoles });
    expect(warnings).toEqual([]);
    expect((await show()).requirements).toEqual([
      { roles: ['IR_LEAD'], k: 1, human: true, users: { IR_LEAD: [named?.id] } },
    ]);
    expect(await vote(other)).toEqual([403, expect.stringContaining('whom the gate names')]);
    expect(await vote(chief)).toEqual([403, 'One of these roles is needed: IR_LEAD.']);
    expect(await vote(named)).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  });
});

describe('a gate that is escalated', () => {
  it('takes the answers of the step and of the fallback users from then on, and shows who was asked when', async () => {
    const { executionId, show, vote } = await asked('escalates', 'bela', {
      approvalRoles: [{ role: 'IR_LEAD', users: [named?.id], fallbackUsers: [legal?.id] }],
      requiredApprovers: 1,
      escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'CISO' }],
    });
    expect(await vote(chief)).toEqual([403, 'One of these roles is needed: IR_LEAD.']);
    expect(await vote(legal)).toEqual([403, 'One of these roles is needed: IR_LEAD.']);
    await expect.poll(async () => (await show()).escalations, { timeout: 20_000 }).toHaveLength(1);
    const { escalations, requestedAt } = await show();
    expect(escalations).toMatchObject([{ level: 1, escalateTo: 'CISO' }]);
    expect(Date.parse(escalations[0].at) - Date.parse(requestedAt)).toBeGreaterThanOrEqual(1_000);
    expect(await vote(other)).toEqual([403, expect.stringContaining('whom the gate names')]);
    expect(await vote(chief)).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const { body } = await house.admin.api('GET', `${BASE}/executions/${executionId}`);
    expect(body.data.timeline).toContainEqual(
      expect.objectContaining({ fact: 'approval.escalated', level: 1, escalateTo: 'CISO' }),
    );
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('goes on being escalated after a restart', async () => {
    const { show, vote } = await asked('restarted', 'carla', {
      approvalRoles: [{ role: 'IR_LEAD', users: [named?.id] }],
      escalationPath: [
        { escalationLevel: 1, delayMs: 1_000, escalateTo: legal?.id },
        { escalationLevel: 2, delayMs: HOUR_MS - 1, escalateTo: 'CISO' },
      ],
    });
    await house.restart();
    await expect.poll(async () => (await show()).escalations, { timeout: 20_000 }).toHaveLength(1);
    expect(await vote(chief)).toEqual([403, 'One of these roles is needed: IR_LEAD.']);
    expect(await vote(legal, 'deny')).toEqual([200, 'DENIED']);
  });
});
