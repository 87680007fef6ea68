import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMail, startMailServer, type MailServer } from '../support/mail-server.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, verified, type Harness, type Person } from '../support/server.ts';

/** A request comes by mail over a real SMTP server, and is answered on the page that its link opens. */

let mail: MailServer;
let house: Harness;
let requester: Person;
let voter: Person;
let people = 0;
beforeAll(async () => {
  mail = await startMailServer({ disabledCommands: ['STARTTLS'] });
  house = await startHarness({
    env: {
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(mail.port),
      SMTP_TLS: 'none',
      NOTIFICATION_EMAIL_FROM: 'alerts@soc.example',
      PUBLIC_URL: 'https://firebreak.soc.example',
    },
  });
  requester = await house.person('INCIDENT_COMMANDER');
  await house.person('INCIDENT_COMMANDER', { email: 'ines@soc.example' });
  await house.admin.api('POST', BASE, byHand('waits', [SUSPEND_APPROVED]));
});
afterAll(async () => {
  await house.stop();
  await mail.close();
});

const linkIn = (raw: string): string =>
  /https:\/\/firebreak\.soc\.example(\/answer\/\S+)/.exec(readMail(raw).part('text/plain'))?.[1] ?? '';

/** A new voter, a new request, and the path of the link that the voter's mail has. */
async function asked() {
  people += 1;
  const email = `vera${people}@soc.example`;
  voter = await house.person('SECURITY_ADMIN', { email });
  const body = { playbookId: 'waits', userId: 'anna' };
  const run = await requester.api('POST', `${BASE}/executions/trigger`, body);
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body: listed } = await voter.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  const { id } = listed.data[0];
  const linkOf = async (to: string): Promise<string> => {
    const found = () =>
      mail.mails
        .filter((each) => each.to.includes(to))
        .map(({ raw }) => linkIn(raw))
        .find((path) => path.includes(id));
    await expect.poll(found, { timeout: 20_000 }).toBeDefined();
    return found() ?? '';
  };
  const show = async () => (await voter.api('GET', `${BASE}/approvals/${id}`)).body.data;
  return { id, executionId, path: await linkOf(email), linkOf, show };
}

async function open(path: string, form?: Record<string, string>) {
  const reply = await fetch(`${house.url}${path}`, {
    redirect: 'manual',
    headers: { accept: 'text/html' },
    ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
  });
  const text = await reply.text();
  const intentHash = /name="intentHash" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? '';
  return { status: reply.status, headers: reply.headers, text, intentHash };
}

describe('a link in a mail', () => {
  it('opens the whole request; looking at it, however often, is no vote', async () => {
    const { path, show } = await asked();
    for (let looks = 0; looks < 3; looks += 1) {
      const { status, text, headers } = await open(path);
      expect(status).toBe(200);
      expect(text).toContain('user anna');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
    }
    expect((await fetch(`${house.url}${path}`, { method: 'HEAD' })).status).toBe(200);
    expect((await show()).votes).toEqual([]);
  });

  it('takes the answer of its reader, once', async () => {
    const { path, show, linkOf, executionId } = await asked();
    const { intentHash } = await open(path);
    const answer = { decision: 'APPROVE', intentHash, comment: 'seen on the phone' };
    expect((await open(path, answer)).status).toBe(303);
    expect((await open(path)).text).not.toContain('Your answer');
    const again = await open(path, { ...answer, decision: 'DENY' });
    expect([again.status, again.text.includes('already voted')]).toEqual([409, true]);
    expect((await show()).votes).toMatchObject([
      { userId: voter.id, decision: 'APPROVE', provenBy: 'mail_link', comment: 'seen on the phone' },
    ]);
    const other = await linkOf('ines@soc.example');
    expect(other).not.toBe(path);
    expect((await open(other, { decision: 'APPROVE', intentHash })).status).toBe(303);
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const late = await open(other, { decision: 'DENY', intentHash });
    expect([late.status, late.text.includes('already decided')]).toEqual([409, true]);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('proves nothing when any of it was changed, and says nothing about why', async () => {
    const { path, show } = await asked();
    const { intentHash } = await open(path);
    const [, , token = ''] = path.split('/');
    const [approvalId = '', userId = '', until = '', proof = ''] = token.split('.');
    const forged = [
      [approvalId, requester.id, until, proof],
      [approvalId, userId, String(Number(until) + 3_600_000), proof],
      [(await asked()).id, userId, until, proof],
      [approvalId, userId, until, `${proof.startsWith('A') ? 'B' : 'A'}${proof.slice(1)}`],
      ['x'],
    ].map((parts) => `/answer/${parts.join('.')}`);
    const said = new Set<string>();
    for (const each of forged) {
      const looked = await open(each);
      const voted = await open(each, { decision: 'APPROVE', intentHash });
      expect([looked.status, voted.status]).toEqual([401, 401]);
      said.add(looked.text);
    }
    expect(said.size).toBe(1);
    expect((await show()).votes).toEqual([]);
  });

  it('is worth nothing for another request than its own, nor when its person has gone', async () => {
    const { path, id } = await asked();
    const other = await open(path, { decision: 'APPROVE', intentHash: 'ab'.repeat(32) });
    expect([other.status, other.text.includes('changed since it was shown')]).toEqual([409, true]);
    const { intentHash } = await open(path);
    await house.admin.api('PATCH', `/api/users/${voter.id}`, { roles: ['AUDITOR'] });
    expect((await open(path, { decision: 'APPROVE', intentHash })).status).toBe(403);
    await house.admin.api('PATCH', `/api/users/${voter.id}`, { disabled: true });
    expect((await open(path)).status).toBe(401);
    expect((await house.admin.api('GET', `${BASE}/approvals/${id}`)).body.data.votes).toEqual([]);
  });

  it('stands in no file of the journal', async () => {
    const { path } = await asked();
    const proof = path.split('.').at(-1) ?? '';
    const files = readdirSync(house.dataDir).filter((name) => name.startsWith('journal.sqlite'));
    const bytes = Buffer.concat(files.map((name) => readFileSync(join(house.dataDir, name))));
    expect([bytes.includes(voter.id), bytes.includes(proof)]).toEqual([true, false]);
  });
});
