import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

const NOTIFICATIONS = '/api/notifications';

let house: Harness;
let requester: Person;
let voter: Person;
let auditor: Person;
beforeAll(async () => {
  house = await startHarness();
  [requester, voter, auditor] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
    house.person('AUDITOR'),
    house.person('INCIDENT_COMMANDER'),
  ]);
  await house.admin.api('POST', BASE, byHand('waits', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

async function requested(userId: string): Promise<{ readonly executionId: string; readonly approvalId: string }> {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'waits', userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await voter.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  return { executionId, approvalId: body.data[0].id };
}

/** What a person was told about something, the oldest first, once there are so many. */
async function toldOf(person: Person, about: string, count: number) {
  const about$ = async () => {
    const { body } = await person.api('GET', `${NOTIFICATIONS}?limit=200`);
    return body.data.filter((each: { readonly about: { readonly id: string } }) => each.about.id === about).reverse();
  };
  await expect.poll(about$, { timeout: 20_000 }).toHaveLength(count);
  return about$();
}

describe('a request to people', () => {
  it('is told to those who may answer it, and to nobody else', async () => {
    const { approvalId, executionId } = await requested('anna');
    const [told] = await toldOf(voter, approvalId, 1);
    expect(told).toMatchObject({
      kind: 'approval.requested',
      channel: 'IN_APP',
      status: 'UNREAD',
      title: 'Decision needed: ACCOUNT_SUSPEND of anna',
      notice: { ask: { approvalId, executionId, intentHash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
    expect(told.notice.facts).toContainEqual({ label: 'Can be taken back', value: 'yes, Firebreak can undo it' });
    expect(await toldOf(requester, approvalId, 0)).toEqual([]);
    expect(await toldOf(auditor, approvalId, 0)).toEqual([]);
  });

  it('tells them and who asked what was decided', async () => {
    const { approvalId } = await requested('bela');
    await toldOf(voter, approvalId, 1);
    await voter.api('POST', `${BASE}/approvals/${approvalId}/deny`, { comment: 'not this one' });
    const [, decided] = await toldOf(voter, approvalId, 2);
    expect(decided).toMatchObject({ kind: 'approval.decided', title: 'DENIED: ACCOUNT_SUSPEND of bela' });
    expect(decided.notice.lines).toEqual([`DENY by ${voter.id}: not this one`]);
    expect(await toldOf(requester, approvalId, 1)).toMatchObject([{ kind: 'approval.decided' }]);
  });

  it('is read by whom it was told, and by nobody else', async () => {
    const { approvalId } = await requested('carla');
    const [told] = await toldOf(voter, approvalId, 1);
    const read = (person: Person) => person.api('POST', `${NOTIFICATIONS}/${told.id}/read`);
    expect((await read(auditor)).status).toBe(404);
    expect((await read(voter)).body.data).toMatchObject({ id: told.id, status: 'READ' });
    expect((await read(voter)).body.data).toMatchObject({ status: 'READ' });
    const { body } = await voter.api('GET', `${NOTIFICATIONS}?status=UNREAD&limit=200`);
    expect(body.data).not.toContainEqual(expect.objectContaining({ id: told.id }));
  });

  it('is told once, also over a restart', async () => {
    const { approvalId } = await requested('dora');
    await toldOf(voter, approvalId, 1);
    await house.restart();
    expect(await toldOf(voter, approvalId, 1)).toHaveLength(1);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});

describe('a request that nobody can decide', () => {
  it('is escalated at once, and when there is nobody left the operators are told', async () => {
    const gate = {
      gateName: 'legal',
      triggers: { playbookIds: ['nobody'] },
      approvalRoles: [{ role: 'LEGAL' }],
      escalationPath: [{ escalationLevel: 1, delayMs: 3_000_000, escalateTo: 'COMPLIANCE_OFFICER' }],
    };
    await house.admin.api('POST', BASE, byHand('nobody', [{ ...SUSPEND, requiresApproval: false }]));
    const policy = { name: 'nobody', scope: 'SPECIFIC_PLAYBOOKS', policyGates: [gate] };
    await house.admin.api('POST', `${BASE}/policies`, policy);
    const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'nobody', userId: 'emma' });
    const { executionId } = run.body.data;
    await house.settled(executionId);
    const { body } = await voter.api('GET', `${BASE}/approvals?executionId=${executionId}`);
    const [told] = await toldOf(voter, body.data[0].id, 1);
    expect(told).toMatchObject({ kind: 'approval.unanswerable', title: expect.stringContaining('Too few can decide') });
    const shown = (await voter.api('GET', `${BASE}/approvals/${body.data[0].id}`)).body.data;
    expect(shown).toMatchObject({ status: 'PENDING', escalations: [{ level: 1, escalateTo: 'COMPLIANCE_OFFICER' }] });
  });
});

describe('a failed execution', () => {
  it('is told to the operators', async () => {
    const failing = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
    await house.admin.api('POST', BASE, byHand('fails', [failing]));
    const run = await requester.api('POST', `${BASE}/executions/trigger`, {
      playbookId: 'fails',
      userId: 'nobody-here',
    });
    const { executionId } = run.body.data;
    const [told] = await toldOf(voter, executionId, 1);
    expect(told).toMatchObject({ kind: 'execution.failed', title: expect.stringContaining('needs a person') });
    expect(told.notice.facts).toContainEqual({ label: 'suspend', value: expect.stringMatching(/^FAILED: /) });
    expect(await toldOf(auditor, executionId, 0)).toEqual([]);
  });
});

describe('channels', () => {
  it('are tried by those who look after them', async () => {
    const { body } = await house.admin.api('POST', `${NOTIFICATIONS}/test`, { channel: 'IN_APP' });
    expect(body.data).toMatchObject({ kind: 'test', status: 'UNREAD' });
    expect(await house.admin.api('POST', `${NOTIFICATIONS}/test`, { channel: 'SLACK' })).toMatchObject({
      status: 409,
      body: { code: 'conflict', errors: [{ pointer: '/channel' }] },
    });
    expect((await auditor.api('POST', `${NOTIFICATIONS}/test`, { channel: 'IN_APP' })).status).toBe(403);
    const { body: listed } = await auditor.api('GET', `${NOTIFICATIONS}/channels`);
    expect(listed.data).toContainEqual(expect.objectContaining({ id: 'IN_APP', configured: true }));
    expect(listed.data).toContainEqual(expect.objectContaining({ id: 'SLACK', configured: false }));
  });
});

describe('preferences', () => {
  it('say what one wants by mail', async () => {
    const get = async () => (await auditor.api('GET', `${NOTIFICATIONS}/preferences`)).body.data;
    expect((await get()).email).toContain('approval.requested');
    const put = (document: unknown) => auditor.api('PUT', `${NOTIFICATIONS}/preferences`, document);
    expect((await put({ email: ['execution.failed'] })).status).toBe(200);
    expect((await get()).email).toEqual(['execution.failed']);
    expect(await put({ email: ['gossip'] })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/email/0' }] },
    });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
