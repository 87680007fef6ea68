import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { until, type Harness, type Person, startHarness, verified } from '../support/server.ts';

const APPROVALS = `${BASE}/approvals`;
const DELEGATIONS = '/api/delegations';
const HOUR_MS = 3_600_000;

let house: Harness;
let requester: Person;
beforeAll(async () => {
  house = await startHarness();
  requester = await house.person('INCIDENT_COMMANDER');
});
afterAll(() => house.stop());

const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();
const lend = (from: Person, to: Person, more: object = {}) =>
  from.api('POST', DELEGATIONS, { delegateId: to.id, reason: 'on leave', until: inHours(8), ...more });

let asked = 0;
/** A request that needs `k` people of a role. */
async function request(role: string, k: number, by: Person = requester, userId = 'anna') {
  const playbookId = `lent-${(asked += 1)}`;
  await house.admin.api('POST', BASE, byHand(playbookId, [{ ...SUSPEND, requiresApproval: false }]));
  const gate = { gateName: 'people', triggers: { playbookIds: [playbookId] }, approvalRoles: [{ role }] };
  const policyGates = [{ ...gate, requiredApprovers: k }];
  const policy = { name: playbookId, scope: 'SPECIFIC_PLAYBOOKS', policyGates };
  expect((await house.admin.api('POST', `${BASE}/policies`, policy)).status).toBe(201);
  const run = await by.api('POST', `${BASE}/executions/trigger`, { playbookId, userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await house.admin.api('GET', `${APPROVALS}?executionId=${executionId}`);
  const { id } = body.data[0];
  const show = async () => (await house.admin.api('GET', `${APPROVALS}/${id}`)).body.data;
  const say = async (person: Person, verb: 'approve' | 'deny' | 'withdraw', more: object = {}) => {
    const reply = await person.api('POST', `${APPROVALS}/${id}/${verb}`, more);
    return [reply.status, reply.body.detail ?? reply.body.data.status];
  };
  return { id, playbookId, executionId, show, say };
}

describe('somebody who was asked to stand in', () => {
  it('is told, answers in that place, and is one person there', async () => {
    const [chief, analyst, second] = await people('CISO', 'SECURITY_ANALYST', 'CISO');
    const made = await lend(chief, analyst);
    expect([made.status, made.body.data]).toMatchObject([201, { status: 'ACTIVE', delegatorId: chief.id }]);
    const { id, show, say, executionId } = await request('CISO', 2);
    await until('the delegate is told', async () => {
      const { body } = await analyst.api('GET', '/api/notifications?limit=50');
      return body.data.some((notice: { about: { id: string } }) => notice.about.id === id) ? true : null;
    });
    expect(await say(analyst, 'approve')).toEqual([200, 'PENDING']);
    expect((await show()).votes).toMatchObject([
      { userId: analyst.id, onBehalfOf: { delegationId: made.body.data.id, userId: chief.id, roles: ['CISO'] } },
    ]);
    expect(await say(chief, 'approve')).toEqual([409, expect.stringContaining('already voted')]);
    expect(await say(second, 'approve')).toEqual([200, 'APPROVED']);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('may not answer what the owner of the seat may not: their own request, or one about them', async () => {
    const [chief, analyst] = await people('INCIDENT_COMMANDER', 'SECURITY_ANALYST');
    await lend(chief, analyst);
    const own = await request('INCIDENT_COMMANDER', 1, chief);
    expect(await own.say(analyst, 'approve')).toEqual([403, `For ${chief.id}: Nobody approves their own request.`]);
    const about = await request('INCIDENT_COMMANDER', 1, requester, chief.id);
    expect(await about.say(analyst, 'deny')).toEqual([403, expect.stringContaining(`For ${chief.id}:`)]);
    // Nor what the delegate may not.
    const [lead, other] = await people('IR_LEAD', 'SECURITY_ANALYST');
    await lend(lead, other);
    const theirs = await request('IR_LEAD', 1, other);
    expect(await theirs.say(other, 'approve')).toEqual([403, 'Nobody approves their own request.']);
    const speaking = { onBehalfOf: lead.id };
    expect(await theirs.say(other, 'deny', speaking)).toEqual([403, expect.stringContaining(`For ${lead.id}:`)]);
  });

  it('has what the owner has now, and only what was lent', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    const here = await request('CISO', 1);
    const elsewhere = await request('CISO', 1);
    await lend(chief, analyst, { playbookIds: [here.playbookId] });
    expect(await elsewhere.say(analyst, 'approve')).toEqual([403, 'One of these roles is needed: CISO.']);
    expect(await here.say(analyst, 'approve', { onBehalfOf: requester.id })).toEqual([
      403,
      expect.stringContaining('Nobody of that name'),
    ]);
    await house.admin.api('PATCH', `/api/users/${chief.id}`, { roles: ['LEGAL'] });
    expect(await here.say(analyst, 'approve')).toEqual([403, 'One of these roles is needed: CISO.']);
    await house.admin.api('PATCH', `/api/users/${chief.id}`, { roles: ['CISO'], disabled: true });
    expect(await here.say(analyst, 'approve')).toEqual([403, expect.stringContaining('may not vote now')]);
    await house.admin.api('PATCH', `/api/users/${chief.id}`, { disabled: false });
    expect(await here.say(analyst, 'approve')).toEqual([200, 'APPROVED']);
  });

  it('gives no voice to an auditor', async () => {
    const [auditor, analyst] = await people('AUDITOR', 'SECURITY_ANALYST');
    expect((await lend(auditor, analyst)).status).toBe(201);
    const { say } = await request('AUDITOR', 1);
    expect(await say(analyst, 'approve')).toEqual([403, expect.stringContaining('may not vote now')]);
  });

  it('cannot lend it on', async () => {
    const [chief, analyst, third] = await people('CISO', 'SECURITY_ANALYST', 'IR_LEAD');
    await lend(chief, analyst);
    await lend(analyst, third);
    const { say } = await request('CISO', 1);
    expect(await say(third, 'approve')).toEqual([403, 'One of these roles is needed: CISO.']);
    expect(await say(analyst, 'approve')).toEqual([200, 'APPROVED']);
  });

  it('does not keep the owner from denying', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    await lend(chief, analyst);
    const { say } = await request('CISO', 2);
    expect(await say(analyst, 'approve')).toEqual([200, 'PENDING']);
    expect(await say(chief, 'deny')).toEqual([200, 'DENIED']);
  });
});

describe('a delegation', () => {
  it('is made by its owner alone, and never with a key that somebody else has seen', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    const borrowed = await house.admin.api('POST', '/api/keys', { userId: chief.id, name: 'borrowed' });
    const reply = await house.apiOf(borrowed.body.data.secret)('POST', DELEGATIONS, {
      delegateId: analyst.id,
      reason: 'r',
      until: inHours(1),
    });
    expect([reply.status, reply.body.detail]).toEqual([403, expect.stringContaining('made by somebody else')]);
    expect((await house.anonymous('POST', DELEGATIONS, {})).status).toBe(401);
    expect((await (await house.service('CISO')).api('POST', DELEGATIONS, {})).status).toBe(403);
  });

  it('goes to another person, for a time that comes and ends', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    const service = await house.service('CISO');
    const second = await house.person('LEGAL', { linkedAccounts: [chief.id] });
    const faultOf = async (more: object): Promise<unknown> => {
      const { status, body } = await lend(chief, analyst, more);
      return [status, body.errors?.[0]?.pointer];
    };
    expect(await faultOf({ delegateId: chief.id })).toEqual([400, '/delegateId']);
    expect(await faultOf({ delegateId: second.id })).toEqual([400, '/delegateId']);
    expect(await faultOf({ delegateId: service.id })).toEqual([400, '/delegateId']);
    expect(await faultOf({ delegateId: 'usr_nobody' })).toEqual([400, '/delegateId']);
    expect(await faultOf({ until: inHours(-1) })).toEqual([400, '/until']);
    expect(await faultOf({ until: inHours(91 * 24) })).toEqual([400, '/until']);
    expect(await faultOf({ from: inHours(-1) })).toEqual([400, '/from']);
    expect(await faultOf({ until: undefined })).toEqual([400, '/until']);
    expect(await faultOf({ roles: ['KING'] })).toEqual([400, '/roles/0']);
    const ahead = await lend(chief, analyst, { from: inHours(1), roles: ['LEGAL'] });
    expect(ahead.body.data).toMatchObject({ status: 'UPCOMING', roles: ['LEGAL'] });
    expect(ahead.body.warnings).toEqual([expect.stringContaining('/roles: you do not have LEGAL now')]);
    const { say } = await request('CISO', 1);
    expect(await say(analyst, 'approve')).toEqual([403, 'One of these roles is needed: CISO.']);
  });

  it('is ended by either of the two, or by whoever manages users, and by nobody else', async () => {
    const [chief, analyst, stranger] = await people('CISO', 'SECURITY_ANALYST', 'IR_LEAD');
    const revoke = async (person: Person, id: string) =>
      (await person.api('POST', `${DELEGATIONS}/${id}/revoke`, { reason: 'back' })).status;
    for (const ending of [chief, analyst, house.admin]) {
      const { id } = (await lend(chief, analyst)).body.data;
      const { say } = await request('CISO', 1);
      expect(await revoke(stranger, id)).toBe(403);
      expect(await revoke(ending, id)).toBe(200);
      expect(await say(analyst, 'approve')).toEqual([403, 'One of these roles is needed: CISO.']);
      expect(await revoke(chief, id)).toBe(409);
      const { body } = await stranger.api('GET', `${DELEGATIONS}/${id}`);
      expect(body.data).toMatchObject({ status: 'REVOKED', revoked: { by: ending.id, reason: 'back' } });
    }
    expect(await revoke(chief, 'dlg_nothing')).toBe(404);
    const { body } = await stranger.api('GET', `${DELEGATIONS}?delegatorId=${chief.id}`);
    expect(body).toMatchObject({ total: 3 });
  });

  it('is one of at most 20 of a person', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    for (let made = 0; made < 20; made += 1) expect((await lend(chief, analyst)).status).toBe(201);
    expect((await lend(chief, analyst)).status).toBe(409);
  });
});

describe('a vote that is taken back', () => {
  it('counts nothing, stays on record, and can be given again', async () => {
    const [first, second] = await people('CISO', 'CISO');
    const { show, say, executionId } = await request('CISO', 2, requester, 'bela');
    expect(await say(first, 'withdraw')).toEqual([409, 'You have no vote here that could be taken back.']);
    expect(await say(first, 'approve')).toEqual([200, 'PENDING']);
    expect(await say(second, 'withdraw')).toEqual([409, 'You have no vote here that could be taken back.']);
    expect(await say(first, 'withdraw', { reason: 'another look' })).toEqual([200, 'PENDING']);
    expect(await show()).toMatchObject({
      votes: [],
      withdrawn: [{ userId: first.id, decision: 'APPROVE', withdrawnBy: first.id, withdrawnWhy: 'another look' }],
    });
    expect(await say(second, 'approve')).toEqual([200, 'PENDING']);
    expect(await say(first, 'approve')).toEqual([200, 'APPROVED']);
    expect(await say(first, 'withdraw')).toEqual([409, expect.stringContaining('already decided: APPROVED')]);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const { body } = await house.admin.api('GET', `${BASE}/executions/${executionId}`);
    const told = body.data.timeline.map(({ fact }: { fact: string }) => fact);
    expect(told.filter((fact: string) => fact === 'vote.withdrawn')).toHaveLength(1);
    expect(told.filter((fact: string) => fact === 'withdrawal.refused')).toHaveLength(3);
    await house.restart();
    expect(await show()).toMatchObject({ status: 'APPROVED', withdrawn: [{ userId: first.id }] });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('may be what somebody else said in one’s place, and is no denial', async () => {
    const [chief, analyst] = await people('CISO', 'SECURITY_ANALYST');
    await lend(chief, analyst);
    const { show, say } = await request('CISO', 2);
    await say(analyst, 'approve');
    expect(await say(chief, 'withdraw')).toEqual([200, 'PENDING']);
    expect((await show()).withdrawn).toMatchObject([{ userId: analyst.id, withdrawnBy: chief.id }]);
    expect(await say(chief, 'deny')).toEqual([200, 'DENIED']);
    expect(await say(chief, 'withdraw')).toEqual([409, expect.stringContaining('already decided: DENIED')]);
  });

  it('is refused to a key that somebody else has seen, and to nobody', async () => {
    const [chief] = await people('CISO');
    const { id, say } = await request('CISO', 2);
    await say(chief, 'approve');
    const borrowed = await house.admin.api('POST', '/api/keys', { userId: chief.id, name: 'borrowed' });
    const { status } = await house.apiOf(borrowed.body.data.secret)('POST', `${APPROVALS}/${id}/withdraw`, {});
    expect(status).toBe(403);
    expect((await house.anonymous('POST', `${APPROVALS}/${id}/withdraw`, {})).status).toBe(401);
    expect((await chief.api('POST', `${APPROVALS}/apr_nothing/withdraw`, {})).status).toBe(404);
    expect((await chief.api('POST', `${APPROVALS}/${id}/withdraw`, { why: 1 })).status).toBe(400);
  });
});

async function people(...roles: string[]): Promise<[Person, Person, Person]> {
  const made: Person[] = [];
  for (const role of roles) made.push(await house.person(role as Parameters<Harness['person']>[0]));
  const [first = requester, second = requester, third = requester] = made;
  return [first, second, third];
}
