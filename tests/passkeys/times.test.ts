import { describe, expect, it } from 'vitest';
import { createPasskeyService } from '../../src/pipeline/access/passkeys.service.ts';
import { emptyAccessState, foldAccess } from '../../src/pipeline/access/access.store.ts';
import { MAX_PASSKEYS, REGISTRATION_WINDOW_MS } from '../../src/pipeline/access/passkey.ts';
import { relyingPartyOf } from '../../src/pipeline/access/relying-party.ts';
import { nonceExpiry } from '../../src/pipeline/access/nonce-text.ts';
import { isOurNonce, NONCE_LIFETIME_MS, sealedNonce } from '../../src/pipeline/access/sealed-nonce.ts';
import { NOW, PASSWORD, refusalOf, signInHouse } from '../../src/pipeline/access/test-sign-in.ts';
import { SITE } from '../support/passkeys.ts';
import { softwareAuthenticator, type CreationOptions, type RequestOptions } from '../support/software-authenticator.ts';

/** What depends on the time, and on how many there are, over a journal in memory. */

const KEY = new Uint8Array(32).fill(7);

async function houseWithPasskeys() {
  const house = await signInHouse();
  const site = relyingPartyOf(SITE);
  const passkeys = createPasskeyService(house.journal, { randomBytes: house.randomBytes, key: KEY, site });
  const user = await house.withPassword('bea');
  const { secret } = await house.signIn('bea@example.org', PASSWORD);
  const at = (later = 0) => house.by(secret, NOW + later);
  const register = async (authenticator = softwareAuthenticator(SITE), later = 0, options = passkeys) => {
    const { nonce, publicKey } = await options.options(await at());
    const response = authenticator.create(publicKey as unknown as CreationOptions); // as the API gives it
    return passkeys.register(await at(later), {
      name: 'key',
      nonce,
      response: { ...response, response: { ...response.response } },
    });
  };
  return { ...house, passkeys, user, at, register };
}

describe('a nonce', () => {
  const purpose = ['vote', 'apr_1', 'usr_1'];
  const nonce = sealedNonce(KEY, purpose, NOW, new Uint8Array(16));
  it('is good for one purpose until its end, in every process that has the key', () => {
    expect(isOurNonce(KEY, nonce, purpose, NOW + NONCE_LIFETIME_MS - 1)).toBe(true);
    expect(isOurNonce(KEY, nonce, purpose, NOW + NONCE_LIFETIME_MS)).toBe(false);
    expect(isOurNonce(KEY, nonce, ['vote', 'apr_1', 'usr_2'], NOW)).toBe(false);
    expect(isOurNonce(new Uint8Array(32), nonce, purpose, NOW)).toBe(false);
    expect(isOurNonce(KEY, nonce.replace(/^\d+/, String(NOW * 2)), purpose, NOW)).toBe(false);
    expect(nonceExpiry(nonce)).toBe(NOW + NONCE_LIFETIME_MS);
    expect(['', 'x', '1.2.3'].map(nonceExpiry)).toEqual([null, null, null]);
  });
});

describe('registering', () => {
  it('is possible soon after signing in only', async () => {
    const { passkeys, at } = await houseWithPasskeys();
    expect((await passkeys.options(await at(REGISTRATION_WINDOW_MS - 1))).publicKey).toMatchObject({
      rp: { id: 'localhost' },
      attestation: 'none',
      authenticatorSelection: { userVerification: 'required' },
    });
    expect(await refusalOf(passkeys.options(await at(REGISTRATION_WINDOW_MS)))).toBe('forbidden');
  });

  it('takes what was asked for within five minutes', async () => {
    const { register } = await houseWithPasskeys();
    expect(await refusalOf(register(softwareAuthenticator(SITE), NONCE_LIFETIME_MS))).toBe('passkey_refused');
    expect(await refusalOf(register(softwareAuthenticator(SITE), NONCE_LIFETIME_MS - 1))).toBe('no error');
  });

  it('has an end, and the records say the same as the rows', async () => {
    const { register, passkeys, at, records, journal } = await houseWithPasskeys();
    for (let made = 0; made < MAX_PASSKEYS; made += 1) await register();
    expect(await refusalOf(register())).toBe('conflict');
    const { items } = await passkeys.list(await at(), { limit: 100, skip: 0 });
    await passkeys.remove(await at(), { id: items[0]?.id ?? '' });
    await register();
    const state = emptyAccessState();
    for (const record of records()) foldAccess(state, record);
    const rows = [...journal.views.values()].flatMap(({ view }) => (view.kind === 'passkey' ? [view.body] : []));
    expect(rows).toHaveLength(MAX_PASSKEYS + 1);
    expect(new Set(rows)).toEqual(new Set(state.passkeys.values()));
  });
});

describe('a proof', () => {
  it('is worth nothing after five minutes, and nothing for another purpose', async () => {
    const { register, passkeys, at } = await houseWithPasskeys();
    const authenticator = softwareAuthenticator(SITE);
    await register(authenticator);
    const challenge = 'Y2hhbGxlbmdl';
    const { nonce, publicKey } = await passkeys.ask(await at(), {
      purpose: ['vote', 'apr_1'],
      challengeOf: () => challenge,
    });
    const answer = { ...authenticator.get(publicKey as unknown as RequestOptions), nonce }; // as the API gives it
    const prove = async (later: number, request = 'apr_1') =>
      passkeys.prove(await at(later), answer, { purpose: ['vote', request], challenge });
    expect(await refusalOf(prove(NONCE_LIFETIME_MS))).toBe('passkey_refused');
    expect(await refusalOf(prove(0, 'apr_2'))).toBe('passkey_refused');
    expect(await prove(NONCE_LIFETIME_MS - 1)).toMatchObject({ ...answer, publicKey: authenticator.publicKey });
  });

  it('of an authenticator that counts is taken once, by whichever of two processes is first', async () => {
    const { register, passkeys, at, records } = await houseWithPasskeys();
    const authenticator = softwareAuthenticator(SITE, { counts: true });
    await register(authenticator);
    const { nonce, publicKey } = await passkeys.ask(await at(), { purpose: ['vote'], challengeOf: () => 'AAAA' });
    const answer = { ...authenticator.get(publicKey as unknown as RequestOptions), nonce }; // as the API gives it
    const proofs = await Promise.allSettled(
      [0, 1].map(async () => passkeys.prove(await at(), answer, { purpose: ['vote'], challenge: 'AAAA' })),
    );
    expect(proofs.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(records().filter(({ type }) => type === 'access.passkey_saved')).toHaveLength(2);
  });
});
