import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { portalToken } from '../../src/pipeline/deadlines/portal/portal-token.ts';
import { portalKeyOf } from '../../src/start/regulatory-contacts.ts';
import { withOwnKey } from '../support/own-key.ts';
import { startHarness, type Harness, type Person } from '../support/server.ts';

/** The page on which a message waits for a regulatory contact, as a browser gets it. */

const CONTACTS = '/api/regulatory-contacts';
const MESSAGES = '/api/portal-messages';

let house: Harness;
let officer: Person;
let sender: Person;
let reader: Person;
let incidentId: string;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { PUBLIC_URL: 'https://firebreak.example' } });
  officer = await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'));
  sender = await withOwnKey(house, await house.person('INCIDENT_COMMANDER'));
  reader = await house.person('AUDITOR');
  const time = new Date().toISOString();
  const event = { id: 'a1', kind: 'alert', action: 'edr.alert', subject: '<b>bold', severity: 'HIGH', time };
  await house.admin.api('POST', '/api/events', event);
  incidentId = (await house.admin.api('GET', '/api/incidents?userId=%3Cb%3Ebold')).body.data[0].id;
  const saved = await house.admin.api('PUT', `${CONTACTS}/dpo`, {
    name: 'DPO',
    email: 'dpo@example.org',
    portal: true,
    userId: reader.id,
  });
  expect(saved.status).toBe(200);
  await officer.api('POST', `${CONTACTS}/dpo/verify`, { version: 1, how: 'called back' });
});
afterAll(() => house.stop());

/** A message that waits, and what is needed to open it. */
async function waiting() {
  const draft = (await sender.api('POST', '/api/notification-drafts', { incidentId, regime: 'GDPR' })).body.data;
  await sender.api('POST', `/api/notification-drafts/${draft.id}/tell`, { channels: ['SECURE_PORTAL'] });
  const [message] = (await sender.api('GET', `${MESSAGES}?draftId=${draft.id}`)).body.data;
  const path = new URL(message.link).pathname;
  const show = async () => (await sender.api('GET', `${MESSAGES}/${message.id}`)).body.data;
  const issue = async () => (await sender.api('POST', `${MESSAGES}/${message.id}/code`)).body.data;
  return { id: message.id as string, path, draft, show, issue };
}

async function open(path: string, code?: string, headers: Record<string, string> = {}) {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = code === undefined ? {} : { method: 'POST', body: new URLSearchParams({ code }).toString() };
  const reply = await fetch(`${house.url}${path}`, {
    ...post,
    headers: { accept: 'text/html', ...(code === undefined ? {} : form), ...headers },
    redirect: 'manual',
  });
  return { status: reply.status, headers: reply.headers, text: await reply.text() };
}

describe('a message on a page', () => {
  it('is closed until a code opens it, once, and who read what is on record', async () => {
    const { path, draft, issue, show } = await waiting();
    const closed = await open(path);
    expect(closed.status).toBe(200);
    for (const word of ['GDPR', incidentId, draft.hash, 'bold', 'MISSING']) expect(closed.text).not.toContain(word);
    expect(closed.headers.get('cache-control')).toBe('no-store');
    expect(closed.headers.get('referrer-policy')).toBe('no-referrer');
    expect(closed.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await show()).status).toBe('UNREAD');
    expect((await open(path, 'AAAAA-AAAAA')).status).toBe(403);

    const { code } = await issue();
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    expect(JSON.stringify(await show())).not.toContain(code);
    const opened = await open(path, ` ${code.toLowerCase().replace('-', '')} `);
    expect(opened.status).toBe(200);
    expect(opened.text).toContain('MISSING: the likely consequences');
    expect(opened.text).not.toContain('<b>bold');
    const { status, readings, hash } = await show();
    expect([status, readings]).toMatchObject([
      'READ',
      [{ by: 'contact/dpo', provenBy: 'code', hash, ip: '127.0.0.1' }],
    ]);
    expect(opened.text).toContain(hash);

    expect((await open(path, code)).status).toBe(403);
    expect((await show()).readings).toHaveLength(1);
  });

  it('takes five wrong codes, and then not even the right one', async () => {
    const { path, issue, show } = await waiting();
    const { code } = await issue();
    const wrong = await Promise.all(Array.from({ length: 5 }, () => open(path, 'ZZZZZ-ZZZZZ')));
    expect(wrong.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    expect((await open(path, code)).status).toBe(403);
    expect((await show()).status).toBe('UNREAD');
    const { code: another } = await issue();
    expect((await open(path, code)).status).toBe(403);
    expect((await open(path, another)).status).toBe(200);
  });

  it('opens with the newest code only', async () => {
    const { path, issue } = await waiting();
    const { code: first } = await issue();
    const { code: second } = await issue();
    expect((await open(path, first)).status).toBe(403);
    expect((await open(path, second)).status).toBe(200);
  });

  it('has links that nobody can make, change or use after their time', async () => {
    const { id, path } = await waiting();
    const key = loadLogKey(join(house.dataDir, 'log-key.pem'));
    const { id: journalId } = (await house.admin.api('GET', '/api/journal')).body.data;
    const own = (expiresAt: number) => `/portal/${portalToken(portalKeyOf(key, journalId), id, expiresAt)}`;
    const [, expiresAt = ''] = path.split('.');
    expect(own(Number(expiresAt))).toBe(path);
    for (const forged of [
      path.replace(expiresAt, String(Number(expiresAt) + 1)),
      path.slice(0, -1) + (path.endsWith('A') ? 'B' : 'A'),
      `/portal/${portalToken(new Uint8Array(32), id, Number(expiresAt))}`,
      '/portal/x',
      '/portal/%2e%2e%2fapi',
      own(Date.now() - 1),
    ]) {
      expect([forged, (await open(forged)).status]).toEqual([forged, 401]);
      expect([forged, (await open(forged, 'AAAAA-AAAAA')).status]).toEqual([forged, 401]);
    }
  });

  it('is closed for good when it is revoked, or its contact is', async () => {
    const { id, path, issue } = await waiting();
    const { code } = await issue();
    expect((await sender.api('POST', `${MESSAGES}/${id}/revoke`, { reason: 'wrong draft' })).body.data.status).toBe(
      'REVOKED',
    );
    expect((await open(path)).status).toBe(401);
    expect((await open(path, code)).status).toBe(401);
    expect((await sender.api('POST', `${MESSAGES}/${id}/code`)).status).toBe(409);
    expect((await sender.api('POST', `${MESSAGES}/${id}/revoke`, { reason: 'again' })).status).toBe(409);
  });

  it('opens for the own account of the contact without a code, and for no other', async () => {
    const { id, show } = await waiting();
    const bearer = (person: Person) => ({ authorization: `Bearer ${person.key}` });
    const looked = await open(`/messages/${id}`, undefined, bearer(reader));
    expect(looked.status).toBe(200);
    expect(looked.text).not.toContain('MISSING');
    expect((await open(`/messages/${id}`, undefined, bearer(officer))).status).toBe(404);
    expect((await open(`/messages/${id}`)).headers.get('location')).toBe(
      `/sign-in?to=${encodeURIComponent(`/messages/${id}`)}`,
    );
    const post = (person: Person) =>
      fetch(`${house.url}/messages/${id}`, {
        method: 'POST',
        body: '',
        headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', ...bearer(person) },
      });
    expect((await post(officer)).status).toBe(404);
    const opened = await post(reader);
    expect([opened.status, await opened.text()]).toEqual([
      200,
      expect.stringContaining('MISSING: the likely consequences'),
    ]);
    expect((await show()).readings).toMatchObject([{ by: reader.id, provenBy: 'session' }]);
  });

  it('gives codes to those only who may write drafts', async () => {
    const { id } = await waiting();
    expect((await reader.api('POST', `${MESSAGES}/${id}/code`)).status).toBe(403);
    expect((await sender.api('GET', `${MESSAGES}/ptl_none`)).status).toBe(404);
  });
});
