import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATION_NAMES } from '../../src/pipeline/access/operations.ts';
import { ROLES } from '../../src/pipeline/vocabulary.ts';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { type Api, type Harness, type Person, STARTED_AT, startHarness, verified } from '../support/server.ts';

const DAY_MS = 86_400_000;

let house: Harness;
let api: Api;
let ciso: Person;
let analyst: Person;
let auditor: Person;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
  [ciso, analyst, auditor] = await Promise.all([
    house.person('CISO'),
    house.person('SECURITY_ANALYST'),
    house.person('AUDITOR'),
  ]);
});
afterAll(() => house.stop());

const key = (who: Person, body: object) => who.api('POST', '/api/keys', { name: 'k', ...body });
const change = (who: Person, whom: Person, body: object) => who.api('PATCH', `/api/users/${whom.id}`, body);
/** Nothing is stored while `work` is refused with this status. */
async function nothing(status: number, work: () => Promise<{ readonly status: number }>): Promise<void> {
  const before = house.counts();
  expect((await work()).status).toBe(status);
  expect(house.counts()).toEqual(before);
}

describe('the set-up token', () => {
  const user = { name: 'Mallory', email: 'mallory@evil.example' };

  it('works once, however often and from wherever it is sent again', async () => {
    const redeem = (token: string) => house.anonymous('POST', '/api/setup', { token, user });
    await nothing(409, () => redeem(house.setupToken));
    await nothing(409, () => redeem(`fbs_${'a'.repeat(43)}`));
    await nothing(409, () => redeem('x'));
    await house.restart();
    await nothing(409, () => redeem(house.setupToken));
  });

  it('is no API key, and an API key is no token', async () => {
    expect((await house.apiOf(house.setupToken)('GET', '/api/users')).status).toBe(401);
    await nothing(409, () => house.anonymous('POST', '/api/setup', { token: house.admin.key, user }));
  });
});

describe('a key', () => {
  it('is needed, and must be right to the last character', async () => {
    const wrong = [
      `${house.admin.key}x`,
      house.admin.key.slice(0, -1),
      house.admin.key.toUpperCase(),
      'fbk_',
      "' or 1=1",
    ];
    for (const secret of wrong) expect((await house.apiOf(secret)('GET', BASE)).status).toBe(401);
    const reply = await house.anonymous('GET', BASE);
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="firebreak"']);
    const both = { 'x-api-key': analyst.key };
    expect((await api('GET', BASE, undefined, both)).status).toBe(401);
    expect((await house.anonymous('GET', BASE, undefined, { 'x-api-key': analyst.key })).status).toBe(200);
  });

  it('is shown once and never again, in answers or in records', async () => {
    const { body } = await key(house.admin, {});
    const { secret } = body.data;
    const list = await api('GET', '/api/keys?limit=200');
    expect([list.text.includes(secret), list.text.includes('"hash"')]).toEqual([false, false]);
    const rows = house
      .database()
      .prepare<[], { n: number }>(`select count(*) as n from records where instr(bytes, '${secret}')`);
    expect(rows.get()?.n).toBe(0);
  });

  it('stops when it is revoked, at once', async () => {
    const person = await house.person('SECURITY_ANALYST');
    const keys = await api('GET', `/api/keys?userId=${person.id}`);
    expect((await person.api('GET', BASE)).status).toBe(200);
    expect((await api('DELETE', `/api/keys/${keys.body.data[0]._id}`)).status).toBe(200);
    expect((await person.api('GET', BASE)).status).toBe(401);
  });

  it('stops when its owner is disabled, for people and services, and works again when enabled', async () => {
    for (const account of [await house.person('INCIDENT_COMMANDER'), await house.service('SECURITY_ANALYST')]) {
      expect((await account.api('GET', BASE)).status).toBe(200);
      expect((await change(house.admin, account, { disabled: true })).status).toBe(200);
      expect((await account.api('GET', BASE)).status).toBe(401);
      expect((await key(house.admin, { userId: account.id })).status).toBe(400);
      await change(house.admin, account, { disabled: false });
      expect((await account.api('GET', BASE)).status).toBe(200);
    }
  });

  it('loses what its owner loses', async () => {
    const person = await house.person('IR_LEAD');
    const save = (id: string) => person.api('POST', BASE, byHand(id, [NOTIFY]));
    expect((await save('as-lead')).status).toBe(201);
    await change(house.admin, person, { roles: ['AUDITOR'] });
    await nothing(403, () => save('as-auditor'));
  });

  it('expires', async () => {
    const later = await startHarness({ accelerated: true });
    try {
      const made = await later.admin.api('POST', '/api/keys', { name: 'short', expiresInDays: 1 });
      const short = later.apiOf(made.body.data.secret);
      expect(made.body.data.expiresAt).toBe(new Date(STARTED_AT + DAY_MS).toISOString());
      expect((await short('GET', BASE)).status).toBe(200);
      // Three times ten tries an hour apart move business time beyond the key's end.
      await later.sandbox.fault({ kind: 'error_500', match: {} });
      const retry = { maxRetries: 10, backoffMs: 3_600_000 };
      const actions = [1, 2, 3].map((stage) => ({ ...NOTIFY, actionId: `try${stage}`, stage, retry }));
      const playbook = byHand('slow', actions, { executionTimeoutMs: 9 * DAY_MS });
      expect((await later.admin.api('POST', BASE, playbook)).status).toBe(201);
      const run = await later.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'slow', userId: 'anna' });
      await later.settled(run.body.data._id);
      expect((await short('GET', BASE)).status).toBe(401);
      expect((await later.admin.api('GET', BASE)).status).toBe(200);
    } finally {
      await later.stop();
    }
  });
});

describe('scopes', () => {
  it('narrow a key, and no key makes a wider one', async () => {
    const { body } = await key(house.admin, { scopes: ['playbook.read', 'key.own'] });
    const narrow = house.apiOf(body.data.secret);
    expect((await narrow('GET', BASE)).status).toBe(200);
    expect((await narrow('GET', '/api/incidents')).status).toBe(403);
    await nothing(403, () => narrow('POST', BASE, byHand('scoped', [NOTIFY])));
    await nothing(403, () => narrow('POST', '/api/keys', { name: 'wide', scopes: ['user.manage'] }));
    await nothing(403, () => narrow('POST', '/api/keys', { name: 'wide', userId: ciso.id }));
    const child = await narrow('POST', '/api/keys', { name: 'same' });
    expect(child.body.data.scopes).toEqual(['playbook.read', 'key.own']);
    expect((await house.apiOf(child.body.data.secret)('GET', '/api/users')).status).toBe(403);
  });

  it('never reach beyond the roles of the owner', async () => {
    await nothing(400, () => key(analyst, { scopes: ['user.manage'] }));
    await nothing(400, () => key(analyst, { scopes: [] }));
    await nothing(400, () => key(analyst, { scopes: ['root'] }));
    const every = await key(analyst, { scopes: OPERATION_NAMES });
    expect([every.status, every.body.errors?.length]).toEqual([400, expect.any(Number)]);
    const two = ['event.ingest', 'incident.read'];
    expect((await key(analyst, { scopes: two })).body.data.scopes).toEqual(two);
  });

  it('bind a source: events cannot be sent in the name of another', async () => {
    const { body } = await key(analyst, { scopes: ['event.ingest'], source: 'okta:acme' });
    const collector = house.apiOf(body.data.secret);
    const event = { id: 'e1', kind: 'login', subject: 'heidi', time: new Date().toISOString() };
    await nothing(403, () => collector('POST', '/api/events?source=okta:other', event));
    expect((await collector('POST', '/api/events', event)).status).toBe(200);
    const row = house.database().prepare<[], { source: string }>(`select source from events where id = 'e1'`).get();
    expect(row?.source).toBe('okta:acme');
  });
});

describe('roles', () => {
  it('are not given to oneself, nor to others beyond the own ones', async () => {
    await nothing(403, () => change(analyst, analyst, { roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => change(house.admin, house.admin, { roles: ['SECURITY_ADMIN', 'CISO'] }));
    await nothing(403, () => change(house.admin, house.admin, { linkedAccounts: ['somebody'] }));
    await nothing(403, () => change(ciso, ciso, { roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => change(ciso, analyst, { roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => change(ciso, house.admin, { disabled: true }));
    const person = { kind: 'person', name: 'New', email: 'new@soc.example', roles: ['SECURITY_ADMIN'] };
    await nothing(403, () => ciso.api('POST', '/api/users', person));
    await nothing(403, () => auditor.api('POST', '/api/users', { ...person, roles: ['AUDITOR'] }));
    await nothing(400, () => api('POST', '/api/users', { ...person, roles: ['ROOT'] }));
    await nothing(400, () => api('POST', '/api/users', { ...person, id: 'usr_mine' }));
  });

  it('are not borrowed by a key for somebody else', async () => {
    await nothing(403, () => key(analyst, { userId: house.admin.id }));
    await nothing(403, () => key(ciso, { userId: house.admin.id }));
    await nothing(403, () => analyst.api('GET', `/api/keys?userId=${house.admin.id}`));
    const [own] = (await api('GET', `/api/keys?userId=${house.admin.id}`)).body.data;
    await nothing(403, () => analyst.api('DELETE', `/api/keys/${own._id}`));
    await nothing(403, () => ciso.api('DELETE', `/api/keys/${own._id}`));
  });

  it('of a service account never make, change or vote', async () => {
    const service = await house.service('SECURITY_ADMIN');
    await nothing(403, () => key(service, {}));
    await nothing(403, () => service.api('POST', '/api/users', { kind: 'service', name: 's', roles: ['AUDITOR'] }));
    await nothing(403, () => change(service, analyst, { roles: ['SECURITY_ADMIN'] }));
    await nothing(403, () => service.api('POST', `${BASE}/approvals/apr_1/approve`));
  });

  it('decide what each role may write, one request of each kind', async () => {
    const everybody = await Promise.all(ROLES.map(async (role) => [role, await house.person(role)] as const));
    const may = async (method: string, path: string, body?: object): Promise<string[]> => {
      const allowed: string[] = [];
      for (const [role, person] of everybody)
        if ((await person.api(method, path, body)).status !== 403) allowed.push(role);
      return allowed.sort();
    };
    const leads = ['INCIDENT_COMMANDER', 'IR_LEAD', 'SECURITY_ADMIN'];
    expect(await may('POST', BASE, {})).toEqual(['IR_LEAD', 'SECURITY_ADMIN']);
    expect(await may('POST', `${BASE}/policies`, {})).toEqual(['CISO', 'SECURITY_ADMIN']);
    expect(await may('POST', `${BASE}/executions/exe_1/cancel`)).toEqual(leads);
    expect(await may('POST', `${BASE}/executions/exe_1/retry`)).toEqual(leads);
    expect(await may('POST', `${BASE}/executions/trigger`, {})).toEqual([...leads, 'SECURITY_ANALYST'].sort());
    expect(await may('POST', '/api/events', { not: 'an event' })).toEqual([...leads, 'SECURITY_ANALYST'].sort());
    expect(await may('POST', `${BASE}/approvals/apr_1/approve`)).toEqual(
      ROLES.filter((role) => role !== 'AUDITOR').sort(),
    );
    expect(await may('POST', '/api/users', {})).toEqual(['CISO', 'SECURITY_ADMIN']);
    expect(await may('GET', `${BASE}/audits`)).toEqual([...ROLES].sort());
  });

  it('always leave an administrator who can come back', async () => {
    const other = await house.person('SECURITY_ADMIN');
    expect((await change(other, house.admin, { disabled: true })).status).toBe(200);
    expect((await api('GET', BASE)).status).toBe(401);
    await nothing(403, () => change(other, other, { disabled: true }));
    expect((await other.api('GET', '/api/users')).status).toBe(200);
    expect((await change(other, house.admin, { disabled: false })).status).toBe(200);
  });
});

describe('guessing keys', () => {
  it('is slowed down after 60 wrong ones in a minute', async () => {
    const lone = await startHarness({ withoutSandbox: true });
    try {
      const wrong = lone.apiOf(`fbk_${'w'.repeat(43)}`);
      const statuses: number[] = [];
      for (let guess = 0; guess < 65; guess += 1) statuses.push((await wrong('GET', BASE)).status);
      expect([statuses.filter((status) => status === 401).length, statuses.at(-1)]).toEqual([60, 429]);
      expect((await lone.anonymous('GET', '/healthz')).status).toBe(200);
    } finally {
      await lone.stop();
    }
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
