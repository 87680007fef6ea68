import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Api, type Body, type Harness, type Person, startHarness, verified } from '../support/server.ts';

/** Changes that take a safeguard away, on a server where they need a second person. */

let house: Harness;
let api: Api;
let second: Person;
let made = 0;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { POLICY_CHANGES_BY_TWO: 'on' } });
  api = house.admin.api;
  second = await house.person('CISO');
});
afterAll(() => house.stop());

const fresh = (prefix: string): string => `${prefix}${(made += 1)}`;
async function data(asked: ReturnType<Api>): Promise<NonNullable<Body['data']>> {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`);
  return body.data;
}
const policyNow = (id: string) => data(api('GET', `${BASE}/policies/${id}`));
const decide = (by: Api, verb: 'confirm' | 'reject', id: string, body: object) =>
  by('POST', `/api/changes/${id}/${verb}`, body);

/** A policy in force. */
async function policy(): Promise<string> {
  const gate = { ...POLICY.policyGates[0], autoApproveConditions: undefined, fallbackBehavior: 'DENY_ACTION' };
  return (await data(api('POST', `${BASE}/policies`, { name: fresh('policy '), policyGates: [gate] }))).id;
}
/** Its switching off, which waits. */
async function proposal(
  by: Api = api,
  id?: string,
): Promise<{ readonly id: string; readonly hash: string; readonly target: string }> {
  const reply = await by('PUT', `${BASE}/policies/${id ?? (await policy())}`, { enabled: false });
  expect(reply.status).toBe(202);
  return reply.body.data;
}
/** Nothing is stored while `work` is refused with this status. */
async function nothing(status: number, work: () => Promise<{ readonly status: number }>): Promise<void> {
  const before = house.counts();
  expect((await work()).status).toBe(status);
  expect(house.counts()).toEqual(before);
}

describe('a change that takes nothing away', () => {
  it('is in force at once: a first policy, one more gate, one more protected identity, a lower limit', async () => {
    const id = await policy();
    const { policyGates } = await policyNow(id);
    const more = [...policyGates, { ...policyGates[0], gateName: 'one more' }];
    const reply = await api('PUT', `${BASE}/policies/${id}`, { policyGates: more });
    expect([reply.status, reply.body.data.version]).toEqual([200, 2]);
    const identities = [{ id: 'break-glass', reason: 'the last way in' }];
    expect((await api('PUT', '/api/guards/protected-identities', { identities })).status).toBe(200);
    const { limits } = await data(api('GET', '/api/guards/blast-radius'));
    const lower = limits.map((limit: { perHour: number }) => ({ ...limit, perHour: limit.perHour - 1 }));
    expect((await api('PUT', '/api/guards/blast-radius', { limits: lower })).status).toBe(200);
  });
});

describe('a change that takes a safeguard away', () => {
  it('waits, says what it takes away, and is in force once another person has confirmed it', async () => {
    const id = await policy();
    const reply = await api('PUT', `${BASE}/policies/${id}`, { enabled: false });
    expect([reply.status, reply.headers.get('etag')]).toEqual([202, null]);
    expect(reply.body.warnings).toEqual([expect.stringContaining('another person has to confirm it')]);
    const change = reply.body.data;
    expect(change).toMatchObject({ kind: 'policy', target: id, status: 'PROPOSED', proposedBy: house.admin.id });
    expect(change.weakens[0]).toContain('does not ask any more');
    expect(await policyNow(id)).toMatchObject({ enabled: true, version: 1 });
    const waiting = await data(second.api('GET', '/api/changes?status=PROPOSED'));
    expect(waiting.map((each: { id: string }) => each.id)).toContain(change.id);
    const confirmed = await decide(second.api, 'confirm', change.id, { hash: change.hash });
    expect(confirmed.body.data).toMatchObject({ status: 'CONFIRMED', confirmedBy: second.id });
    expect(await policyNow(id)).toMatchObject({ enabled: false, version: 2, savedBy: house.admin.id });
    await nothing(409, () => decide(second.api, 'confirm', change.id, { hash: change.hash }));
    await nothing(409, () => decide(api, 'reject', change.id, { reason: 'too late' }));
  });

  it('is asked for in the same way for protected identities and limits', async () => {
    for (const [path, body] of [
      ['/api/guards/protected-identities', { identities: [] }],
      ['/api/guards/blast-radius', { limits: [] }],
    ] as const) {
      const before = await data(api('GET', path));
      const change = await data(api('PUT', path, body));
      expect(change).toMatchObject({ kind: 'guard', status: 'PROPOSED', baseVersion: before.version });
      expect(await data(api('GET', path))).toEqual(before);
      expect((await decide(second.api, 'confirm', change.id, { hash: change.hash })).status).toBe(200);
      expect(await data(api('GET', path))).toMatchObject({ ...body, version: before.version + 1 });
    }
  });

  it('is rejected or withdrawn with a reason, and nothing has changed', async () => {
    for (const who of [second.api, api]) {
      const change = await proposal();
      const rejected = await decide(who, 'reject', change.id, { reason: 'we need it' });
      expect(rejected.body.data).toMatchObject({ status: 'REJECTED', rejectedReason: 'we need it' });
      await nothing(409, () => decide(second.api, 'confirm', change.id, { hash: change.hash }));
      expect(await policyNow(change.target)).toMatchObject({ enabled: true, version: 1 });
    }
  });

  it('is judged before it waits: a wrong version or a fault is refused as ever', async () => {
    const id = await policy();
    await nothing(412, () => api('PUT', `${BASE}/policies/${id}`, { enabled: false }, { 'if-match': '"9"' }));
    await nothing(422, () => api('PUT', `${BASE}/policies/${id}`, { policyGates: [] }));
    await nothing(422, () => api('PUT', '/api/guards/blast-radius', { limits: [{ actionType: 'NONE', perHour: 1 }] }));
    await nothing(400, () => decide(second.api, 'confirm', 'chg_1', {}));
    await nothing(400, () => decide(second.api, 'reject', 'chg_1', { reason: ' ' }));
    await nothing(404, () => decide(second.api, 'confirm', 'chg_1', { hash: 'a'.repeat(64) }));
    await nothing(404, () => api('GET', '/api/changes/chg_1'));
  });

  it('counts for what was shown, and for the version that it was to replace', async () => {
    const change = await proposal();
    await nothing(409, () => decide(second.api, 'confirm', change.id, { hash: 'a'.repeat(64) }));
    const { policyGates } = await policyNow(change.target);
    const more = [...policyGates, { ...policyGates[0], gateName: 'one more' }];
    await data(api('PUT', `${BASE}/policies/${change.target}`, { policyGates: more }));
    await nothing(409, () => decide(second.api, 'confirm', change.id, { hash: change.hash }));
    expect(await policyNow(change.target)).toMatchObject({ enabled: true, version: 2 });
  });

  it('comes into force once when two confirm it at the same moment', async () => {
    const [change, third] = [await proposal(), await house.person('SECURITY_ADMIN')];
    const replies = await Promise.all(
      [second, third].map(({ api: by }) => decide(by, 'confirm', change.id, { hash: change.hash })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await policyNow(change.target)).toMatchObject({ enabled: false, version: 2 });
  });
});

describe('one person alone', () => {
  it('confirms nothing that they proposed: themselves, by another key, by a linked login, by a key they made', async () => {
    const change = await proposal();
    const body = { hash: change.hash };
    await nothing(409, () => decide(api, 'confirm', change.id, body));
    const key = await data(api('POST', '/api/keys', { name: 'another' }));
    await nothing(409, () => decide(house.apiOf(key.secret), 'confirm', change.id, body));
    const alias = await house.person('CISO', { linkedAccounts: ['ada@soc.example'] });
    await nothing(409, () => decide(alias.api, 'confirm', change.id, body));
    const made1 = await data(api('POST', '/api/keys', { userId: second.id, name: 'made by the proposer' }));
    await nothing(409, () => decide(house.apiOf(made1.secret), 'confirm', change.id, body));
    expect(await policyNow(change.target)).toMatchObject({ enabled: true, version: 1 });
  });

  it('has no helper in a service account, an analyst, or a role that may confirm and not write', async () => {
    const change = await proposal();
    const body = { hash: change.hash };
    const [service, analyst] = [await house.service('SECURITY_ADMIN'), await house.person('SECURITY_ANALYST')];
    for (const { api: by } of [service, analyst]) await nothing(403, () => decide(by, 'confirm', change.id, body));
    await data(api('POST', '/api/roles', { name: 'DECIDES_ONLY', operations: ['change.decide', 'policy.read'] }));
    await data(api('PATCH', `/api/users/${analyst.id}`, { roles: ['DECIDES_ONLY'] }));
    await nothing(403, () => decide(analyst.api, 'confirm', change.id, body));
    await nothing(403, () => decide(analyst.api, 'reject', change.id, { reason: 'no' }));
  });

  it('takes the proposal along when they are disabled or may not write any more', async () => {
    const proposer = await house.person('CISO');
    const [one, two] = [await proposal(proposer.api), await proposal(proposer.api)];
    await data(api('PATCH', `/api/users/${proposer.id}`, { roles: ['LEGAL'] }));
    await nothing(409, () => decide(second.api, 'confirm', one.id, { hash: one.hash }));
    await data(api('PATCH', `/api/users/${proposer.id}`, { roles: ['CISO'], disabled: true }));
    await nothing(409, () => decide(second.api, 'confirm', two.id, { hash: two.hash }));
  });
});

describe('after all that', () => {
  it('what waits is still there after a restart, and every record and row is as it must be', async () => {
    const change = await proposal();
    await house.restart();
    expect((await decide(second.api, 'confirm', change.id, { hash: change.hash })).status).toBe(200);
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});

describe('where nobody asked for two people', () => {
  it('one person changes everything, as it was', async () => {
    const plain = await startHarness({ withoutSandbox: true });
    try {
      const id = (await data(plain.admin.api('POST', `${BASE}/policies`, { ...POLICY, name: 'p' }))).id;
      const off = await plain.admin.api('PUT', `${BASE}/policies/${id}`, { enabled: false });
      expect([off.status, off.body.data.enabled]).toEqual([200, false]);
      expect((await plain.admin.api('PUT', '/api/guards/blast-radius', { limits: [] })).status).toBe(200);
      expect((await plain.admin.api('GET', '/api/changes')).body.total).toBe(0);
    } finally {
      await plain.stop();
    }
  });
});
