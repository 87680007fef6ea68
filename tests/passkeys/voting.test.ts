import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import {
  atBrowserWithPasskey,
  OWN_PAGE,
  optionsOf,
  registerPasskey,
  signedFor,
  SITE,
  votes,
  type Asked,
  type Keyed,
} from '../support/passkeys.ts';
import { startHarness, type Harness, type Person } from '../support/server.ts';
import { softwareAuthenticator } from '../support/software-authenticator.ts';
import { givePassword, PASSWORD, signedIn } from '../support/visitor.ts';

/** Passkeys over real HTTP and a real journal; the authenticator is software, so that it can lie. */

let house: Harness;
let requester: Person;
/** May answer, and has an API key only. */
let dora: Person;
let bea: Keyed;
let cyd: Keyed;
let beaId: string;

const KEYED = {
  ...SUSPEND,
  requiresApproval: true,
  approval: { roles: ['SECURITY_ADMIN'], requiredApprovers: 1, requirePasskey: true },
};

async function personAt(email: string): Promise<string> {
  const { id } = await house.person('SECURITY_ADMIN', { email });
  await givePassword(house, id);
  return id;
}

beforeAll(async () => {
  house = await startHarness({ env: { PUBLIC_URL: SITE } });
  requester = await house.person('INCIDENT_COMMANDER');
  dora = await house.person('SECURITY_ADMIN');
  beaId = await personAt('bea@soc.example');
  bea = await atBrowserWithPasskey(house, 'bea@soc.example');
  await personAt('cyd@soc.example');
  cyd = await atBrowserWithPasskey(house, 'cyd@soc.example', true);
  expect((await house.admin.api('POST', BASE, byHand('keyed', [KEYED]))).status).toBe(201);
}, 60_000);
afterAll(() => house.stop());

let runs = 0;
async function asked(): Promise<Asked> {
  runs += 1;
  const run = await requester.api('POST', `${BASE}/executions/trigger`, {
    playbookId: 'keyed',
    userId: `user-${runs}`,
  });
  await house.settled(run.body.data.executionId);
  const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${run.body.data.executionId}`);
  expect(body.data[0]).toMatchObject({ requirePasskey: true, status: 'PENDING' });
  return body.data[0];
}
const shown = async ({ id }: Asked) => (await house.admin.api('GET', `${BASE}/approvals/${id}`)).body.data;

describe('an approval that needs a passkey', () => {
  it('is approved by a signed vote, which the record keeps whole', async () => {
    const request = await asked();
    expect(await votes(bea, request, await signedFor(bea, request))).toEqual([200, 'APPROVED']);
    expect((await shown(request)).votes).toMatchObject([
      {
        userId: beaId,
        provenBy: 'session',
        assertion: {
          credentialId: bea.authenticator.credentialId,
          publicKey: bea.authenticator.publicKey,
          rpId: 'localhost',
          origin: SITE,
          signCount: 0,
        },
      },
    ]);
  });

  it('is approved by nothing else, and each refusal says where to go', async () => {
    const request = await asked();
    const ada = dora;
    const byKey = await ada.api('POST', `${BASE}/approvals/${request.id}/approve`, {});
    expect([byKey.status, byKey.body.code]).toEqual([403, 'passkey_needed']);
    expect(byKey.body.detail).toMatch(/under \/approvals .*under \/account/);
    expect(await votes(bea, request, undefined)).toEqual([403, 'passkey_needed']);
    const query = `decision=APPROVE&intentHash=${request.intentHash}`;
    const options = await ada.api('GET', `${BASE}/approvals/${request.id}/passkey-options?${query}`);
    expect([options.status, options.body.code]).toEqual([403, 'passkey_needed']);
    // Signed in the browser, sent with a key: whoever holds the key has not held the passkey.
    const sent = { intentHash: request.intentHash, assertion: await signedFor(bea, request) };
    const lent = await ada.api('POST', `${BASE}/approvals/${request.id}/approve`, sent);
    expect([lent.status, lent.body.code]).toEqual([403, 'passkey_refused']);
    expect((await shown(request)).status).toBe('PENDING');
  });

  it('can be denied by anybody who may answer, with whatever is at hand', async () => {
    const request = await asked();
    const denied = await dora.api('POST', `${BASE}/approvals/${request.id}/deny`, {});
    expect([denied.status, denied.body.data.status]).toEqual([200, 'DENIED']);
  });

  it('keeps a signed denial with its signature, and refuses a wrongly signed one', async () => {
    const request = await asked();
    expect(await votes(bea, request, await signedFor(bea, request, { forged: true }, 'DENY'), 'deny')).toEqual([
      403,
      'passkey_refused',
    ]);
    expect(await votes(bea, request, await signedFor(bea, request, {}, 'DENY'), 'deny')).toEqual([200, 'DENIED']);
    expect((await shown(request)).votes[0].assertion.credentialId).toBe(bea.authenticator.credentialId);
  });

  it.each([
    ['a forged signature', { forged: true }],
    ['another site', { origin: 'https://evil.example' }],
    ['another rpId', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'AAAA' }],
    ['a registration instead of an answer', { type: 'webauthn.create' }],
    ['nobody verified', { unverified: true }],
    ['nobody present', { absent: true }],
  ])('is not approved with %s', async (_what, lies) => {
    const request = await asked();
    expect(await votes(bea, request, await signedFor(bea, request, lies))).toEqual([403, 'passkey_refused']);
    // The same with nothing wrong counts, so that it was this that was refused.
    expect(await votes(bea, request, await signedFor(bea, request))).toEqual([200, 'APPROVED']);
  });

  it('is not approved with what was signed for something else', async () => {
    const [request, other] = [await asked(), await asked()];
    const denial = await signedFor(bea, request, {}, 'DENY');
    expect(await votes(bea, request, denial)).toEqual([403, 'passkey_refused']);
    expect(await votes(bea, request, await signedFor(bea, other))).toEqual([403, 'passkey_refused']);
    // Her own nonce, signed by somebody else's passkey, and the other way round.
    const { nonce, publicKey } = await optionsOf(bea.visitor, request);
    expect(await votes(bea, request, { ...cyd.authenticator.get(publicKey), nonce })).toEqual([403, 'passkey_refused']);
    expect(await votes(cyd, request, { ...bea.authenticator.get(publicKey), nonce })).toEqual([403, 'passkey_refused']);
    const made = { ...bea.authenticator.get(publicKey), nonce: `9999999999999.${nonce.split('.').slice(1).join('.')}` };
    expect(await votes(bea, request, made)).toEqual([403, 'passkey_refused']);
    expect((await shown(request)).votes).toEqual([]);
  });

  it('counts what was signed once, whoever asks and after a restart', async () => {
    const request = await asked();
    const signed = await signedFor(bea, request);
    await house.admin.api('PATCH', `/api/users/${beaId}`, { roles: ['LEGAL'] });
    expect(await votes(bea, request, signed)).toEqual([403, 'cannot_vote']);
    await house.admin.api('PATCH', `/api/users/${beaId}`, { roles: ['SECURITY_ADMIN'] });
    await house.restart();
    // It stands in the record of the refusal, where others can read it.
    expect(await votes(bea, request, signed)).toEqual([403, 'passkey_refused']);
    expect(await votes(bea, request, await signedFor(bea, request))).toEqual([200, 'APPROVED']);
    expect((await votes(bea, request, signed))[1]).toBe('already_decided');
  }, 30_000);

  it('refuses an authenticator whose count does not go on', async () => {
    const [first, second] = [await asked(), await asked()];
    expect(await votes(cyd, first, await signedFor(cyd, first))).toEqual([200, 'APPROVED']);
    const { count } = cyd.authenticator;
    for (const wrong of [count, count - 1, 0])
      expect(await votes(cyd, second, await signedFor(cyd, second, { count: wrong }))).toEqual([
        403,
        'passkey_refused',
      ]);
    expect(await votes(cyd, second, await signedFor(cyd, second))).toEqual([200, 'APPROVED']);
  });

  it('refuses a passkey that was removed, by its owner or by whoever manages accounts', async () => {
    const request = await asked();
    const spare = await atBrowserWithPasskey(house, 'cyd@soc.example');
    const another = await atBrowserWithPasskey(house, 'cyd@soc.example');
    const signed = await signedFor(spare, request);
    const removed = await spare.visitor.api('DELETE', `/api/passkeys/${spare.passkeyId}`, undefined, OWN_PAGE);
    expect(removed.body.data).toMatchObject({ removedAt: expect.any(String), name: 'test key' });
    expect(await votes(spare, request, signed)).toEqual([403, 'passkey_refused']);
    const { body } = await house.admin.api('GET', '/api/users');
    const { id } = body.data.find((user: { email: string }) => user.email === 'cyd@soc.example');
    const revoked = await house.admin.api('DELETE', `/api/users/${id}/passkeys/${another.passkeyId}`);
    expect(revoked.status).toBe(200);
    expect(await votes(another, request, await signedFor(another, request))).toEqual([403, 'passkey_refused']);
    const left = await house.admin.api('GET', `/api/users/${id}/passkeys`);
    expect(left.body.data.map((passkey: { id: string }) => passkey.id)).toEqual([cyd.passkeyId]);
  }, 30_000);

  it('is void for what was signed before something else was asked', async () => {
    const request = await asked();
    const other = { ...request, intentHash: 'ab'.repeat(32) };
    await expect(optionsOf(bea.visitor, other)).rejects.toThrow('changed since it was shown');
    expect((await votes(bea, other, await signedFor(bea, request)))[1]).toBe('passkey_refused');
  });
});

describe('registering', () => {
  it('is for the session of a browser, soon after signing in', async () => {
    for (const [method, path, body] of [
      ['GET', '/api/passkeys/options', undefined],
      [
        'POST',
        '/api/passkeys',
        {
          name: 'lent',
          nonce: 'x',
          response: softwareAuthenticator(SITE).create({ challenge: 'AAAA', rp: { id: 'localhost' } }),
        },
      ],
      ['PATCH', `/api/passkeys/${bea.passkeyId}`, { name: 'lent' }],
      ['DELETE', `/api/passkeys/${bea.passkeyId}`, undefined],
    ] as const) {
      const reply = await house.admin.api(method, path, body);
      expect([path, reply.status, reply.body.code]).toEqual([path, 409, 'conflict']);
    }
    const machine = await house.service('SECURITY_ADMIN');
    expect((await machine.api('GET', '/api/passkeys')).status).toBe(403);
  });

  it('refuses a credential that somebody has, also after it was removed', async () => {
    const visitor = await signedIn(house, 'bea@soc.example', PASSWORD);
    const theirs = await registerPasskey(visitor, cyd.authenticator);
    expect([theirs.status, theirs.body.code]).toEqual([409, 'conflict']);
    const own = softwareAuthenticator(SITE);
    const { body } = await registerPasskey(visitor, own);
    await visitor.api('DELETE', `/api/passkeys/${body.data.id}`, undefined, OWN_PAGE);
    expect((await registerPasskey(visitor, own)).status).toBe(409);
  });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['another rpId', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'AAAA' }],
    ['nobody verified', { unverified: true }],
  ])('refuses %s', async (_what, lies) => {
    const visitor = await signedIn(house, 'bea@soc.example', PASSWORD);
    const reply = await registerPasskey(visitor, softwareAuthenticator(SITE), lies);
    expect([reply.status, reply.body.code]).toEqual([403, 'passkey_refused']);
  });

  it('refuses a nonce of another session, a bad body, a bad name and a cross-site call', async () => {
    const visitor = await signedIn(house, 'bea@soc.example', PASSWORD);
    const { nonce, publicKey } = (await visitor.api('GET', '/api/passkeys/options')).body.data;
    const authenticator = softwareAuthenticator(SITE);
    const body = { name: 'mine', nonce, response: authenticator.create(publicKey) };
    const elsewhere = await bea.visitor.api('POST', '/api/passkeys', body, OWN_PAGE);
    expect([elsewhere.status, elsewhere.body.code]).toEqual([403, 'passkey_refused']);
    expect((await visitor.api('POST', '/api/passkeys', { ...body, name: ' ' }, OWN_PAGE)).status).toBe(400);
    expect((await visitor.api('POST', '/api/passkeys', { name: 'mine' }, OWN_PAGE)).status).toBe(400);
    expect((await visitor.api('POST', '/api/passkeys', body, { 'sec-fetch-site': 'cross-site' })).body.code).toBe(
      'cross_site',
    );
    expect((await visitor.api('POST', '/api/passkeys', body, OWN_PAGE)).status).toBe(201);
  });

  it("shows and changes one's own only", async () => {
    const listed = await bea.visitor.api('GET', '/api/passkeys');
    expect(listed.body.data.map((each: { userId: string }) => each.userId)).toContain(beaId);
    expect(new Set(listed.body.data.map((each: { userId: string }) => each.userId)).size).toBe(1);
    const path = `/api/passkeys/${cyd.passkeyId}`;
    expect((await bea.visitor.api('PATCH', path, { name: 'not mine' }, OWN_PAGE)).status).toBe(404);
    expect((await bea.visitor.api('DELETE', path, undefined, OWN_PAGE)).status).toBe(404);
    const renamed = await bea.visitor.api('PATCH', `/api/passkeys/${bea.passkeyId}`, { name: ' my phone ' }, OWN_PAGE);
    expect(renamed.body.data.name).toBe('my phone');
  });
});
