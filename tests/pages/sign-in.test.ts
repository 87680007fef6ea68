import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_FAILURES } from '../../src/pipeline/access/lockout.ts';
import { BASE } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';
import { fieldOf, givePassword, ownEvents, PASSWORD, signedIn, visitorAt } from '../support/visitor.ts';

let house: Harness;
let ivy: Person;
beforeAll(async () => {
  house = await startHarness();
  ivy = await house.person('INCIDENT_COMMANDER', { email: 'ivy@soc.example' });
  await givePassword(house, ivy.id);
});
afterAll(() => house.stop());

const stranger = () => visitorAt(() => house.url);
const signIn = (fields: object = {}, headers = {}) =>
  stranger().send('/sign-in', { email: 'ivy@soc.example', password: PASSWORD, ...fields }, { headers, stay: true });

describe('signing in', () => {
  it('leads from the page that was wanted, over the form, back to it', async () => {
    const visitor = stranger();
    const wanted = await visitor.open('/approvals/apr_x');
    expect(new URL(wanted.url).pathname).toBe('/sign-in');
    const to = fieldOf(wanted, 'to');
    expect(to).toBe('/approvals/apr_x');
    const sent = await visitor.send('/sign-in', { email: 'IVY@soc.example', password: PASSWORD, to }, { stay: true });
    expect([sent.status, sent.headers.get('location')]).toEqual([303, '/approvals/apr_x']);
    const cookie = sent.headers.getSetCookie().join();
    for (const part of ['firebreak=fbw_', 'HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=43200'])
      expect(cookie).toContain(part);
    expect(cookie).not.toMatch(/Secure|Domain/);
    const list = await visitor.open('/approvals');
    expect([list.status, list.text.includes('INCIDENT_COMMANDER')]).toEqual([200, true]);
  });

  it('goes on to one of our own pages only', async () => {
    for (const to of ['https://evil.example/', '//evil.example'])
      expect([to, (await signIn({ to })).headers.get('location')]).toEqual([to, '/approvals']);
  });

  it('gives a cookie for TLS where the browser speaks TLS', async () => {
    const sent = await signIn({}, { 'x-forwarded-proto': 'https' });
    expect(sent.headers.getSetCookie().join()).toMatch(/^__Host-firebreak=fbw_[^;]+;.*Secure/);
  });

  it('is refused over a line that others can read', async () => {
    const named = (headers: Record<string, string>) =>
      new Promise<[number | undefined, string]>((resolve, reject) => {
        const type = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
        const sent = request(`${house.url}/sign-in`, { method: 'POST', headers: { ...type, ...headers } }, (reply) => {
          let text = '';
          reply.on('data', (chunk: Buffer) => (text += chunk.toString()));
          reply.on('end', () => resolve([reply.statusCode, text]));
        });
        sent.on('error', reject);
        sent.end(new URLSearchParams({ email: 'ivy@soc.example', password: PASSWORD }).toString());
      });
    const [status, text] = await named({ host: 'firebreak.example.org' });
    expect([status, text.includes('People sign in over TLS only')]).toEqual([403, true]);
    const proxied = await named({ host: 'firebreak.example.org', 'x-forwarded-proto': 'https' });
    expect(proxied[0]).toBe(303);
  });

  it('is refused alike for a wrong password and for a stranger, and the form is shown again', async () => {
    const visits = [await signIn({ password: 'wrong' }), await signIn({ email: 'nobody@soc.example' })];
    for (const { status, text, headers } of visits) {
      expect([status, headers.getSetCookie()]).toEqual([401, []]);
      expect(text).toContain('The email address or the password is wrong');
    }
    expect(visits[0]?.text).toBe(visits[1]?.text);
  });

  it('is refused from another site, and when nothing shows where it came from', async () => {
    const { host } = new URL(house.url);
    const post = (headers: object) =>
      fetch(`${house.url}/sign-in`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams({ email: 'ivy@soc.example', password: PASSWORD }).toString(),
      }).then(({ status }) => status);
    expect(await post({})).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ origin: 'https://evil.example' })).toBe(403);
    expect(await post({ origin: `https://${host}` })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'cross-site', origin: `http://${host}` })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'none' })).toBe(403);
    expect(await post({ origin: `http://${host}` })).toBe(303);
  });

  it('takes its form only: no JSON, no field twice, no field more', async () => {
    const raw = (body: string, type = 'application/x-www-form-urlencoded') =>
      fetch(`${house.url}/sign-in`, { method: 'POST', headers: { 'content-type': type }, body }).then((r) => r.status);
    expect(await raw('{}', 'application/json')).toBe(415);
    expect(await raw('email=a&email=b&password=c')).toBe(400);
    expect(await raw('email=a&password=c&roles=CISO')).toBe(400);
    expect(await raw('email=a')).toBe(400);
    expect(await raw(`email=a&password=${'x'.repeat(40_000)}`)).toBe(413);
  });
});

describe('a session', () => {
  it('does not go on under a planted cookie', async () => {
    const visitor = stranger();
    const planted = `fbw_${'a'.repeat(43)}`;
    visitor.plant('firebreak', planted);
    await visitor.send('/sign-in', { email: 'ivy@soc.example', password: PASSWORD });
    expect(visitor.cookies.get('firebreak')).not.toBe(planted);
    const [first] = [visitor.cookies.get('firebreak') ?? ''];
    await visitor.send('/sign-in', { email: 'ivy@soc.example', password: PASSWORD });
    expect(visitor.cookies.get('firebreak')).not.toBe(first);
    visitor.plant('firebreak', first);
    expect((await visitor.api('GET', '/api/sessions')).status).toBe(401);
  });

  it('may do on the API what its person may, from our own pages only', async () => {
    const visitor = await signedIn(house, 'ivy@soc.example');
    const own = { 'sec-fetch-site': 'same-origin' };
    expect((await visitor.api('GET', BASE)).status).toBe(200);
    expect((await visitor.api('POST', '/api/users', {}, own)).status).toBe(403);
    const key = { name: 'laptop' };
    const refused = await visitor.api('POST', '/api/keys', key);
    expect([refused.status, refused.body.code]).toEqual([403, 'cross_site']);
    expect((await visitor.api('POST', '/api/keys', key, { 'sec-fetch-site': 'cross-site' })).body.code).toBe(
      'cross_site',
    );
    expect((await visitor.api('POST', '/api/keys', key, own)).status).toBe(201);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await visitor.send('/api/keys', { name: 'laptop' }, { headers: form })).status).toBe(415);
  });

  it('gives way to a key that is sent with it, also a wrong one', async () => {
    const visitor = await signedIn(house, 'ivy@soc.example');
    expect((await visitor.api('GET', BASE, undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await visitor.api('GET', '/api/keys', undefined, { 'x-api-key': '' })).status).toBe(401);
  });

  it('is listed and ended by its person, and over after signing out', async () => {
    const [here, there] = [await signedIn(house, 'ivy@soc.example'), await signedIn(house, 'ivy@soc.example')];
    const own = { 'sec-fetch-site': 'same-origin' };
    const { body } = await here.api('GET', '/api/sessions');
    const [newest] = body.data;
    expect(body.data.filter(({ current }: { current: boolean }) => current)).toHaveLength(1);
    expect(JSON.stringify(body)).not.toMatch(/hash|fbw_/);
    expect((await here.api('DELETE', `/api/sessions/${newest.id}`, undefined, own)).status).toBe(200);
    expect((await there.api('GET', '/api/sessions')).status).toBe(401);
    const page = await here.open('/approvals');
    const formToken = fieldOf(page, 'formToken');
    expect((await here.send('/sign-out', { formToken: `${formToken}x` })).status).toBe(403);
    expect((await here.send('/sign-out', {})).status).toBe(403);
    const out = await here.send('/sign-out', { formToken });
    expect([out.status, new URL(out.url).pathname, here.cookies.size]).toEqual([200, '/sign-in', 0]);
  });

  it('ends when its person is disabled', async () => {
    const max = await house.person('IR_LEAD', { email: 'max@soc.example' });
    await givePassword(house, max.id);
    const visitor = await signedIn(house, 'max@soc.example');
    expect((await visitor.api('GET', BASE)).status).toBe(200);
    await house.admin.api('PATCH', `/api/users/${max.id}`, { disabled: true });
    expect((await visitor.api('GET', BASE)).status).toBe(401);
    await house.admin.api('PATCH', `/api/users/${max.id}`, { disabled: false });
    expect((await visitor.api('GET', BASE)).status).toBe(401);
  });

  it('goes on after a restart', async () => {
    const visitor = await signedIn(house, 'ivy@soc.example');
    await house.restart();
    expect((await visitor.api('GET', BASE)).status).toBe(200);
  });
});

describe('an invitation', () => {
  it('is used on its page, once; a weak password is refused with the reason', async () => {
    const uma = await house.person('LEGAL', { email: 'uma@soc.example' });
    const made = await house.admin.api('POST', `/api/users/${uma.id}/invitations`);
    expect(made.status).toBe(201);
    const invitation: string = made.body.data.secret;
    const visitor = stranger();
    const weak = await visitor.send('/invitation', { invitation, password: 'short' });
    expect([weak.status, weak.text.includes('at least 12 characters')]).toEqual([422, true]);
    const set = await visitor.send('/invitation', { invitation, password: PASSWORD });
    expect([set.status, new URL(set.url).pathname]).toEqual([200, '/sign-in']);
    expect((await visitor.send('/invitation', { invitation, password: PASSWORD })).status).toBe(401);
    await signedIn(house, 'uma@soc.example');
  });

  it('is made by those who manage people, and refused for others', async () => {
    expect((await ivy.api('POST', `/api/users/${ivy.id}/invitations`)).status).toBe(403);
    expect((await house.anonymous('POST', `/api/users/${ivy.id}/invitations`)).status).toBe(401);
    const robot = await house.service('SECURITY_ANALYST');
    expect((await house.admin.api('POST', `/api/users/${robot.id}/invitations`)).status).toBe(409);
    const scoped = await house.admin.api('POST', '/api/keys', { name: 's', scopes: ['user.manage'] });
    const narrow = house.apiOf(scoped.body.data.secret);
    expect((await narrow('POST', `/api/users/${ivy.id}/invitations`)).status).toBe(403);
    const linked = { linkedAccounts: ['oidc:https://idp.example|mallory'] };
    expect((await narrow('PATCH', `/api/users/${ivy.id}`, linked)).status).toBe(403);
  });
});

describe('a password', () => {
  it('is changed with the old one', async () => {
    const ned = await house.person('CISO', { email: 'ned@soc.example' });
    await givePassword(house, ned.id);
    const visitor = await signedIn(house, 'ned@soc.example');
    const own = { 'sec-fetch-site': 'same-origin' };
    const change = (oldPassword: string, newPassword: string) =>
      visitor.api('POST', '/api/password', { oldPassword, newPassword }, own);
    expect((await change('wrong', 'another four of nonsense')).status).toBe(403);
    expect((await change(PASSWORD, 'password1234')).body.code).toBe('weak_password');
    expect((await change(PASSWORD, 'another four of nonsense')).status).toBe(200);
    await signedIn(house, 'ned@soc.example', 'another four of nonsense');
    expect((await house.admin.api('POST', '/api/password', { oldPassword: 'x', newPassword: PASSWORD })).status).toBe(
      409,
    );
  });
});

describe('too many failures', () => {
  it('lock the account, also after a restart, but not its key; each is an event', async () => {
    const liz = await house.person('SECURITY_ADMIN', { email: 'liz@soc.example' });
    await givePassword(house, liz.id);
    const before = ownEvents(house);
    for (let tries = 0; tries < MAX_FAILURES; tries += 1)
      expect((await signIn({ email: 'liz@soc.example', password: 'wrong' })).status).toBe(401);
    await house.restart();
    expect((await signIn({ email: 'liz@soc.example' })).status).toBe(401);
    expect((await liz.api('GET', '/api/users')).status).toBe(200);
    await until('all of it was told', async () => (ownEvents(house) >= before + MAX_FAILURES + 2 ? true : null));
    const rows = house
      .database()
      .prepare<[], { body: string }>("select cast(body as text) as body from events where source = 'firebreak:self'")
      .all();
    const told = rows.map(({ body }) => JSON.parse(body)).filter(({ subject }) => subject?.id === 'liz@soc.example');
    const count = (outcome: string, action = 'firebreak.sign_in') =>
      told.filter((event) => event.outcome === outcome && event.action === action).length;
    expect([count('failure'), count('denied'), count('denied', 'firebreak.account_locked')]).toEqual([
      MAX_FAILURES,
      1,
      1,
    ]);
    expect(told[0]).toMatchObject({ kind: 'login', ip: '127.0.0.1', source: 'firebreak:self' });
  });

  it('slow down whoever guesses from one address', async () => {
    const other = await startHarness({ withoutSandbox: true });
    try {
      const guess = () =>
        visitorAt(() => other.url).send('/sign-in', { email: 'nobody@soc.example', password: 'wrong' }, { stay: true });
      const statuses = new Set<number>();
      // Keys are counted together with passwords: most of these are keys, which cost nothing.
      for (let tries = 0; tries < 58; tries += 1) await other.apiOf(`fbk_${'x'.repeat(43)}`)('GET', BASE);
      for (let tries = 0; tries < 4; tries += 1) statuses.add((await guess()).status);
      expect([...statuses]).toEqual([401, 429]);
    } finally {
      await other.stop();
    }
  });
});

describe('events about Firebreak itself', () => {
  it('are told by nobody else', async () => {
    const event = { kind: 'login', outcome: 'success', subject: 'ivy@soc.example' };
    for (const name of ['firebreak:self', 'Firebreak:SELF'])
      expect((await house.admin.api('POST', `/api/events?source=${name}`, event)).status).toBe(403);
    const bound = await house.admin.api('POST', '/api/keys', { name: 'b', source: 'firebreak:self' });
    expect((await house.apiOf(bound.body.data.secret)('POST', '/api/events', event)).status).toBe(403);
  });
});

describe('afterwards', () => {
  it('the log verifies, rows and all, and a changed row does not', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
    const database = house.database();
    const sql =
      "update views set body = replace(body, '\"n\":1024', '\"n\":2048') where kind = 'credential' and id = ?";
    expect(database.prepare(sql).run(ivy.id).changes).toBe(1);
    expect(await verified(house.dataDir)).toMatchObject({ intact: false });
  });
});
