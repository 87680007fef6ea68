import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/pipeline/access/operations.ts';
import { BASE } from '../support/playbooks.ts';
import { type Api, type Harness, type Person, startHarness, verified } from '../support/server.ts';

/** Attacks by who knows the code: rights that nobody gave, by groups and by roles of the organisation. */

let house: Harness;
let api: Api;
let ciso: Person;
let made = 0;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
  api = house.admin.api;
  ciso = await house.person('CISO');
});
afterAll(() => house.stop());

const fresh = (prefix: string): string => `${prefix}${(made += 1)}`;
async function data(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`);
  return body.data;
}
const group = async (roles: readonly string[], by: Api = api): Promise<string> =>
  (await data(by('POST', '/api/groups', { name: fresh('group '), roles }))).id;
const role = async (operations: readonly Operation[], by: Api = api): Promise<string> =>
  (await data(by('POST', '/api/roles', { name: fresh('ROLE_'), operations }))).name;
const join = (by: Api, id: string, userId: string) => by('PUT', `/api/groups/${id}/members/${userId}`);
const give = (person: Person, roles: readonly string[]) => data(api('PATCH', `/api/users/${person.id}`, { roles }));

/** Nothing is stored while `work` is refused with this status. */
async function nothing(status: number, work: () => Promise<{ readonly status: number }>): Promise<void> {
  const before = house.counts();
  expect((await work()).status).toBe(status);
  expect(house.counts()).toEqual(before);
}

describe('by a group', () => {
  it('nobody puts themselves in or takes themselves out, on either of the two ways', async () => {
    const [own, other] = [await group(['CISO']), await group(['CISO'])];
    await nothing(403, () => join(ciso.api, own, ciso.id));
    await nothing(403, () => ciso.api('PATCH', `/api/users/${ciso.id}`, { groups: [own] }));
    await nothing(403, () => join(api, own, house.admin.id));
    await data(join(api, other, ciso.id));
    await nothing(403, () => ciso.api('DELETE', `/api/groups/${other}/members/${ciso.id}`));
    await nothing(403, () => ciso.api('PATCH', `/api/users/${ciso.id}`, { groups: [] }));
    await data(api('DELETE', `/api/groups/${other}/members/${ciso.id}`));
  });

  it('nobody gives what they lack: to a new group, to one with people, or by putting somebody in', async () => {
    const analyst = await house.person('SECURITY_ANALYST');
    const [empty, admins] = [await group([]), await group(['SECURITY_ADMIN'])];
    await nothing(403, () => ciso.api('POST', '/api/groups', { name: fresh('g'), roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => ciso.api('PATCH', `/api/groups/${empty}`, { roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => ciso.api('PATCH', `/api/groups/${admins}`, { roles: [] }));
    await nothing(403, () => ciso.api('DELETE', `/api/groups/${admins}`));
    await nothing(403, () => join(ciso.api, admins, analyst.id));
    await nothing(403, () => ciso.api('POST', '/api/users', { name: 'N', email: 'n@soc.example', groups: [admins] }));
  });

  it('a group that gets a role after its people joined gives it to nobody who may not have it', async () => {
    const desk = await group([]);
    const admin = await house.person('SECURITY_ADMIN');
    await data(join(api, desk, ciso.id));
    // The own roles, by the group one is in; and those of somebody with a role that the writer lacks.
    await nothing(403, () => ciso.api('PATCH', `/api/groups/${desk}`, { roles: ['CISO', 'LEGAL'] }));
    await data(api('DELETE', `/api/groups/${desk}/members/${ciso.id}`));
    await data(join(api, desk, admin.id));
    await nothing(403, () => ciso.api('PATCH', `/api/groups/${desk}`, { roles: ['CISO'] }));
    // An administrator may give all roles, and still not to themselves.
    await nothing(403, () => admin.api('PATCH', `/api/groups/${desk}`, { roles: ['INCIDENT_COMMANDER'] }));
    expect((await api('PATCH', `/api/groups/${desk}`, { roles: ['INCIDENT_COMMANDER'] })).status).toBe(200);
  });

  it('who is administrator by a group is one: no key, password or change by who is none', async () => {
    const admins = await group(['SECURITY_ADMIN']);
    const person = await house.person('CISO');
    await data(join(api, admins, person.id));
    await nothing(403, () => ciso.api('POST', '/api/keys', { userId: person.id, name: 'mine' }));
    await nothing(403, () => ciso.api('POST', `/api/users/${person.id}/invitations`));
    await nothing(403, () => ciso.api('PATCH', `/api/users/${person.id}`, { disabled: true }));
    const [key] = (await api('GET', `/api/keys?userId=${person.id}`)).body.data;
    await nothing(403, () => ciso.api('DELETE', `/api/keys/${key.id}`));
    // Once out of the group it is a CISO like any other.
    await data(api('DELETE', `/api/groups/${admins}/members/${person.id}`));
    expect((await ciso.api('POST', '/api/keys', { userId: person.id, name: 'theirs' })).status).toBe(201);
  });

  it('groups hold no groups', async () => {
    const [outer, inner] = [await group(['CISO']), await group([])];
    await nothing(400, () => join(api, outer, inner));
    await nothing(400, () => api('PATCH', `/api/groups/${inner}`, { groups: [outer] }));
  });

  it('the last administrator stays, also where they are one by a group', async () => {
    const lone = await startHarness({ withoutSandbox: true });
    try {
      const admins = await data(lone.admin.api('POST', '/api/groups', { name: 'admins', roles: ['SECURITY_ADMIN'] }));
      const second = await lone.person('CISO');
      await data(lone.admin.api('PUT', `/api/groups/${admins.id}/members/${second.id}`));
      // Two are there: the one by the group takes the other's role away and is the last.
      await data(second.api('PATCH', `/api/users/${lone.admin.id}`, { roles: ['CISO'] }));
      const helper = { name: 'H', email: 'h@soc.example', roles: ['SECURITY_ADMIN'] };
      expect((await lone.admin.api('POST', '/api/users', helper)).status).toBe(403);
      const before = lone.counts();
      for (const [method, path, body] of [
        ['PATCH', `/api/groups/${admins.id}`, { roles: [] }],
        ['DELETE', `/api/groups/${admins.id}/members/${second.id}`, undefined],
      ] as const)
        for (const by of [second.api, lone.admin.api]) expect((await by(method, path, body)).status).toBe(403);
      expect(lone.counts()).toEqual(before);
      expect((await second.api('GET', '/api/users')).status).toBe(200);
    } finally {
      await lone.stop();
    }
  });
});

describe('by a role of the organisation', () => {
  it('nobody makes or changes one beyond what they may do themselves', async () => {
    await nothing(403, () => ciso.api('POST', '/api/roles', { name: fresh('ROLE_'), operations: ['playbook.write'] }));
    const [wide, narrow] = [await role(['playbook.write']), await role(['policy.write'])];
    await nothing(403, () => ciso.api('PATCH', `/api/roles/${wide}`, { operations: [] }));
    await nothing(403, () => ciso.api('DELETE', `/api/roles/${wide}`));
    await nothing(403, () => ciso.api('PATCH', `/api/roles/${narrow}`, { operations: ['playbook.write'] }));
    expect((await ciso.api('PATCH', `/api/roles/${narrow}`, { operations: ['guard.write'] })).status).toBe(200);
  });

  it('nobody gives one that they do not hold, though it were their own work', async () => {
    const name = await role(['policy.write'], ciso.api);
    const analyst = await house.person('SECURITY_ANALYST');
    const legal = await house.person('CISO');
    await nothing(403, () => ciso.api('PATCH', `/api/users/${ciso.id}`, { roles: ['CISO', name] }));
    await nothing(403, () => ciso.api('PATCH', `/api/users/${analyst.id}`, { roles: [name] }));
    await nothing(403, () => ciso.api('PATCH', `/api/users/${legal.id}`, { roles: ['CISO', name] }));
    await nothing(403, () => ciso.api('POST', '/api/groups', { name: fresh('g'), roles: [name] }));
  });

  it('nobody changes one that they hold, by themselves or by a group', async () => {
    const name = await role(['user.manage', 'key.own', 'user.read']);
    const [own, grouped] = [await house.person('CISO'), await house.person('CISO')];
    await give(own, ['CISO', name]);
    await data(join(api, await group([name]), grouped.id));
    for (const { api: by } of [own, grouped]) {
      await nothing(403, () => by('PATCH', `/api/roles/${name}`, { operations: ['guard.write'] }));
      await nothing(403, () => by('DELETE', `/api/roles/${name}`));
    }
  });

  it('user.manage alone reaches only people who have nothing else', async () => {
    const name = await role(['user.manage', 'user.read']);
    const clerk = await house.person('AUDITOR');
    await give(clerk, [name]);
    const analyst = await house.person('SECURITY_ANALYST');
    await nothing(403, () => clerk.api('PATCH', `/api/users/${analyst.id}`, { disabled: true }));
    await nothing(403, () => clerk.api('POST', `/api/users/${analyst.id}/invitations`));
    await nothing(403, () => clerk.api('POST', '/api/users', { name: 'X', email: 'x@soc.example', roles: ['LEGAL'] }));
    await nothing(403, () => clerk.api('POST', '/api/roles', { name: fresh('ROLE_'), operations: ['key.manage'] }));
    expect(
      (await clerk.api('POST', '/api/users', { name: 'Y', email: fresh('y@soc.example'), roles: [name] })).status,
    ).toBe(201);
  });

  it('a scoped key makes no role, and changes none, beyond its scopes', async () => {
    const scopes = ['user.manage', 'user.read'];
    const key = await data(api('POST', '/api/keys', { name: 'narrow', scopes }));
    const narrow = house.apiOf(key.secret);
    await nothing(403, () => narrow('POST', '/api/roles', { name: fresh('ROLE_'), operations: ['policy.write'] }));
    expect((await narrow('POST', '/api/roles', { name: fresh('ROLE_'), operations: ['user.read'] })).status).toBe(201);
  });

  it('what is for people only stays so, and a key holds no more than its owner has now', async () => {
    const name = await role(['approval.vote', 'user.manage', 'incident.read', 'key.own']);
    const { body } = await api('POST', '/api/users', { kind: 'service', name: 's', roles: [name] });
    const key = await data(api('POST', '/api/keys', { userId: body.data.id, name: 'k' }));
    const service = house.apiOf(key.secret);
    expect((await service('GET', '/api/incidents')).status).toBe(200);
    await nothing(403, () => service('POST', '/api/users', { kind: 'service', name: 't', roles: [] }));
    await nothing(403, () => service('POST', `${BASE}/approvals/apr_1/approve`));
    await data(api('PATCH', `/api/roles/${name}`, { operations: [] }));
    expect((await service('GET', '/api/incidents')).status).toBe(403);
    await nothing(400, () => api('POST', '/api/keys', { userId: body.data.id, name: 'k', scopes: ['incident.read'] }));
  });

  it('none has the name of a built-in one, and none is made by guessing what a policy will name', async () => {
    for (const name of ['SECURITY_ADMIN', 'AUDITOR', 'constructor', '__proto__'])
      await nothing(400, () => api('POST', '/api/roles', { name, operations: [] }));
    // A step to somebody unknown leaves the fallback users; a role that is called so later is not meant by it.
    const later = fresh('LATER_');
    const gate = {
      gateName: 'own',
      approvalRoles: [{ role: 'LEGAL' }],
      escalationPath: [{ escalationLevel: 1, delayMs: 60_000, escalateTo: later }],
      triggers: { playbookIds: ['nobody-runs-it'] },
    };
    const policy = await data(api('POST', `${BASE}/policies`, { name: fresh('p'), policyGates: [gate] }));
    await data(api('POST', '/api/roles', { name: later, operations: ['approval.vote'] }));
    const question = { actionType: 'ACCOUNT_SUSPEND', riskLevel: 'LOW', playbookId: 'nobody-runs-it' };
    const standIns = async () =>
      (await data(api('POST', `${BASE}/policies/evaluate`, question))).approval.requirements[0].standIns;
    expect(await standIns()).toEqual([{ who: 'user', id: later.toLowerCase(), afterMs: 60_000 }]);
    await data(api('PUT', `${BASE}/policies/${policy.id}`, { description: 'it means the role now' }));
    expect(await standIns()).toEqual([{ who: 'role', id: later, afterMs: 60_000 }]);
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
