import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Harness, type Person, startHarness, verified, withLentKey } from '../support/server.ts';

const APPROVALS = `${BASE}/approvals`;
const KILL = { actionId: 'kill', actionType: 'FULL_SESSION_KILL', retry: { maxRetries: 0 } };

let house: Harness;
let second: Person;
let commander: Person;
let requester: Person;
let analyst: Person;
beforeAll(async () => {
  house = await startHarness();
  [second, commander, requester, analyst] = await Promise.all([
    house.person('SECURITY_ADMIN'),
    house.person('INCIDENT_COMMANDER'),
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ANALYST'),
  ]);
  await house.admin.api('POST', BASE, byHand('two-votes', [SUSPEND_APPROVED]));
  await house.admin.api('POST', BASE, byHand('then-more', [SUSPEND_APPROVED, { ...NOTIFY, stage: 2 }]));
});
afterAll(() => house.stop());

/** Triggers, and gives the approval that waits. */
async function asked(userId: string, playbookId = 'two-votes', by: Person = requester) {
  const run = await by.api('POST', `${BASE}/executions/trigger`, { playbookId, userId });
  expect(run.status).toBe(201);
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await house.admin.api('GET', `${APPROVALS}?executionId=${executionId}`);
  expect(body.total).toBe(1);
  const [approval] = body.data;
  const vote = async (person: Person, verb: 'approve' | 'deny', more: object = {}) => {
    const reply = await person.api('POST', `${APPROVALS}/${approval._id}/${verb}`, more);
    return [reply.status, reply.body.code ?? reply.body.data.status];
  };
  return { executionId, approval, vote };
}

describe('an approval by two', () => {
  it('shows what is to be approved, and runs after two different people approved it', async () => {
    const { executionId, approval, vote } = await asked('anna');
    expect(approval).toMatchObject({
      status: 'PENDING',
      actionType: 'ACCOUNT_SUSPEND',
      target: { type: 'user', id: 'anna' },
      reversibility: 'undo',
      requiredApprovers: 2,
      intentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      votes: [],
    });
    const { intentHash } = approval;
    expect(await vote(second, 'approve', { intentHash, comment: 'seen' })).toEqual([200, 'PENDING']);
    expect(await house.sandboxUser('anna')).toMatchObject({ suspended: null });
    expect(await vote(second, 'approve', { intentHash })).toEqual([409, 'conflict']);
    expect(await vote(commander, 'approve')).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await house.sandboxUser('anna')).not.toMatchObject({ suspended: null });
    expect(await vote(commander, 'deny')).toEqual([409, 'already_decided']);
    const { body } = await house.admin.api('GET', `${BASE}/audits/${executionId}:suspend`);
    expect(body.data.approval).toMatchObject({ status: 'APPROVED', intentHash });
    expect(body.data.approval.votes).toMatchObject([{ userId: second.id }, { userId: commander.id }]);
    const { body: figures } = await house.admin.api('GET', `${BASE}/metrics`);
    expect(figures.data.total.approvalMs.of).toBeGreaterThan(0);
  });

  it('is not given by the requester, the author, the wrong role, a service account or the subject', async () => {
    const subject = await house.person('SECURITY_ADMIN', { linkedAccounts: ['Bela'] });
    const byMail = await house.person('SECURITY_ADMIN', { email: 'carla@soc.example' });
    const service = await house.service('SECURITY_ADMIN');
    const { vote, approval } = await asked('bela');
    for (const person of [requester, house.admin, analyst, subject])
      expect(await vote(person, 'approve')).toEqual([403, 'cannot_vote']);
    expect(await vote(service, 'approve')).toEqual([403, 'forbidden']);
    // Not even to deny: who may not vote has no say.
    expect(await vote(subject, 'deny')).toEqual([403, 'cannot_vote']);
    const mail = await asked('carla@soc.example');
    expect(await mail.vote(byMail, 'approve')).toEqual([403, 'cannot_vote']);
    const { body } = await house.admin.api('GET', `${APPROVALS}/${approval._id}`);
    expect(body.data).toMatchObject({ status: 'PENDING', votes: [] });
  });

  it('counts no key that an administrator made with a key that they had made, beside their own vote', async () => {
    const lender = await house.person('SECURITY_ADMIN');
    const lent = await withLentKey(house, lender, commander);
    const { status, body } = await lent.api('POST', '/api/keys', { name: 'as the commander' });
    expect(status).toBe(201);
    const posing = { ...commander, api: house.apiOf(body.data.secret) };
    const { vote } = await asked('uma');
    expect(await vote(lender, 'approve')).toEqual([200, 'PENDING']);
    expect(await vote(posing, 'approve')).toEqual([403, 'cannot_vote']);
    expect((await posing.api('POST', '/api/keys', { userId: second.id, name: 'x' })).status).toBe(403);
    expect(await vote(commander, 'approve')).toEqual([200, 'APPROVED']);
  });

  it('counts nobody who made the key with which it was asked for', async () => {
    const [maker, other] = [await house.person('SECURITY_ADMIN'), await house.person('SECURITY_ADMIN')];
    const lent = await withLentKey(house, maker, requester);
    const { vote } = await asked('viola', 'two-votes', lent);
    expect(await vote(maker, 'approve')).toEqual([403, 'cannot_vote']);
    // Nor by a second key that they made.
    expect(await vote(await withLentKey(house, maker, second), 'approve')).toEqual([403, 'cannot_vote']);
    expect(await vote(other, 'approve')).toEqual([200, 'PENDING']);
    expect(await vote(commander, 'approve')).toEqual([200, 'APPROVED']);
  });

  it('covers exactly what was shown', async () => {
    const { vote } = await asked('david');
    expect(await vote(second, 'approve', { intentHash: 'f'.repeat(64) })).toEqual([409, 'conflict']);
    expect(await vote(second, 'approve', { intentHash: 'short' })).toEqual([400, 'invalid_request']);
  });

  it('does not run when one denies, and says so', async () => {
    const { executionId, vote } = await asked('elif', 'then-more');
    expect(await vote(second, 'approve')).toEqual([200, 'PENDING']);
    expect(await vote(commander, 'deny', { reason: 'on leave' })).toEqual([200, 'DENIED']);
    const done = await house.settled(executionId);
    expect(done).toMatchObject({ status: 'PARTIALLY_COMPLETED', failedActions: [] });
    expect(done.stages[0].actions[0]).toMatchObject({ status: 'DENIED', reason: 'denied' });
    expect(done.stages[1].actions[0]).toMatchObject({ status: 'SUCCESS' });
    expect(await house.sandboxUser('elif')).toMatchObject({ suspended: null });
    const { text } = await house.admin.api('GET', `${BASE}/audits/${executionId}/records`);
    expect(text).toContain('on leave');
  });

  it('takes votes at the same moment one after the other', async () => {
    const third = await house.person('SECURITY_ADMIN');
    const { executionId, vote } = await asked('farid');
    const votes = await Promise.all([vote(second, 'approve'), vote(commander, 'approve'), vote(third, 'approve')]);
    expect(votes.map(([status]) => status).sort()).toEqual([200, 200, 409]);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  });

  it('survives a restart of the server', async () => {
    const { executionId, vote } = await asked('greta');
    expect(await vote(second, 'approve')).toEqual([200, 'PENDING']);
    await house.restart();
    expect(await vote(second, 'approve')).toEqual([409, 'conflict']);
    expect(await vote(commander, 'approve')).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  });

  it('is nothing when it is unknown', async () => {
    expect((await second.api('POST', `${APPROVALS}/apr_unknown/approve`)).status).toBe(404);
  });
});

describe("the seeds' policy", () => {
  it('asks two people before sessions are killed in a critical case, and nobody otherwise', async () => {
    expect((await house.admin.api('POST', `${BASE}/policies`, POLICY)).status).toBe(201);
    for (const severity of ['CRITICAL', 'HIGH'])
      await house.admin.api('POST', BASE, byHand(`kill-${severity}`, [KILL], { severity }));
    const free = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'kill-HIGH', userId: 'hugo' });
    expect(await house.settled(free.body.data._id)).toMatchObject({ status: 'COMPLETED' });
    const { approval, vote, executionId } = await asked('ines', 'kill-CRITICAL');
    expect(approval).toMatchObject({ requiredApprovers: 2, riskLevel: 'CRITICAL' });
    expect(await vote(second, 'approve')).toEqual([200, 'PENDING']);
    expect(await vote(commander, 'approve')).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  });
});

describe('the list', () => {
  it('is what waits, unless another status is asked for', async () => {
    const total = async (query: string) => (await house.admin.api('GET', `${APPROVALS}?${query}`)).body.total;
    const { executionId } = await asked('jonas');
    const mine = `executionId=${executionId}`;
    for (const query of ['', 'status=PENDING', 'riskLevel=HIGH', 'actionType=ACCOUNT_SUSPEND', 'userId=JONAS'])
      expect([query, await total(`${mine}&${query}`)]).toEqual([query, 1]);
    for (const query of ['status=APPROVED', 'riskLevel=LOW', 'actionType=geo_lock', 'userId=x', 'playbookId=x'])
      expect([query, await total(`${mine}&${query}`)]).toEqual([query, 0]);
    expect((await house.admin.api('GET', `${APPROVALS}?incidentId=inc_1`)).status).toBe(400);
    const health = await house.anonymous('GET', '/health/incident-playbooks');
    expect(health.text).toContain(`"pending_approvals":${await total('')}`);
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
