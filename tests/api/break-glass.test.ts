import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, until, verified, withLentKey, type Harness, type Person } from '../support/server.ts';
import { givePassword, signedIn } from '../support/visitor.ts';

/** At three in the morning nobody who may approve can be reached. */

const GUARD = '/api/guards/break-glass';
const USES = '/api/break-glass';
const WHY = 'the commander on call and the deputy do not answer';

let house: Harness;
let requester: Person;
let ciso: Person;
let ida: Person;
/** Another account of Ida's, and one that is linked to the subject of an incident. */
let alias: Person;
let subject: Person;
let service: Person;
let commander: Person;
beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed(['p1', 'p2', 'p3', 'p4', 'p5'].map((id) => ({ id, sessions: [] })));
  requester = await house.person('INCIDENT_COMMANDER');
  ciso = await house.person('CISO');
  ida = await house.person('IR_LEAD', { email: 'ida@soc.example' });
  alias = await house.person('CISO', { linkedAccounts: ['ida@soc.example'] });
  subject = await house.person('IR_LEAD', { linkedAccounts: ['p5'] });
  commander = await house.person('INCIDENT_COMMANDER');
  service = await house.service('IR_LEAD');
  await house.admin.api('POST', BASE, byHand('waits', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

const terms = (more: object = {}) => ({
  people: [ida.id, requester.id, subject.id],
  actionTypes: ['ACCOUNT_SUSPEND'],
  maxRiskLevel: 'CRITICAL',
  usesPerDay: 2,
  reason: 'the night shift is one person',
  expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  ...more,
});
const declare = (more: object = {}, who: Pick<Person, 'api'> = house.admin) => who.api('POST', GUARD, terms(more));
const confirm = (hash: string, who: Pick<Person, 'api'> = ciso) => who.api('POST', `${GUARD}/confirm`, { hash });
async function declared(more: object = {}) {
  const { body } = await declare(more);
  const done = await confirm(body.data.proposal.hash);
  expect(done.status).toBe(200);
  return done.body.data;
}
async function asked(userId: string) {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'waits', userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await ida.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  const { id, intentHash } = body.data[0];
  const show = async () => (await ida.api('GET', `${BASE}/approvals/${id}`)).body.data;
  const use = (who: Pick<Person, 'api'> = ida, body: object = {}) =>
    who.api('POST', `${BASE}/approvals/${id}/break-glass`, { intentHash, reason: WHY, ...body });
  return { id: id as string, executionId: executionId as string, intentHash: intentHash as string, show, use };
}
const uses = async () => (await ida.api('GET', USES)).body;
const health = async () => JSON.parse((await house.anonymous('GET', '/health/incident-playbooks')).text) as object;

describe('the declaration', () => {
  it('is off at first: nobody decides alone', async () => {
    expect((await ida.api('GET', GUARD)).body.data).toMatchObject({ status: 'OFF', declaration: null, version: 0 });
    const request = await asked('p1');
    expect(await request.use()).toMatchObject({ status: 403, body: { code: 'cannot_vote' } });
    expect(await request.use(house.admin)).toMatchObject({ status: 403 });
    expect(await request.show()).toMatchObject({ status: 'PENDING', votes: [] });
    expect(await uses()).toMatchObject({ data: [], total: 0 });
  });

  it('names each fault', async () => {
    for (const [more, pointer] of [
      [{ people: [] }, '/people'],
      [{ people: ['usr_nobody'] }, '/people/0'],
      [{ people: [service.id] }, '/people/0'],
      [{ actionTypes: [] }, '/actionTypes'],
      [{ usesPerDay: 0 }, '/usesPerDay'],
      [{ maxRiskLevel: 'SOME' }, '/maxRiskLevel'],
      [{ expiresAt: new Date(Date.now() - 1).toISOString() }, '/expiresAt'],
      [{ expiresAt: new Date(Date.now() + 91 * 86_400_000).toISOString() }, '/expiresAt'],
    ] as const)
      expect(await declare(more)).toMatchObject({
        status: 422,
        body: { code: 'invalid_guard', errors: [expect.objectContaining({ pointer })] },
      });
    expect(await declare({}, ida)).toMatchObject({ status: 403 });
    expect(await declare({}, await house.service('SECURITY_ADMIN'))).toMatchObject({ status: 403 });
  });

  it('needs two people, neither of whom may use it, under any of their logins', async () => {
    expect(await declare({ people: [ciso.id] }, ciso)).toMatchObject({ status: 409 });
    expect(await declare({}, alias)).toMatchObject({ status: 409 });
    const { hash } = (await declare()).body.data.proposal;
    expect(await confirm(hash, house.admin)).toMatchObject({ status: 409 });
    expect(await confirm(hash, await withLentKey(house, house.admin, ciso))).toMatchObject({ status: 409 });
    expect(await confirm(hash, alias)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('names you') },
    });
    expect(await confirm('0'.repeat(64))).toMatchObject({ status: 409 });
    expect(await confirm('short')).toMatchObject({ status: 400 });
    expect((await ida.api('GET', GUARD)).body.data).toMatchObject({ status: 'OFF' });
    expect(await confirm(hash)).toMatchObject({ status: 200, body: { data: { status: 'DECLARED', proposal: null } } });
    expect(await confirm(hash)).toMatchObject({ status: 409 });
  });

  it('is revoked by one person, at once', async () => {
    await declared();
    expect(await house.admin.api('POST', `${GUARD}/revoke`, { reason: '' })).toMatchObject({ status: 400 });
    expect(await house.admin.api('POST', `${GUARD}/revoke`, { reason: 'not needed' })).toMatchObject({ status: 200 });
    expect(await (await asked('p1')).use()).toMatchObject({ status: 403 });
    expect(await house.admin.api('POST', `${GUARD}/revoke`, { reason: 'again' })).toMatchObject({ status: 409 });
  });
});

describe('a use', () => {
  it('is refused to everybody whom it concerns, by other doors, for what was not declared, and after a denial', async () => {
    await declared();
    const request = await asked('p2');
    const lent = await withLentKey(house, house.admin, ida);
    expect(await request.use(requester)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('own request') },
    });
    expect(await (await asked('p5')).use(subject)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('about an account') },
    });
    expect(await request.use(lent)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('Somebody else made') },
    });
    expect(await request.use(alias)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('does not name') },
    });
    expect(await request.use(service)).toMatchObject({ status: 403 });
    expect(await request.use(house.admin)).toMatchObject({ status: 403 });
    expect(await request.use(ida, { intentHash: '0'.repeat(64) })).toMatchObject({ status: 409 });
    expect(await request.use(ida, { reason: 'too short' })).toMatchObject({ status: 400 });
    expect(await request.use(ida, { intentHash: request.intentHash.slice(0, 12) })).toMatchObject({ status: 400 });
    expect(await request.show()).toMatchObject({ status: 'PENDING' });
    const voter = await house.person('SECURITY_ADMIN');
    await voter.api('POST', `${BASE}/approvals/${request.id}/deny`, {});
    expect(await request.use()).toMatchObject({ status: 409, body: { code: 'already_decided' } });
    expect(await request.show()).toMatchObject({ status: 'DENIED' });
    await declared({ actionTypes: ['GEO_LOCK'] });
    expect(await (await asked('p3')).use()).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('not declared for') },
    });
    await declared({ maxRiskLevel: 'LOW' });
    expect(await (await asked('p3')).use()).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('up to LOW') },
    });
    expect(
      await ida.api('POST', `${BASE}/approvals/apr_none/break-glass`, { intentHash: request.intentHash, reason: WHY }),
    ).toMatchObject({ status: 404 });
    expect(await uses()).toMatchObject({ total: 0 });
  });

  it('is refused while everything is paused', async () => {
    await declared();
    const request = await asked('p3');
    await house.admin.api('POST', '/api/guards/pause', { reason: 'something is wrong' });
    expect(await request.use()).toMatchObject({ status: 403, body: { detail: expect.stringContaining('paused') } });
    for (const { api } of [ciso, commander]) await api('POST', '/api/guards/resume', { reason: 'it is understood' });
    expect(await request.show()).toMatchObject({ status: 'PENDING' });
  });

  it('approves alone, tells all who run it, and stays for ever in red until somebody else has looked', async () => {
    const { declaration } = await declared();
    const request = await asked('p4');
    const used = await request.use();
    expect(used).toMatchObject({ status: 200, body: { data: { status: 'UNREVIEWED', by: ida.id, reason: WHY } } });
    const { id } = used.body.data;
    expect(await request.show()).toMatchObject({
      status: 'APPROVED',
      votes: [],
      brokenGlass: { useId: id, userId: ida.id, declarationId: declaration.declarationId },
    });
    expect(await house.settled(request.executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await request.use()).toMatchObject({ status: 409, body: { code: 'already_decided' } });
    expect(await health()).toMatchObject({ breakGlass: { unreviewed: 1 } });
    expect(await uses()).toMatchObject({
      total: 1,
      data: [{ id, status: 'UNREVIEWED', executionId: request.executionId }],
    });

    const alarm = await until('the operators are told', async () => {
      const { body } = await house.admin.api('GET', '/api/notifications?limit=50');
      return (
        (body.data as unknown as { kind: string; title: string }[]).find(
          ({ kind }) => kind === 'approval.broken_glass',
        ) ?? null
      );
    });
    expect(alarm).toMatchObject({
      notice: expect.objectContaining({ severity: 'CRITICAL' }),
      title: expect.stringContaining(`BREAK-GLASS: ${ida.id} alone approved`),
    });

    const review = (who: Pick<Person, 'api'>, note = 'the phone log bears it out') =>
      who.api('POST', `${USES}/${id}/review`, { note });
    expect(await review(ida)).toMatchObject({ status: 403 });
    expect(await review(alias)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('your use') } });
    expect(await review(ciso, '')).toMatchObject({ status: 400 });
    expect(await ciso.api('POST', `${USES}/bgu_none/review`, { note: 'x' })).toMatchObject({ status: 404 });
    expect(await review(ciso)).toMatchObject({ status: 200, body: { data: { status: 'REVIEWED' } } });
    expect(await review(ciso)).toMatchObject({ status: 409 });
    expect(await uses()).toMatchObject({ total: 1, data: [{ id, status: 'REVIEWED', reviews: [{ by: ciso.id }] }] });
    expect(await health()).not.toHaveProperty('breakGlass');
    const { body: figures } = await ida.api('GET', `${BASE}/metrics`);
    expect(figures.data).toMatchObject({ breakGlass: { uses: 1, unreviewed: 0 } });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('stands in red over the list of approvals, and on the page of its request', async () => {
    const request = await asked('p1');
    const { id } = (await request.use()).body.data;
    await givePassword(house, ida.id);
    const visitor = await signedIn(house, 'ida@soc.example');
    const { text } = await visitor.open(`/approvals/${request.id}`);
    expect(text).toContain(id);
    expect(text).toContain('decided alone');
    const list = await visitor.open('/approvals');
    expect(list.text).toContain('Break-glass: used, and not reviewed');
    expect(list.text).toContain(id);
    await ciso.api('POST', `${USES}/${id}/review`, { note: 'seen' });
    expect((await visitor.open('/approvals')).text).not.toContain('Break-glass');
    expect((await visitor.open(`/approvals/${request.id}`)).text).toContain('decided alone');
  });

  it('is counted by the day, also at the same moment, and ends', async () => {
    await declared({ usesPerDay: 4 });
    const requests = await Promise.all(['p1', 'p2', 'p3', 'p1', 'p2', 'p3'].map((user) => asked(user)));
    const replies = await Promise.all(requests.map((request) => request.use()));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 403, 403, 403, 403]);
    expect((await ida.api('GET', GUARD)).body.data).toMatchObject({ usedWithinADay: 4 });
    expect((await uses()).total).toBe(4);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
