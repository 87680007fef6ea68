import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdConnect } from '../../src/single-sign-on/openid-connect.ts';
import { CLIENT, freePort, startIdentityProvider, type TestProvider } from '../support/identity-provider.ts';
import { startHarness, verified, type Harness } from '../support/server.ts';
import { givePassword, signedIn, visitorAt, type Visit, type Visitor } from '../support/visitor.ts';

const ROLE_MAP = { 'soc-admins': 'SECURITY_ADMIN', 'soc-leads': 'INCIDENT_COMMANDER', auditors: 'AUDITOR' };

let house: Harness;
let idp: TestProvider;
beforeAll(async () => {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  idp = await startIdentityProvider(`${publicUrl}/sign-in/oidc/callback`);
  const env = {
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    OIDC_ISSUER: idp.issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_ROLE_MAP: JSON.stringify(ROLE_MAP),
  };
  house = await startHarness({ env, withoutSandbox: true });
});
afterAll(async () => {
  await house.stop();
  await idp.stop();
});

const knows = (subject: string, claims: object) =>
  idp.people.set(subject, { email: `${subject}@corp.example`, email_verified: true, name: subject, ...claims });
const at = () => visitorAt(() => house.url);

/** Goes to the provider and signs in there; answers with where that led. */
async function through(visitor: Visitor, subject: string, path = '/sign-in/oidc'): Promise<Visit> {
  let visit = await visitor.open(path);
  for (const prompt of ['login', 'consent']) {
    const action = /action="([^"]+)"/.exec(visit.text)?.[1];
    if (action === undefined || !visit.text.includes(`value="${prompt}"`)) continue;
    const fields: Record<string, string> =
      prompt === 'login' ? { prompt, login: subject, password: 'any' } : { prompt };
    visit = await visitor.send(new URL(action, visit.url).href, fields);
  }
  return visit;
}

/** Walks by hand from an address to the provider, signs in there, and stops before the way back. */
async function untilWayBack(from: string, subject: string) {
  const jar = new Map<string, string>();
  const step = async (address: string, form: Record<string, string> | null) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const init: RequestInit =
      form === null
        ? { headers: { cookie } }
        : { method: 'POST', headers: { cookie, ...type }, body: new URLSearchParams(form).toString() };
    const reply = await fetch(address, { ...init, redirect: 'manual' });
    for (const each of reply.headers.getSetCookie()) {
      const [name = '', value = ''] = (each.split(';')[0] ?? '').split(/=(.*)/s);
      jar.set(name, value);
    }
    return { text: await reply.text(), location: reply.headers.get('location') };
  };
  let [next, form]: [string, Record<string, string> | null] = [from, null];
  for (let hops = 0; hops < 20; hops += 1) {
    const { text, location } = await step(next, form);
    if (location?.includes('/sign-in/oidc/callback') === true) return { back: location, jar };
    form = null;
    if (location === null) {
      form = text.includes('value="login"')
        ? { prompt: 'login', login: subject, password: 'any' }
        : { prompt: 'consent' };
    }
    next = new URL(location ?? /action="([^"]+)"/.exec(text)?.[1] ?? '', next).href;
  }
  throw new Error('the provider leads nowhere');
}

const me = async (visitor: Visitor) => {
  const sessions = await visitor.api('GET', '/api/sessions');
  const id: string | undefined = sessions.body.data?.[0]?.userId;
  return id === undefined ? null : (await house.admin.api('GET', `/api/users/${id}`)).body.data;
};

describe('single sign-on', () => {
  it('is offered on the page, and leads back to what was wanted with an account made from the groups', async () => {
    knows('Nora', { groups: ['soc-leads', 'everybody'] });
    const visitor = at();
    const page = await visitor.open('/approvals/apr_x');
    const [, link = ''] = /href="(\/sign-in\/oidc[^"]*)"/.exec(page.text) ?? [];
    const visit = await through(visitor, 'Nora', link);
    expect(new URL(visit.url).pathname).toBe('/approvals/apr_x');
    expect(await me(visitor)).toMatchObject({
      kind: 'person',
      email: 'nora@corp.example',
      name: 'Nora',
      roles: ['INCIDENT_COMMANDER'],
      linkedAccounts: [`oidc:${idp.issuer}|nora`],
    });
    expect([...visitor.cookies.keys()].filter((name) => name.startsWith('firebreak'))).toEqual(['firebreak']);
  });

  it('lets the roles follow the groups at each sign-in, and puts that on record', async () => {
    knows('olga', { groups: ['soc-leads'] });
    await through(at(), 'olga');
    knows('olga', { groups: ['auditors'] });
    const visitor = at();
    await through(visitor, 'olga');
    const user = await me(visitor);
    expect(user.roles).toEqual(['AUDITOR']);
    knows('olga', { groups: [] });
    const refused = await through(at(), 'olga');
    expect([refused.status, refused.text.includes('None of your groups has a role here')]).toEqual([403, true]);
    expect((await visitor.api('GET', '/api/sessions')).status).toBe(401);
    const sql = `select count(*) as n from records where instr(bytes, '"type":"access.user_saved"') and instr(bytes, ?)`;
    expect(house.database().prepare<[string], { n: number }>(sql).get(`"id":"${user.id}"`)?.n).toBe(3);
  });

  it('makes no account without a role, or without an address that the provider vouches for', async () => {
    knows('paul', { groups: ['everybody'] });
    expect((await through(at(), 'paul')).text).toContain('None of your groups has a role here');
    knows('quin', { groups: ['auditors'], email_verified: false });
    expect((await through(at(), 'quin')).text).toContain('vouches for no email address');
    const { body } = await house.admin.api('GET', '/api/users?limit=200');
    const emails = body.data.map(({ email }: { email: string }) => email);
    expect(emails.filter((email: string) => /paul|quin/.test(email))).toEqual([]);
  });

  it('never finds an account by its address: an administrator links it, and the roles stay theirs', async () => {
    const local = await house.person('LEGAL', { email: 'rosa@corp.example' });
    knows('rosa', { groups: ['soc-admins'] });
    const refused = await through(at(), 'rosa');
    const account = `oidc:${idp.issuer}|rosa`;
    expect([refused.status, refused.text.includes(account)]).toEqual([403, true]);
    await house.admin.api('PATCH', `/api/users/${local.id}`, { linkedAccounts: [account] });
    const visitor = at();
    await through(visitor, 'rosa');
    expect(await me(visitor)).toMatchObject({ id: local.id, roles: ['LEGAL'] });
    // Another subject that only looks like it is somebody else.
    knows('ROSA', { groups: ['soc-admins'], email: 'other@corp.example' });
    expect((await through(at(), 'ROSA')).text).toContain('differs from yours only in case');
    await house.admin.api('PATCH', `/api/users/${local.id}`, { disabled: true });
    expect((await through(at(), 'rosa')).text).toContain('disabled');
  });

  it('takes a way back once, in the browser that was sent, and soon', async () => {
    knows('sven', { groups: ['auditors'] });
    const { back, jar } = await untilWayBack(new URL('/sign-in/oidc', house.url).href, 'sven');
    const flow = jar.get('firebreak-flow') ?? '';
    expect([back.includes('state='), flow.length > 100]).toEqual([true, true]);
    const returnTo = (cookie: string | null, address = back) =>
      fetch(address, {
        redirect: 'manual',
        headers: { accept: 'text/html', ...(cookie === null ? {} : { cookie: `firebreak-flow=${cookie}` }) },
      });
    // Somebody else's browser, an altered flow, an altered state, no state.
    expect((await returnTo(null)).status).toBe(403);
    expect((await returnTo(`${flow.slice(0, -1)}${flow.endsWith('0') ? '1' : '0'}`)).status).toBe(403);
    expect((await returnTo(flow, back.replace(/state=[^&]+/, 'state=other'))).status).toBe(403);
    expect((await returnTo(flow, back.replace(/state=[^&]+&?/, ''))).status).toBe(403);
    const good = await returnTo(flow);
    expect([good.status, good.headers.getSetCookie().join().includes('firebreak=fbw_')]).toEqual([303, true]);
    const again = await returnTo(flow);
    expect([again.status, again.headers.getSetCookie().join().includes('fbw_')]).toEqual([403, false]);
    // Refused here, before the provider is asked again.
    expect(await again.text()).toContain('was not begun in this browser');
    await house.restart();
    expect(await (await returnTo(flow)).text()).toContain('was not begun in this browser');
    expect((await at().open('/sign-in/oidc/callback')).status).toBe(403);
  });

  it.each(['nonce', 'codeVerifier', 'state'] as const)('refuses an answer that fits another %s', async (check) => {
    knows('tina', { groups: ['auditors'] });
    const why: string[] = [];
    const provider = openIdConnect({
      issuer: idp.issuer,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      scopes: 'openid profile email',
      groupsClaim: 'groups',
      redirectUri: `${house.url}/sign-in/oidc/callback`,
      onRefused: (reason) => why.push(reason),
    });
    const [one, other] = [await provider.begin(), await provider.begin()];
    const { search } = new URL((await untilWayBack(one.url, 'tina')).back);
    const altered = { ...one.checks, [check]: other.checks[check] };
    await expect(provider.finish(search, altered)).rejects.toThrow('does not fit');
    expect(why).toHaveLength(1);
    // The same with its own checks is good, where the code is not spent.
    const fresh = new URL((await untilWayBack(other.url, 'tina')).back).search;
    expect(await provider.finish(fresh, other.checks)).toMatchObject({ subject: 'tina', groups: ['auditors'] });
  });

  it('is beside passwords, not in their place', async () => {
    const both = await house.person('CISO', { email: 'uwe@corp.example' });
    await givePassword(house, both.id);
    await signedIn(house, 'uwe@corp.example');
  });

  it('says so when the provider is away, and comes back with it', async () => {
    await house.restart(() => undefined);
    await idp.stop();
    const visit = await at().open('/sign-in/oidc');
    expect([visit.status, visit.text.includes('cannot be reached'), visit.headers.get('retry-after')]).toEqual([
      503,
      true,
      '5',
    ]);
  });

  it('leaves a log that verifies', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
