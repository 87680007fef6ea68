import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Api, type Harness, type Person, startHarness, verified } from '../support/server.ts';

let house: Harness;
let api: Api;
let made = 0;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
});
afterAll(() => house.stop());

const fresh = (prefix: string): string => `${prefix}${(made += 1)}`;
async function data(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`);
  return body.data;
}
const group = (more: object = {}) => data(api('POST', '/api/groups', { name: fresh('group '), ...more }));
const role = (more: object = {}) => data(api('POST', '/api/roles', { name: fresh('ROLE_'), ...more }));

describe('a group', () => {
  it('is made, shown, changed and deleted, each with its version', async () => {
    const desk = await group({ description: 'looks at fraud', roles: ['LEGAL', 'AUDITOR', 'LEGAL'] });
    expect(desk).toMatchObject({ roles: ['LEGAL', 'AUDITOR'], version: 1, savedBy: house.admin.id });
    const path = `/api/groups/${desk.id}`;
    const seen = await api('GET', path);
    expect([seen.body.data.members, seen.headers.get('etag')]).toEqual([[], '"1"']);
    expect((await api('PATCH', path, { roles: [] }, { 'if-match': '"7"' })).status).toBe(412);
    const changed = await api('PATCH', path, { roles: ['AUDITOR'] }, { 'if-match': '"1"' });
    expect([changed.status, changed.body.data.roles, changed.body.data.version]).toEqual([200, ['AUDITOR'], 2]);
    expect((await api('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
    expect((await api('DELETE', path, undefined, { 'if-match': '"2"' })).status).toBe(200);
    expect((await api('GET', path)).status).toBe(404);
    expect((await api('PATCH', path, {})).status).toBe(404);
  });

  it.each([
    [{ name: '' }, '/name'],
    [{ name: 'g', roles: ['auditor'] }, '/roles/0'],
    [{ name: 'g', roles: ['LEGAL', 'AUDITER'] }, '/roles/1'],
    [{ name: 'g', groups: ['grp_1'] }, '/groups'],
  ])('is refused as %j', async (given, pointer) => {
    expect((await api('POST', '/api/groups', given)).body).toMatchObject({ status: 400, errors: [{ pointer }] });
  });

  it('proposes the names that are written most like an unknown one', async () => {
    const { body } = await api('POST', '/api/groups', { name: 'g', roles: ['AUDITER'] });
    expect(body.errors?.[0]?.detail).toContain('Is it AUDITOR');
  });

  it('is the only one of its name, whatever its case', async () => {
    const { name } = await group();
    expect((await api('POST', '/api/groups', { name: ` ${String(name).toUpperCase()} ` })).status).toBe(409);
  });

  it('holds people only, who are put in once, and stays as long as somebody is in it', async () => {
    const [desk, other] = [await group({ roles: ['LEGAL'] }), await group()];
    const [person, service] = [await house.person('AUDITOR'), await house.service('AUDITOR')];
    const put = (id: string) => api('PUT', `/api/groups/${desk.id}/members/${id}`);
    expect((await put(other.id)).body).toMatchObject({ status: 400, errors: [{ pointer: '/userId' }] });
    expect((await put(service.id)).body).toMatchObject({ status: 400, errors: [{ pointer: '/groups' }] });
    expect((await put('usr_nobody')).status).toBe(404);
    expect((await api('PUT', `/api/groups/grp_none/members/${person.id}`)).status).toBe(404);
    expect((await put(person.id)).body.data).toMatchObject({ groups: [desk.id], effectiveRoles: ['LEGAL', 'AUDITOR'] });
    const before = house.counts();
    expect((await put(person.id)).status).toBe(200);
    expect(house.counts()).toEqual(before);
    expect((await api('GET', `/api/groups/${desk.id}`)).body.data.members).toEqual([person.id]);
    expect((await api('DELETE', `/api/groups/${desk.id}`)).body).toMatchObject({ status: 409 });
    expect((await api('DELETE', `/api/groups/${desk.id}/members/${person.id}`)).body.data.groups).toEqual([]);
    expect((await api('DELETE', `/api/groups/${desk.id}`)).status).toBe(200);
  });

  it('can be given with an account, by its id', async () => {
    const desk = await group({ roles: ['LEGAL'] });
    const user = { name: 'New', email: `${fresh('new')}@soc.example`, groups: [desk.id] };
    const { body } = await api('POST', '/api/users', user);
    expect(body.data).toMatchObject({ roles: [], groups: [desk.id], effectiveRoles: ['LEGAL'] });
    const wrong = { ...user, email: `${fresh('new')}@soc.example`, groups: ['grp_none'] };
    expect((await api('POST', '/api/users', wrong)).body).toMatchObject({
      status: 400,
      errors: [{ pointer: '/groups/0' }],
    });
  });
});

describe('a role of the organisation', () => {
  it('is made, shown beside the built-in ones, changed and deleted', async () => {
    const lead = await role({ operations: ['metrics.read', 'incident.read'], description: 'leads' });
    expect(lead).toMatchObject({ id: lead.name, builtIn: false, operations: ['incident.read', 'metrics.read'] });
    const all = (await api('GET', '/api/roles?limit=200')).body.data;
    expect(all[0]).toMatchObject({ name: 'SECURITY_ADMIN', builtIn: true });
    expect(all.at(-1)).toMatchObject({ name: lead.name });
    const path = `/api/roles/${lead.name}`;
    expect((await api('PATCH', path, { operations: [] }, { 'if-match': '"2"' })).status).toBe(412);
    expect((await api('PATCH', path, { operations: [] }, { 'if-match': '"1"' })).body.data).toMatchObject({
      operations: [],
      version: 2,
    });
    expect((await api('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
    expect((await api('DELETE', path)).status).toBe(200);
    expect([(await api('GET', path)).status, (await api('DELETE', path)).status]).toEqual([404, 404]);
  });

  it.each([
    [{ name: 'SECURITY_ADMIN' }, '/name'],
    [{ name: 'lower' }, '/name'],
    [{ name: 'AB' }, '/name'],
    [{ name: `A${'B'.repeat(41)}` }, '/name'],
    [{ name: '__PROTO__' }, '/name'],
    [{ name: 'FINE_NAME', operations: ['everything'] }, '/operations/0'],
  ])('is refused as %j', async (given, pointer) => {
    expect((await api('POST', '/api/roles', given)).body).toMatchObject({ status: 400, errors: [{ pointer }] });
  });

  it('has its name alone, and no built-in one is changed or deleted', async () => {
    const { name } = await role();
    expect((await api('POST', '/api/roles', { name })).status).toBe(409);
    expect((await api('PATCH', '/api/roles/AUDITOR', { operations: ['user.manage'] })).status).toBe(409);
    expect((await api('DELETE', '/api/roles/AUDITOR')).status).toBe(409);
    expect((await api('GET', '/api/roles/AUDITOR')).body.data).toMatchObject({ builtIn: true });
  });

  it('stays as long as an account, a group or a policy names it, which the refusal says', async () => {
    const { name } = await role();
    const person = await data(
      api('POST', '/api/users', { name: 'P', email: `${fresh('p')}@soc.example`, roles: [name] }),
    );
    const desk = await group({ roles: [name] });
    const policy = await data(api('POST', `${BASE}/policies`, asking(name, { enabled: false })));
    const refusal = await api('DELETE', `/api/roles/${name}`);
    expect([refusal.status, refusal.body.detail]).toEqual([
      409,
      expect.stringContaining(`account ${person.id}, group ${desk.id} (${desk.name}), policy ${policy.id}`),
    ]);
    await data(api('PATCH', `/api/users/${person.id}`, { roles: [] }));
    await data(api('PATCH', `/api/groups/${desk.id}`, { roles: [] }));
    expect((await api('DELETE', `/api/roles/${name}`)).body.detail).toContain(
      `${name} is in use: policy ${policy.id}.`,
    );
    await data(api('PUT', `${BASE}/policies/${policy.id}`, asking('LEGAL', { enabled: false })));
    expect((await api('DELETE', `/api/roles/${name}`)).status).toBe(200);
  });
});

/** A policy whose only gate asks people of a role about suspensions of one playbook. */
function asking(name: string, more: object = {}, gate: object = {}) {
  const [first] = POLICY.policyGates;
  const asks = { ...first, gateName: 'own', approvalRoles: [{ role: name }], requiredApprovers: 1, ...gate };
  return { name: fresh('policy '), policyGates: [{ ...asks, triggers: { playbookIds: [PLAYBOOK] } }], ...more };
}
const PLAYBOOK = 'asks-own-roles';

describe('a gate that asks for a role of the organisation', () => {
  let name: string;
  let requester: Person;
  beforeAll(async () => {
    ({ name } = await role());
    requester = await house.person('INCIDENT_COMMANDER');
    await data(api('POST', BASE, byHand(PLAYBOOK, [{ ...SUSPEND, requiresApproval: false }])));
    await data(api('POST', `${BASE}/policies`, asking(name)));
  });

  async function asked(): Promise<{ readonly id: string; readonly intentHash: string }> {
    const run = await data(
      requester.api('POST', `${BASE}/executions/trigger`, { playbookId: PLAYBOOK, userId: fresh('user-') }),
    );
    await house.settled(run.id);
    return (await data(api('GET', `${BASE}/approvals?executionId=${run.id}`)))[0];
  }
  const approve = (who: Person, id: string) => who.api('POST', `${BASE}/approvals/${id}/approve`, {});

  it('is answered by who has it, directly or by a group, beside a role that may vote', async () => {
    const desk = await group({ roles: [name] });
    const [own, grouped, other] = await Promise.all([1, 2, 3].map(() => house.person('LEGAL')));
    if (own === undefined || grouped === undefined || other === undefined) throw new Error('three people');
    await data(api('PATCH', `/api/users/${own.id}`, { roles: ['LEGAL', name] }));
    await data(api('PUT', `/api/groups/${desk.id}/members/${grouped.id}`));
    const [first, second] = [await asked(), await asked()];
    const refused = await approve(other, first.id);
    expect([refused.status, refused.body.code]).toEqual([403, 'cannot_vote']);
    expect((await approve(own, first.id)).status).toBe(200);
    expect((await approve(grouped, second.id)).status).toBe(200);
    const third = await asked();
    await data(api('DELETE', `/api/groups/${desk.id}/members/${grouped.id}`));
    expect((await approve(grouped, third.id)).body.code).toBe('cannot_vote');
  });

  it('is not answered by the role alone: approval.vote is needed to vote', async () => {
    const person = await house.person('AUDITOR');
    await data(api('PATCH', `/api/users/${person.id}`, { roles: ['AUDITOR', name] }));
    const { id } = await asked();
    expect((await approve(person, id)).body.code).toBe('forbidden');
    await data(api('PATCH', `/api/roles/${name}`, { operations: ['approval.vote'] }));
    expect((await approve(person, id)).status).toBe(200);
    await data(api('PATCH', `/api/roles/${name}`, { operations: [] }));
  });

  it('says in a warning that people of a role without approval.vote need another one', async () => {
    const { body } = await api('POST', `${BASE}/policies`, asking(name, { enabled: false }));
    expect(body.warnings).toContainEqual(expect.stringContaining(`${name} does not include approval.vote`));
  });

  it('is refused with the nearest names when there is no such role', async () => {
    const { body } = await api('POST', `${BASE}/policies`, asking('SECURTY_ADMIN'));
    expect(body).toMatchObject({
      status: 422,
      code: 'invalid_policy',
      errors: [{ pointer: '/policyGates/0/approvalRoles/0/role' }],
    });
    expect(body.errors?.[0]?.detail).toContain('Is it SECURITY_ADMIN');
  });

  it('can escalate to it: who has it stands in from then on, and a name that nobody has says which are like it', async () => {
    const escalationPath = [{ escalationLevel: 1, delayMs: 60_000, escalateTo: name }];
    const saved = await data(api('POST', `${BASE}/policies`, asking('LEGAL', { enabled: false }, { escalationPath })));
    expect((await api('DELETE', `/api/roles/${name}`)).body.detail).toContain(`policy ${saved.id}`);
    const { body } = await api(
      'POST',
      `${BASE}/policies`,
      asking('LEGAL', { enabled: false }, { escalationPath: [{ ...escalationPath[0], escalateTo: 'CISSO' }] }),
    );
    expect(body.warnings).toContainEqual(expect.stringContaining('There is no role CISSO. Is it CISO'));
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.restart();
    expect((await api('GET', '/api/roles?limit=200')).status).toBe(200);
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
