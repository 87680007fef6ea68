import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decrypted, hasOpenssl, mailKeys } from '../support/mail-certificates.ts';
import { readMail, startMailServer, type MailServer } from '../support/mail-server.ts';
import { withOwnKey } from '../support/own-key.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

/** From an incident to a proof: drafts, contacts that are told of them, pages that wait for them, and what was handed in. */

const DRAFTS = '/api/notification-drafts';
const CONTACTS = '/api/regulatory-contacts';
const SITE = 'https://firebreak.example';

let house: Harness;
let mail: MailServer;
let officer: Person;
let legal: Person;
let commander: Person;
let incidentId: string;
beforeAll(async () => {
  mail = await startMailServer({ disabledCommands: ['STARTTLS'] });
  const smtp = { SMTP_HOST: '127.0.0.1', SMTP_PORT: String(mail.port), SMTP_TLS: 'none' };
  const env = { ...smtp, NOTIFICATION_EMAIL_FROM: 'alerts@soc.example', PUBLIC_URL: SITE };
  house = await startHarness({ withoutSandbox: true, env });
  officer = await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'));
  legal = await withOwnKey(house, await house.person('LEGAL'));
  commander = await withOwnKey(house, await house.person('INCIDENT_COMMANDER'));
  incidentId = await incident(ATTACK);
});
afterAll(async () => {
  await house.stop();
  await mail.close();
});

/** @param subject hostile: it comes from an event. */
async function incident(subject: string): Promise<string> {
  const time = new Date().toISOString();
  const event = { id: 'alert-1', kind: 'alert', action: 'edr.alert', subject, severity: 'HIGH', time };
  const sent = await house.admin.api('POST', '/api/events', event);
  if (sent.status >= 300) throw new Error(sent.text);
  const listed = await house.admin.api('GET', `/api/incidents?userId=${encodeURIComponent(subject)}`);
  return listed.body.data[0].id;
}
const ATTACK = '<script>alert(1)</script> {{incident.id}} [x](https://evil.example)';

const made = async (more: object = {}, by = commander) =>
  (await by.api('POST', DRAFTS, { incidentId, regime: 'gdpr', ...more })).body.data;
const contact = async (id: string, definition: object) => {
  const { body } = await house.admin.api('PUT', `${CONTACTS}/${id}`, { name: 'The officer', ...definition });
  const { version, certificateFacts } = body.data;
  const compared = { version, fingerprint: certificateFacts?.fingerprint ?? null, how: 'called back' };
  const done = await officer.api('POST', `${CONTACTS}/${id}/verify`, compared);
  expect(done.status).toBe(200);
};
const revoked = (id: string) => officer.api('POST', `${CONTACTS}/${id}/revoke`, { reason: 'done' });

describe('drafts', () => {
  it('say what is known and what is missing, and keep hostile text harmless for each sink', async () => {
    const draft = await made();
    expect(draft).toMatchObject({ status: 'DRAFT', regime: 'GDPR', templateId: 'gdpr-33', incidentId, version: 1 });
    expect(draft.text).toContain('MISSING: the likely consequences for the data subjects');
    expect(draft.text).toContain('MISSING: name and contact details');
    expect(draft.text).toMatch(/^Severity: HIGH$/m);
    expect(draft.missingCount).toBe(draft.text.match(/^MISSING:/gm).length);
    // Nothing of an event is a template, and nothing of it is markup.
    expect(draft.text).toContain('{{incident.id}}');
    expect(draft.markdown).not.toMatch(/(?<!\\)<script|(?<!\\)\[x\]/);
  });

  it.each([
    ['NIS2', 'early-warning', 'nis2-early-warning'],
    ['NIS2', 'final', 'nis2-final'],
    ['DORA', 'intermediate', 'dora-intermediate'],
    ['SEC', null, 'sec-8k-105'],
    ['HIPAA', null, 'hipaa'],
    ['NYDFS', null, 'nydfs'],
    ['SOMETHING-ELSE', null, 'generic'],
  ])('of %s %s are made of the template %s', async (regime, stage, templateId) => {
    expect(await made({ regime, stage })).toMatchObject({ templateId, stage });
  });

  it('are edited by the version that was read, approved by another person, and handed in by people', async () => {
    const { id, version, sections, title } = await made();
    const text = 'Nobody outside has seen the data.';
    const changed = sections.map((each: { id: string }) => (each.id === 'consequences' ? { ...each, text } : each));
    const edit = (headers: Record<string, string>, document: object = { title, sections: changed }) =>
      legal.api('PUT', `${DRAFTS}/${id}`, document, headers);
    expect((await edit({})).status).toBe(428);
    expect((await edit({ 'if-match': '"9"' })).status).toBe(412);
    const edited = await edit({ 'if-match': `"${version}"` });
    expect(edited.body.data).toMatchObject({ version: 2, authors: [legal.id], status: 'DRAFT' });
    expect(edited.body.data.text).toContain(text);
    const { hash } = edited.body.data;

    const approve = (by: Person, given = hash) => by.api('POST', `${DRAFTS}/${id}/approve`, { hash: given });
    const proof = (more: object = {}) =>
      commander.api('POST', `${DRAFTS}/${id}/submissions`, {
        hash,
        reference: 'DPA-2026-17',
        submittedAt: new Date().toISOString(),
        ...more,
      });
    expect((await proof()).body.detail).toContain('another person has approved');
    expect((await approve(commander)).status).toBe(403);
    expect((await approve(legal)).body.detail).toContain('another person');
    expect((await approve(officer, '0'.repeat(64))).status).toBe(409);
    expect((await approve(officer)).body.data).toMatchObject({ status: 'APPROVED', approvedBy: officer.id });
    expect((await approve(officer)).status).toBe(409);

    const early = await proof({ submittedAt: '2026-01-01T00:00:00Z' });
    expect([early.status, early.body.errors?.[0]?.pointer]).toEqual([422, '/submittedAt']);
    expect((await proof({ submittedAt: '2999-01-01T00:00:00Z' })).status).toBe(422);
    expect((await proof({ hash: '0'.repeat(64) })).status).toBe(409);
    // A receipt has to be in custody.
    const unknown = await proof({ evidenceId: 'evd_1' });
    expect([unknown.status, unknown.body.errors?.[0]?.pointer]).toEqual([422, '/evidenceId']);
    const done = await proof({ person: 'Ada' });
    expect(done.body.data).toMatchObject({
      status: 'SUBMITTED',
      submissions: [{ reference: 'DPA-2026-17', hash, person: 'Ada' }],
    });
    expect((await proof()).body.data.submissions).toHaveLength(1);

    const later = await edit({ 'if-match': `"${done.body.data.version}"` }, { title: 'Supplement', sections: changed });
    expect(later.body.data).toMatchObject({ status: 'DRAFT', approvedBy: null });
    expect(later.body.data.submissions).toHaveLength(1);
    expect((await proof({ hash: later.body.data.hash, reference: 'x' })).status).toBe(409);
    const given = await legal.api('POST', `${DRAFTS}/${id}/withdraw`, { reason: 'not owed' });
    expect(given.body.data.status).toBe('WITHDRAWN');
    expect((await approve(officer)).body.detail).toContain('withdrawn');
    expect((await commander.api('POST', `${DRAFTS}/${id}/tell`, {})).status).toBe(409);
  });

  it('are refused with what is no draft', async () => {
    const { id } = await made();
    const put = (document: object) => legal.api('PUT', `${DRAFTS}/${id}`, document, { 'if-match': '"1"' });
    const one = { id: 'a', heading: 'A', text: 'x' };
    for (const [document, pointer] of [
      [{ title: 'a\nb', sections: [one] }, '/title'],
      [{ title: 'a', sections: [] }, '/sections'],
      [{ title: 'a', sections: [one, one] }, '/sections/1/id'],
      [{ title: 'a', sections: [{ ...one, text: 'a\u001b[2J' }] }, '/sections/0/text'],
      [{ title: 'a', sections: [{ ...one, text: 'a\u202eb' }] }, '/sections/0/text'],
      [{ title: 'a', sections: [{ ...one, text: 'x'.repeat(20_001) }] }, '/sections/0/text'],
      [{ title: 'a', sections: [one], more: 1 }, '/more'],
    ] as const) {
      const { status, body } = await put(document);
      expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([422, 'invalid_draft', pointer]);
    }
    const many = Array.from({ length: 9 }, (_, index) => ({ ...one, id: `s${index}`, text: 'x'.repeat(19_000) }));
    expect((await put({ title: 'a', sections: many })).body.errors?.[0]?.detail).toContain('in all');
    expect((await commander.api('POST', DRAFTS, { incidentId: 'inc_none', regime: 'GDPR' })).status).toBe(404);
    expect((await commander.api('POST', DRAFTS, { incidentId, regime: '../x' })).status).toBe(400);
  });
});

describe.skipIf(!hasOpenssl)('contacts that are told', () => {
  it('get encrypted mail, and a link to a page without a word of it; people see what became of each way', async () => {
    const keys = mailKeys();
    await contact('dpo', { email: 'dpo@example.org', roles: ['DPO'], portal: true, certificate: keys.certificate });
    await house.admin.api('PUT', `${CONTACTS}/unseen`, {
      name: 'Not compared',
      email: 'eve@example.org',
      portal: true,
    });
    const draft = await made();
    expect(draft.text).toContain('Data-protection officer: The officer, dpo@example.org');
    const before = mail.mails.length;
    const body = { channels: ['encrypted_email', 'secure_portal'] };
    const told = await commander.api('POST', `${DRAFTS}/${draft.id}/tell`, body, { 'idempotency-key': 'tell-1' });
    expect(told.body.data.told).toEqual([
      { contactId: 'dpo', channel: 'ENCRYPTED_EMAIL' },
      { contactId: 'dpo', channel: 'SECURE_PORTAL' },
    ]);
    expect(told.body.data.refused).toContainEqual({ contactId: 'unseen', why: 'contact_unverified' });
    await until('two mails', async () =>
      mail.mails.filter(({ to }) => to.includes('dpo@example.org')).length === 2 ? true : null,
    );
    const [sealed, link] = mail.mails
      .slice(before)
      .filter(({ to }) => to.includes('dpo@example.org'))
      .sort((a, b) => (a.raw.includes('pkcs7') ? -1 : b.raw.includes('pkcs7') ? 1 : 0));
    expect(mail.mails.some(({ to }) => to.includes('eve@example.org'))).toBe(false);
    for (const raw of [sealed?.raw ?? '', link?.raw ?? '']) {
      for (const word of ['GDPR', incidentId, 'alert(1)', draft.hash]) expect(raw).not.toContain(word);
    }
    const inside = decrypted(sealed?.raw ?? '', keys);
    expect(inside).toContain('Nothing was sent to an authority');
    expect(inside).toContain('draft.txt');
    expect(readMail(link?.raw ?? '').headers.length).toBeGreaterThan(3);
    const deliveries = await house.admin.api('GET', '/api/notifications/deliveries?channel=SECURE_PORTAL');
    expect(deliveries.body.data[0]).toMatchObject({ status: 'SENT', contactId: 'dpo' });
    expect((await verified(house.dataDir)).code).toBe(0);
    await revoked('dpo');
  });

  it('get nothing in the clear where there is no key: the message is given up at once, and people are told', async () => {
    await contact('keyless', { email: 'keyless@example.org', portal: true });
    const draft = await made();
    await commander.api('POST', `${DRAFTS}/${draft.id}/tell`, { channels: ['ENCRYPTED_EMAIL'] });
    const dead = async () =>
      (await house.admin.api('GET', '/api/notifications/deliveries?channel=ENCRYPTED_EMAIL&status=DEAD')).body.data;
    await until('a dead message', async () => ((await dead()).length > 0 ? true : null));
    expect((await dead())[0]).toMatchObject({ error: 'no_certificate', contactId: 'keyless' });
    const notices = await house.admin.api('GET', '/api/notifications?limit=50');
    expect(JSON.stringify(notices.body.data)).toContain('could not be delivered over ENCRYPTED_EMAIL: no_certificate');
    expect(mail.mails.some(({ to }) => to.includes('keyless@example.org'))).toBe(false);
    await revoked('keyless');
  });

  it('are none: then those who answer for it are told so, urgently', async () => {
    const draft = await made();
    const told = await commander.api('POST', `${DRAFTS}/${draft.id}/tell`, {});
    expect(told.body.data.told).toEqual([]);
    expect(told.body.warnings?.join(' ')).toContain('No contact could be told');
    const seen = async () => JSON.stringify((await officer.api('GET', '/api/notifications?limit=50')).body.data);
    await until('a notice', async () => ((await seen()).includes('No regulatory contact could be told') ? true : null));
  });
});
