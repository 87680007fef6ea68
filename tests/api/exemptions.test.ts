import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import {
  type Api,
  type Harness,
  type Person,
  type Reply,
  startHarness,
  until,
  verified,
  withLentKey,
} from '../support/server.ts';

const EXEMPTIONS = '/api/exemptions';
const TRIGGER = `${BASE}/executions/trigger`;
const HOUR = 3_600_000;
const ahead = (ms: number): string => new Date(Date.now() + ms).toISOString();

let house: Harness;
let auditor: Person;
let commander: Person;
/** Proposes, confirms, and is a third one: each with a key of their own. */
let grace: Person;
let linus: Person;
let third: Person;
let policyId: string;

beforeAll(async () => {
  house = await startHarness();
  [auditor, commander] = await Promise.all([house.person('AUDITOR'), house.person('INCIDENT_COMMANDER')]);
  [grace, linus, third] = await Promise.all([
    house.person('CISO'),
    house.person('SECURITY_ADMIN'),
    house.person('CISO'),
  ]);
  const gate = {
    gateId: 'g-suspensions',
    gateName: 'suspensions',
    approvalRoles: [{ role: 'SECURITY_ADMIN' }],
    triggers: { actionTypes: ['ACCOUNT_SUSPEND', 'FORCE_PASSWORD_RESET'] },
  };
  const policy = { name: 'Suspensions', scope: 'ACTION_TYPE_BASED', policyGates: [gate] };
  policyId = (await made(house.admin.api('POST', `${BASE}/policies`, policy))).id;
  const suspend = { ...SUSPEND, requiresApproval: false };
  await made(house.admin.api('POST', BASE, byHand('suspends', [suspend])));
  const asks = { actionId: 'asks', actionType: 'USER_NOTIFICATION', parameters: { title: 'Look' } };
  const approval = { roles: ['SECURITY_ADMIN'], requiredApprovers: 1 };
  const staged = [
    { ...asks, requiresApproval: true, approval },
    { ...suspend, stage: 2 },
  ];
  await made(house.admin.api('POST', BASE, byHand('in-two-stages', staged)));
});
afterAll(() => house.stop());

async function made(asked: Promise<Reply>) {
  const { status, text, body } = await asked;
  expect(status, text).toBe(201);
  return body.data;
}

const proposal = (more: object = {}): object => ({
  policyId,
  gateName: 'suspensions',
  appliesTo: { userIds: ['anna'] },
  reason: 'a migration of test accounts',
  expiresAt: ahead(HOUR),
  ...more,
});
const propose = (more: object = {}, { api } = grace) => api('POST', EXEMPTIONS, proposal(more));
const confirm = ({ id, hash }: { id: string; hash: string }, api: Api = linus.api) =>
  api('POST', `${EXEMPTIONS}/${id}/confirm`, { hash });
const revoke = (id: string, { api } = third) => api('POST', `${EXEMPTIONS}/${id}/revoke`, { reason: 'no longer' });
const seen = async (id: string) => (await auditor.api('GET', `${EXEMPTIONS}/${id}`)).body.data;

async function inForce(more: object = {}) {
  const proposed = await made(propose(more));
  const { status, body } = await confirm(proposed);
  expect([status, body.data.status]).toEqual([200, 'IN_FORCE']);
  return body.data;
}

const refused = async (asked: Promise<Reply>): Promise<unknown[]> => {
  const { status, body } = await asked;
  return [status, body.code, body.errors?.[0]?.pointer ?? body.detail];
};

async function run(userId: string, { api } = commander, playbookId = 'suspends') {
  const { executionId } = (await made(api('POST', TRIGGER, { playbookId, userId }))) as { executionId: string };
  return house.settled(executionId);
}

/** Whether people are asked. Who is suspended already is not suspended again. */
async function asks(...given: Parameters<typeof run>): Promise<boolean> {
  const { status } = await run(...given);
  expect(['AWAITING_APPROVAL', 'COMPLETED', 'SKIPPED']).toContain(status);
  return status === 'AWAITING_APPROVAL';
}

describe('an exemption', () => {
  it('is proposed by one person and confirmed by another, and then nobody is asked for whom it is about', async () => {
    expect(await asks('anna')).toBe(true);
    const proposed = await made(propose());
    expect(proposed).toMatchObject({ status: 'PROPOSED', proposedBy: grace.id, confirmedBy: null, useCount: 0 });
    expect(await asks('anna')).toBe(true);
    const { body } = await confirm(proposed);
    expect(body.data).toMatchObject({ status: 'IN_FORCE', confirmedBy: linus.id, confirmBefore: null });

    const { executionId, status, approvals } = await run('anna');
    expect(status).toBe('COMPLETED');
    expect(await house.sandboxUser('anna')).toMatchObject({ suspended: expect.anything() });
    expect(await asks('carla')).toBe(true);

    const use = { executionId, actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', approvalId: approvals[0] };
    expect(await seen(proposed.id)).toMatchObject({
      useCount: 1,
      uses: [{ ...use, at: expect.stringContaining('T') }],
    });
    const answer = {
      gateName: 'suspensions',
      answer: 'APPROVE',
      exemption: { id: proposed.id, confirmedBy: linus.id },
    };
    const approval = (await auditor.api('GET', `${BASE}/approvals/${approvals[0]}`)).body.data;
    expect(approval).toMatchObject({ status: 'APPROVED', votes: [], automatic: [answer] });
    const audit = (await auditor.api('GET', `${BASE}/audits/${executionId}:suspend`)).body.data;
    expect(audit.approval.automatic).toMatchObject([answer]);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
    expect((await revoke(proposed.id)).status).toBe(200);
  });

  it('is listed by what it is now, the latest end first', async () => {
    const [later, sooner] = [await made(propose({ expiresAt: ahead(3 * HOUR) })), await inForce()];
    const listed = async (query: string) =>
      (await auditor.api('GET', `${EXEMPTIONS}${query}`)).body.data.map(({ id }: { id: string }) => id);
    expect(await listed('?status=PROPOSED')).toEqual([later.id]);
    expect(await listed('?status=IN_FORCE')).toEqual([sooner.id]);
    expect((await listed('')).slice(0, 2)).toEqual([later.id, sooner.id]);
    expect(await listed('?status=EXPIRED')).toEqual([]);
    for (const id of [later.id, sooner.id]) expect((await revoke(id)).body.data.status).toBe('REVOKED');
    expect(await listed('?status=REVOKED')).toContain(later.id);
    expect((await auditor.api('GET', `${EXEMPTIONS}?status=LAPSED`)).status).toBe(400);
  });

  it('ends by itself', async () => {
    const { id } = await inForce({ expiresAt: ahead(1_500) });
    await until('it has ended', async () => ((await seen(id)).status === 'EXPIRED' ? true : null));
    expect(await asks('anna')).toBe(true);
    expect(await refused(revoke(id))).toEqual([409, 'conflict', 'There is nothing to revoke: it is EXPIRED']);
  });

  it('is revoked by one person at once, for executions under way too', async () => {
    const { id } = await inForce({ expiresAt: ahead(HOUR) });
    const [first, second] = [
      await run('anna', commander, 'in-two-stages'),
      await run('anna', commander, 'in-two-stages'),
    ];
    const vote = async ({ approvals }: typeof first) => {
      expect((await linus.api('POST', `${BASE}/approvals/${approvals[0]}/approve`, {})).status).toBe(200);
    };
    await vote(first);
    expect(await house.settled(first.executionId, ['RUNNING', 'AWAITING_APPROVAL'])).toMatchObject({
      status: 'COMPLETED',
    });
    expect((await revoke(id)).body.data).toMatchObject({
      status: 'REVOKED',
      revokedBy: third.id,
      revokedReason: 'no longer',
    });
    await vote(second);
    const asked = await until('the second stage asks', async () => {
      const shown = (await auditor.api('GET', `${BASE}/executions/${second.executionId}`)).body.data;
      return shown.approvals.length === 2 && shown.status === 'AWAITING_APPROVAL' ? shown : null;
    });
    expect(asked).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await seen(id)).toMatchObject({ useCount: 1 });
    expect(await refused(revoke(id))).toEqual([409, 'conflict', 'There is nothing to revoke: it is REVOKED']);
  });

  it('holds after a restart, and is over in one when it was revoked', async () => {
    const { id } = await inForce();
    await house.restart();
    expect(await asks('anna')).toBe(false);
    expect((await revoke(id)).status).toBe(200);
    await house.restart();
    expect(await asks('anna')).toBe(true);
  });

  it('is told by a dry run and by the policies beforehand', async () => {
    const { id } = await inForce();
    const dry = async (userId: string) =>
      (await commander.api('POST', TRIGGER, { playbookId: 'suspends', userId, dryRun: true })).body.data.stages[0]
        .actions[0].approval;
    expect(await dry('anna')).toMatchObject({ needsApproval: false, automatic: [{ exemption: { id } }] });
    expect(await dry('carla')).toMatchObject({ needsApproval: true, automatic: [] });
    const question = { actionType: 'ACCOUNT_SUSPEND', riskLevel: 'HIGH', playbookId: 'suspends' };
    const evaluated = async (more: object) =>
      (await auditor.api('POST', `${BASE}/policies/evaluate`, { ...question, ...more })).body.data;
    expect(await evaluated({ targetIds: ['anna'] })).toMatchObject({
      needsApproval: false,
      automatic: [{ gateName: 'suspensions', exemption: { id, proposedBy: grace.id } }],
    });
    for (const targetIds of [[], ['carla'], ['anna', 'carla']])
      expect(await evaluated({ targetIds })).toMatchObject({ needsApproval: true, automatic: [] });
    await revoke(id);
    expect(await evaluated({ targetIds: ['anna'] })).toMatchObject({ needsApproval: true });
  });

  it('does not count for what those asked for who agreed on it', async () => {
    const { id } = await inForce();
    expect(await asks('anna', linus)).toBe(true);
    expect(await asks('anna', commander)).toBe(false);
    await revoke(id);
  });

  it('counts for the gate as it reads, and no longer when that is changed', async () => {
    const waiting = await made(propose());
    const { id } = await inForce();
    const path = `${BASE}/policies/${policyId}`;
    const { policyGates } = (await auditor.api('GET', path)).body.data;
    const saved = async (approvalTimeoutMs: number) =>
      house.admin.api('PUT', path, { policyGates: [{ ...policyGates[0], approvalTimeoutMs }] });
    expect((await saved(60_000)).status).toBe(200);
    expect(await asks('anna')).toBe(true);
    expect(await refused(confirm(waiting))).toEqual([
      409,
      'conflict',
      'The gate does not read any more as it did: propose it anew',
    ]);
    expect((await saved(policyGates[0].approvalTimeoutMs)).status).toBe(200);
    expect(await asks('anna')).toBe(false);
    await revoke(id);
  });
});

describe('who may not agree on an exemption', () => {
  it('is whoever has no role for it, a service, and nobody', async () => {
    const proposed = await made(propose());
    const service = await house.service('SECURITY_ADMIN');
    for (const { api } of [auditor, commander, service]) {
      expect((await api('POST', EXEMPTIONS, proposal())).status).toBe(403);
      expect((await confirm(proposed, api)).status).toBe(403);
      expect((await revoke(proposed.id, { ...third, api })).status).toBe(403);
    }
    expect((await house.anonymous('POST', EXEMPTIONS, proposal())).status).toBe(401);
    expect((await house.anonymous('GET', EXEMPTIONS)).status).toBe(401);
    expect(await seen(proposed.id)).toMatchObject({ status: 'PROPOSED' });
  });

  it('is the proposer, also under a second login', async () => {
    const twin = await house.person('SECURITY_ADMIN', { linkedAccounts: [grace.id] });
    const proposed = await made(propose());
    for (const api of [
      grace.api,
      house.apiOf((await grace.api('POST', '/api/keys', { name: 'second' })).body.data.secret),
      twin.api,
    ])
      expect(await refused(confirm(proposed, api))).toEqual([
        409,
        'conflict',
        'You have given your word on this already: another person has to, too',
      ]);
    const theirs = await made(propose({}, twin));
    expect((await confirm(theirs, grace.api)).status).toBe(409);
  });

  it('is whoever uses a key that the other one made', async () => {
    const borrowed = 'One of the two keys was made by the other person; confirm with a key that you made yourself';
    const guest = await house.person('CISO');
    const fromAdmin = await made(propose({}, house.admin));
    const borrower = await withLentKey(house, house.admin, guest);
    expect(await refused(confirm(fromAdmin, borrower.api))).toEqual([409, 'conflict', borrowed]);
    const fromGuest = await made(propose({}, borrower));
    expect(await refused(confirm(fromGuest, house.admin.api))).toEqual([409, 'conflict', borrowed]);
    const other = await withLentKey(house, house.admin, await house.person('CISO'));
    const both = 'Both keys were made by the same person; confirm with a key that you made yourself';
    expect(await refused(confirm(fromGuest, other.api))).toEqual([409, 'conflict', both]);
    expect((await confirm(fromAdmin, guest.api)).status).toBe(200);
    await revoke(fromAdmin.id);
  });

  it('is whom it is about, under any login', async () => {
    const anna = await house.person('CISO', { linkedAccounts: ['anna'] });
    const other = await house.person('CISO', { linkedAccounts: [anna.id] });
    const about = 'It is about an account of yours: two other people have to agree on it';
    const proposed = await made(propose());
    for (const person of [anna, other]) {
      expect(await refused(propose({}, person))).toEqual([409, 'conflict', about]);
      expect(await refused(confirm(proposed, person.api))).toEqual([409, 'conflict', about]);
    }
    expect((await made(propose({ appliesTo: { userIds: ['carla'] } }, anna))).status).toBe('PROPOSED');
  });

  it('is a proposer who was disabled or lost the role before the confirmation', async () => {
    const gone = 'Who proposed it may not propose it any more: somebody else has to';
    for (const change of [{ disabled: true }, { roles: ['AUDITOR'] }]) {
      const leaver = await house.person('SECURITY_ADMIN');
      const proposed = await made(propose({}, leaver));
      expect((await house.admin.api('PATCH', `/api/users/${leaver.id}`, change)).status).toBe(200);
      expect(await refused(confirm(proposed))).toEqual([409, 'conflict', gone]);
    }
  });

  it('is somebody whose role was taken away before they confirm', async () => {
    const leaver = await house.person('SECURITY_ADMIN');
    const proposed = await made(propose());
    expect((await house.admin.api('PATCH', `/api/users/${leaver.id}`, { roles: ['AUDITOR'] })).status).toBe(200);
    expect((await confirm(proposed, leaver.api)).status).toBe(403);
    expect(await seen(proposed.id)).toMatchObject({ status: 'PROPOSED' });
  });
});

describe('what is no exemption', () => {
  it('is refused with the member that is wrong, and nothing is saved', async () => {
    const before = house.counts().records;
    for (const [pointer, change] of [
      ['/appliesTo', { appliesTo: {} }],
      ['/appliesTo/condition', { appliesTo: { condition: 'true' } }],
      ['/expiresAt', { expiresAt: ahead(-1) }],
      ['/expiresAt', { expiresAt: ahead(91 * 24 * HOUR) }],
      ['/policyId', { policyId: 'playbook' }],
      ['/gateName', { gateName: 'irreversible-action' }],
      ['/gateId', { gateName: undefined, gateId: 'suspensions' }],
    ] as const)
      expect(await refused(propose(change)), pointer).toEqual([422, 'invalid_exemption', pointer]);
    expect(house.counts().records).toBe(before);
  });

  it('is confirmed by nobody who was shown something else, nor twice', async () => {
    const proposed = await made(propose({ gateName: undefined, gateId: 'g-suspensions' }));
    expect(proposed).toMatchObject({ gateName: 'suspensions', policyVersion: expect.any(Number) });
    const other = await made(propose());
    expect(await refused(confirm({ ...proposed, hash: other.hash }))).toEqual([
      409,
      'conflict',
      `This is not what ${proposed.id} proposes: look at it again`,
    ]);
    expect((await confirm({ ...proposed, hash: 'x' })).status).toBe(400);
    expect((await confirm(proposed)).status).toBe(200);
    expect(await refused(confirm(proposed, third.api))).toEqual([
      409,
      'conflict',
      'There is nothing to confirm: it is IN_FORCE',
    ]);
    expect((await revoke(proposed.id)).status).toBe(200);
    expect(await refused(confirm(proposed))).toEqual([409, 'conflict', 'There is nothing to confirm: it is REVOKED']);
    expect((await confirm({ ...proposed, id: 'exm_unknown' })).status).toBe(404);
    expect((await auditor.api('GET', `${EXEMPTIONS}/exm_unknown`)).status).toBe(404);
  });

  it('is confirmed once when two people do it at the same moment', async () => {
    const proposed = await made(propose());
    const both = await Promise.all([confirm(proposed), confirm(proposed, third.api)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    await revoke(proposed.id);
  });

  it('is what a policy says of itself, or of what cannot be undone: a warning says so', async () => {
    const reset = await made(
      propose({ appliesTo: { actionTypes: ['FORCE_PASSWORD_RESET'], playbookIds: ['nobody'] } }),
    );
    expect(reset.status).toBe('PROPOSED');
    const { body } = await propose({ appliesTo: { actionTypes: ['FORCE_PASSWORD_RESET'], playbookIds: ['nobody'] } });
    expect(body.warnings).toEqual([
      '/appliesTo/actionTypes: people are asked for FORCE_PASSWORD_RESET all the same: it cannot be undone',
      '/appliesTo/playbookIds: there is no playbook nobody',
    ]);
    const exemptions = [{ reason: 'r', expiresAt: Date.now() + HOUR }];
    const gate = { gateName: 'g', approvalRoles: [{ role: 'CISO' }], triggers: { playbookIds: ['none'] }, exemptions };
    const policy = { name: 'own', scope: 'SPECIFIC_PLAYBOOKS', policyGates: [gate] };
    const saved = await house.admin.api('POST', `${BASE}/policies`, policy);
    expect(saved.body.warnings?.join()).toContain('POST /api/exemptions');
  });

  it('does not lift what protects an identity', async () => {
    const { id } = await inForce({ appliesTo: { userIds: ['bela'] } });
    const identities = [{ id: 'bela', reason: 'approves payments' }];
    const list = '/api/guards/protected-identities';
    expect((await house.admin.api('PUT', list, { identities })).status).toBe(200);
    expect(await asks('bela')).toBe(true);
    expect((await house.admin.api('PUT', list, { identities: [] })).status).toBe(200);
    expect(await asks('bela')).toBe(false);
    expect(await seen(id)).toMatchObject({ useCount: 1 });
  });
});

describe('the rows of exemptions and of their uses', () => {
  it.each([
    [`update views set status = 'IN_FORCE' where kind = 'exemption' and status = 'REVOKED'`, 'what lists filter by'],
    [`update views set body = json_set(body, '$.terms.expiresAt', 1) where kind = 'exemption'`, 'in terms'],
    [`delete from views where kind = 'exemption'`, 'is missing'],
    [`delete from views where kind = 'exemption-use'`, 'is missing'],
    [`update views set body = json_set(body, '$.actionId', 'x') where kind = 'exemption-use'`, 'in actionId'],
    [`update views set parent = 'exm_x' where kind = 'exemption-use'`, 'what lists filter by'],
  ])('are compared with the records: %s', async (sql, problem) => {
    const rows = house.database();
    rows.exec('create table kept as select * from views');
    rows.exec(sql);
    try {
      const verdict = await verified(house.dataDir);
      expect(verdict).toMatchObject({ code: 1, intact: false });
      expect(verdict.problem).toContain(problem);
    } finally {
      rows.exec('delete from views; insert into views select * from kept; drop table kept');
    }
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
