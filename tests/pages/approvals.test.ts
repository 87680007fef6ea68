import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, type Harness, type Person } from '../support/server.ts';
import { fieldOf, givePassword, signedIn, type Visitor } from '../support/visitor.ts';

let house: Harness;
let requester: Person;
let ada: Visitor;
let ivy: Visitor;
let auditor: Visitor;
beforeAll(async () => {
  house = await startHarness();
  requester = await house.person('INCIDENT_COMMANDER');
  const people = [
    await house.person('SECURITY_ADMIN', { email: 'bea@soc.example' }),
    await house.person('INCIDENT_COMMANDER', { email: 'ivy@soc.example' }),
    await house.person('AUDITOR', { email: 'aud@soc.example' }),
  ];
  for (const { id } of people) await givePassword(house, id);
  [ada, ivy, auditor] = [
    await signedIn(house, 'bea@soc.example'),
    await signedIn(house, 'ivy@soc.example'),
    await signedIn(house, 'aud@soc.example'),
  ];
  await house.admin.api('POST', BASE, byHand('two-votes', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

async function asked(userId: string): Promise<{ readonly path: string; readonly executionId: string }> {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'two-votes', userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  return { path: `/approvals/${body.data[0].id}`, executionId };
}

async function answer(visitor: Visitor, path: string, more: Readonly<Record<string, string>> = {}) {
  const page = await visitor.open(path);
  const fields = { formToken: fieldOf(page, 'formToken'), intentHash: fieldOf(page, 'intentHash') };
  return visitor.send(`${path}/vote`, { ...fields, decision: 'APPROVE', comment: '', ...more });
}

describe('the list', () => {
  it('shows what waits for whoever looks, and leads to it', async () => {
    const { path } = await asked('anna');
    const [mine = '', others = ''] = (await ivy.open('/approvals')).text.split('Waiting for others');
    expect([mine.includes(path), others.includes(path)]).toEqual([true, false]);
    const [theirs = '', rest = ''] = (await auditor.open('/approvals')).text.split('Waiting for others');
    expect([theirs.includes(path), rest.includes(path)]).toEqual([false, true]);
  });
});

describe('an answer', () => {
  it('by two people leads to what was asked', async () => {
    const { path, executionId } = await asked('bela');
    const first = await answer(ada, path, { comment: 'I called <b>him</b>' });
    expect([first.status, new URL(first.url).pathname]).toEqual([200, path]);
    expect(first.text).toContain('I called &#60;b&#62;him&#60;/b&#62;');
    const second = await answer(ivy, path);
    expect(second.text).toContain('It was approved.');
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const { body } = await house.admin.api('GET', `/api/incident-playbooks${path}`);
    expect(body.data.votes).toHaveLength(2);
  });

  it('of one no is enough', async () => {
    const { path } = await asked('carl');
    expect((await answer(ada, path, { decision: 'DENY', comment: 'no' })).text).toContain('It was denied.');
  });

  it('is refused in words: twice, too late, by a stranger to the gate, about something else', async () => {
    const { path } = await asked('dora');
    const token = fieldOf(await ada.open('/approvals'), 'formToken');
    const intentHash = fieldOf(await ada.open(path), 'intentHash');
    await answer(ada, path);
    expect((await ada.open(path)).text).not.toContain('Your answer');
    const send = (visitor: Visitor, fields: Readonly<Record<string, string>>) =>
      visitor.send(`${path}/vote`, { formToken: token, intentHash, decision: 'APPROVE', ...fields });
    const twice = await send(ada, {});
    expect([twice.status, twice.text.includes('already voted')]).toEqual([409, true]);
    const ivyToken = fieldOf(await ivy.open('/approvals'), 'formToken');
    const other = await send(ivy, { formToken: ivyToken, intentHash: 'ab'.repeat(32) });
    expect([other.status, other.text.includes('changed since it was shown')]).toEqual([409, true]);
    const auditorToken = fieldOf(await auditor.open('/approvals'), 'formToken');
    expect((await send(auditor, { formToken: auditorToken })).status).toBe(403);
    expect((await auditor.open(path)).text).not.toContain('Your answer');
    await answer(ivy, path);
    const late = await send(ivy, { formToken: ivyToken });
    expect([late.status, late.text.includes('already decided')]).toEqual([409, true]);
  });

  it('needs the token of its own session, an own page, and what it is about', async () => {
    const { path } = await asked('emil');
    const good = await ada.open(path);
    const fields = {
      formToken: fieldOf(good, 'formToken'),
      intentHash: fieldOf(good, 'intentHash'),
      decision: 'APPROVE',
    };
    const statusOf = async (given: object, headers = {}) =>
      (await ada.send(`${path}/vote`, { ...fields, ...given }, { headers })).status;
    expect(await statusOf({ formToken: fieldOf(await ivy.open(path), 'formToken') })).toBe(403);
    expect(await statusOf({ formToken: '' })).toBe(403);
    expect(await statusOf({}, { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusOf({}, { 'content-type': 'application/json' })).toBe(415);
    expect(await statusOf({ intentHash: '' })).toBe(400);
    expect(await statusOf({ decision: 'MAYBE' })).toBe(400);
    const { body } = await house.admin.api('GET', `/api/incident-playbooks${path}`);
    expect(body.data.votes).toEqual([]);
  });

  it('is never given by looking', async () => {
    const { path } = await asked('fritz');
    for (const address of [path, `${path}?decision=APPROVE`, '/approvals', `${path}/vote`]) await ada.open(address);
    expect((await ada.open(`${path}/vote`)).status).toBe(405);
    const { body } = await house.admin.api('GET', `/api/incident-playbooks${path}`);
    expect(body.data).toMatchObject({ status: 'PENDING', votes: [] });
  });
});

describe('a page', () => {
  it('runs no script, loads nothing, and is shown in no frame', async () => {
    for (const path of ['/sign-in', '/invitation', '/approvals', (await asked('gina')).path]) {
      const { text, headers } = await ada.open(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      expect(text).not.toMatch(/<script|javascript:|\son\w+=|style="/);
      expect([headers.get('x-frame-options'), headers.get('cache-control')]).toEqual(['DENY', 'no-store']);
    }
  });

  it('says in words that there is no such request, and to programs as elsewhere', async () => {
    const page = await ada.open('/approvals/apr_nothing');
    expect([page.status, page.text.includes('There is no approval apr_nothing')]).toEqual([404, true]);
    const reply = await house.admin.api('GET', '/approvals/apr_nothing');
    expect([reply.status, reply.body.code]).toEqual([404, 'not_found']);
    expect((await house.anonymous('GET', '/approvals')).status).toBe(401);
  });
});
