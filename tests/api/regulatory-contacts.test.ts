import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl, mailKeys } from '../support/mail-certificates.ts';
import { startHarness, verified, type Harness, type Person } from '../support/server.ts';
import { withOwnKey } from '../support/own-key.ts';

const BASE = '/api/regulatory-contacts';
const DPO = { name: 'The officer', email: 'dpo@example.org', roles: ['DPO'], portal: true, phone: '+1 555 0100' };

let house: Harness;
let officer: Person;
let analyst: Person;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
  officer = await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'));
  analyst = await house.person('SECURITY_ANALYST');
});
afterAll(() => house.stop());

const set = (id: string, definition: object, by: Person = house.admin, headers = {}) =>
  by.api('PUT', `${BASE}/${id}`, definition, headers);
const verify = (id: string, body: object, by = officer) =>
  by.api('POST', `${BASE}/${id}/verify`, { how: 'called back', ...body });

describe('regulatory contacts', () => {
  it('are saved by one person and verified by another, and every change has to be verified anew', async () => {
    const made = await set('dpo', DPO);
    expect([made.status, made.body.data]).toMatchObject([200, { id: 'dpo', version: 1, status: 'UNVERIFIED' }]);
    expect(made.body.data).toMatchObject({ encryptedEmail: 'contact_unverified', securePortal: 'contact_unverified' });
    expect(made.body.warnings?.join(' ')).toContain('another person verifies it');
    const own = await house.admin.api('POST', `${BASE}/dpo/verify`, { version: 1, how: 'myself' });
    expect([own.status, own.body.detail]).toEqual([409, expect.stringContaining('another person')]);
    expect((await verify('dpo', { version: 2 })).status).toBe(412);
    const done = await verify('dpo', { version: 1 });
    expect(done.body.data).toMatchObject({ status: 'VERIFIED', verifiedBy: officer.id, securePortal: null });
    expect(done.body.data.encryptedEmail).toBe('no_certificate');
    expect((await verify('dpo', { version: 2 })).body.detail).toContain('nothing to verify');
    const changed = await set('dpo', { ...DPO, email: 'another@example.org' });
    expect(changed.body.data).toMatchObject({ status: 'UNVERIFIED', verifiedBy: null, version: 3 });
    expect((await set('dpo', DPO, house.admin, { 'if-match': '"1"' })).status).toBe(412);
    const list = await officer.api('GET', `${BASE}?status=UNVERIFIED`);
    expect(list.body.data.map(({ id }: { id: string }) => id)).toEqual(['dpo']);
    expect((await verified(house.dataDir)).code).toBe(0);
  });

  it('can be revoked by either, and nobody is told by them any more', async () => {
    await set('gone', DPO);
    await verify('gone', { version: 1 });
    const revoked = await officer.api('POST', `${BASE}/gone/revoke`, { reason: 'left' });
    expect(revoked.body.data).toMatchObject({ status: 'REVOKED', securePortal: 'contact_revoked' });
    expect((await officer.api('POST', `${BASE}/gone/revoke`, { reason: 'again' })).status).toBe(409);
    expect((await verify('gone', { version: 3 })).status).toBe(409);
  });

  it.skipIf(!hasOpenssl)('keep a certificate that fits the address, and its fingerprint is compared', async () => {
    const { certificate } = mailKeys();
    const made = await set('keyed', { ...DPO, certificate });
    const { fingerprint } = made.body.data.certificateFacts;
    const wrong = await verify('keyed', { version: 1, fingerprint: 'ab'.repeat(32) });
    expect([wrong.status, wrong.body.errors?.[0]?.pointer]).toEqual([409, '/fingerprint']);
    expect((await verify('keyed', { version: 1 })).status).toBe(409);
    const pairs = fingerprint.toUpperCase().match(/../g).join(':');
    const done = await verify('keyed', { version: 1, fingerprint: pairs });
    expect(done.body.data).toMatchObject({ status: 'VERIFIED', encryptedEmail: null });
    const other = await set('other', { ...DPO, email: 'eve@example.org', certificate });
    expect([other.status, other.body.errors?.[0]]).toMatchObject([422, { pointer: '/certificate' }]);
    const weak = await set('weak', { ...DPO, certificate: mailKeys({ digest: 'sha1' }).certificate });
    expect([weak.status, weak.body.errors?.[0]?.detail]).toEqual([422, expect.stringContaining('SHA-1')]);
    const nowhere = await officer.api('GET', `${BASE}/weak`);
    expect(nowhere.status).toBe(404);
  });

  it.each<[string, object, string]>([
    ['an OpenPGP key', { ...DPO, pgpPublicKey: 'x' }, '/pgpPublicKey'],
    ['a list of addresses', { ...DPO, email: 'a@example.org,b@example.org' }, '/email'],
    ['an address with a line break', { ...DPO, email: 'a@example.org\r\nBcc: b@example.org' }, '/email'],
    ['a name with a line break', { ...DPO, name: 'a\nb' }, '/name'],
    ['no way to be told', { ...DPO, portal: false }, ''],
    [
      'an end before its begin',
      { ...DPO, validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' },
      '/validUntil',
    ],
    ['a regime that is none', { ...DPO, regimes: ['../x'] }, '/regimes/0'],
    ['an unknown member', { ...DPO, fax: '1' }, '/fax'],
  ])('are refused with %s', async (_, definition, pointer) => {
    const { status, body } = await set('bad', definition);
    expect([status, body.code]).toEqual([422, 'invalid_contact']);
    expect(body.errors?.map((each) => each.pointer)).toContain(pointer);
  });

  it('take no member that reaches into objects', async () => {
    const definition: unknown = JSON.parse('{"__proto__": {"x": 1}, "name": "a"}');
    const { status } = await house.admin.api('PUT', `${BASE}/bad`, definition);
    expect(status).toBe(400);
  });

  it('have an id of letters and digits, and are not for everybody', async () => {
    expect((await set('DPO', DPO)).status).toBe(422);
    expect((await analyst.api('GET', BASE)).status).toBe(403);
    expect((await set('dpo2', DPO, analyst)).status).toBe(403);
  });

  it('are out of use before and after their time', async () => {
    await set('later', { ...DPO, validFrom: '2999-01-01T00:00:00Z' });
    expect((await verify('later', { version: 1 })).body.data.securePortal).toBe('contact_not_valid_yet');
    await set('over', { ...DPO, validUntil: '2020-01-01T00:00:00Z' });
    expect((await verify('over', { version: 1 })).body.data.securePortal).toBe('contact_expired');
  });
});
