import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordTypesOf } from '../support/journal-rows.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import {
  startHarness,
  until,
  verified,
  type Harness,
  type Person,
  type Reply,
  withLentKey,
} from '../support/server.ts';

const PAUSE = '/api/guards/pause';
const RESUME = '/api/guards/resume';

let house: Harness;
let analyst: Person;
let commander: Person;
/** Whose key the administrator has made, the same person with an own key, and that person's other account. */
let borrowed: Person;
let second: Person;
let alias: Person;

beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed(['p1', 'p2', 'p3', 'p4'].map((id) => ({ id, sessions: [] })));
  [analyst, commander, second, alias] = await Promise.all([
    house.person('SECURITY_ANALYST'),
    house.person('INCIDENT_COMMANDER'),
    house.person('CISO'),
    house.person('IR_LEAD', { linkedAccounts: ['Ada@soc.example'] }),
  ]);
  borrowed = await withLentKey(house, house.admin, second);
  const playbook = byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]);
  expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterAll(() => house.stop());

const pause = (person: Pick<Person, 'api'>, reason = 'something is wrong') => person.api('POST', PAUSE, { reason });
const resume = (person: Pick<Person, 'api'>, reason = 'it is understood') => person.api('POST', RESUME, { reason });
const shown = async () => (await analyst.api('GET', PAUSE)).body.data;
const trigger = async (userId: string): Promise<string> => {
  const run = await commander.api('POST', `${BASE}/executions/trigger`, { playbookId: 'suspends', userId });
  expect(run.status).toBeLessThan(300);
  return run.body.data.executionId;
};
const keptBack = (executionId: string) =>
  until('its call is kept back', async () => {
    const { body } = await analyst.api('GET', `${BASE}/executions/${executionId}`);
    return body.data.stages[0].actions[0].phase === 'paused' ? body.data : null;
  });
const health = async () => {
  const { status, text } = await house.anonymous('GET', '/health/incident-playbooks');
  return { status, pause: (JSON.parse(text) as { pause?: { since: string } }).pause ?? null };
};
const refusal = ({ status, body }: Reply) => [status, body.detail];

describe('the global pause', () => {
  it('is not on at first, and everybody who looks at incidents sees that', async () => {
    expect(await shown()).toMatchObject({ paused: false, by: null, since: null, resume: null, version: 0 });
    expect(await health()).toEqual({ status: 200, pause: null });
    expect(refusal(await resume(house.admin))).toEqual([409, 'Nothing is paused']);
  });

  it('is for people who answer for incidents, and says why', async () => {
    for (const each of [analyst, await house.service('SECURITY_ADMIN'), await house.person('AUDITOR')])
      expect([(await pause(each)).status, (await resume(each)).status]).toEqual([403, 403]);
    expect((await house.anonymous('POST', PAUSE, { reason: 'x' })).status).toBe(401);
    for (const body of [
      {},
      { reason: '  ' },
      { reason: 'x'.repeat(2_001) },
      { reason: 'x', more: 1 },
      { reason: '\ud800' },
    ])
      expect((await house.admin.api('POST', PAUSE, body)).status).toBe(400);
    expect((await shown()).paused).toBe(false);
  });

  it('lets nothing more begin from its answer on, shows who and why, and is shown by the health', async () => {
    const paused = await pause(commander, 'a playbook runs wild');
    expect([paused.status, paused.headers.get('etag')]).toEqual([200, '"1"']);
    expect(paused.body.data).toMatchObject({ paused: true, by: commander.id, reason: 'a playbook runs wild' });
    const executionId = await trigger('p1');
    expect(await keptBack(executionId)).toMatchObject({ status: 'RUNNING' });
    expect(await house.sandboxUser('p1')).toMatchObject({ suspended: null });
    const { since } = paused.body.data;
    expect(await health()).toEqual({ status: 200, pause: { since } });
    expect(await shown()).toMatchObject({ since, confirmationsNeeded: 2, boundMs: 2_000 });
  });

  it('said again keeps its beginning, and is another word on record', async () => {
    const { since } = await shown();
    const again = await pause(house.admin, 'still wild');
    expect(again.body.data).toMatchObject({ since, by: house.admin.id, reason: 'still wild', version: 2 });
  });

  it('is lifted by two people, not by one with two keys or two accounts', async () => {
    const first = await resume(house.admin, 'the playbook is off');
    expect(first.body.data).toMatchObject({
      paused: true,
      resume: { by: house.admin.id, reason: 'the playbook is off' },
    });
    expect(refusal(await resume(house.admin))).toEqual([
      409,
      expect.stringContaining('given your word on this already'),
    ]);
    expect(refusal(await resume(alias))).toEqual([409, expect.stringContaining('given your word on this already')]);
    expect((await resume(second, '\ud800')).status).toBe(400);
    expect(refusal(await resume(borrowed))).toEqual([409, expect.stringContaining('made by the other person')]);
    expect(await shown()).toMatchObject({ paused: true, version: 3 });
  });

  it('said again objects to the resume: both have to say it anew', async () => {
    expect((await pause(commander, 'not yet')).body.data).toMatchObject({ resume: null });
    expect((await resume(second)).body.data).toMatchObject({ paused: true, resume: { by: second.id } });
  });

  it('survives a restart with all that was said, and what was kept back goes on when it is lifted', async () => {
    await house.restart();
    const executionId = await trigger('p2');
    await keptBack(executionId);
    expect(await shown()).toMatchObject({ paused: true, resume: { by: second.id } });
    expect((await resume(house.admin)).body.data).toMatchObject({ paused: false, by: null, resume: null });
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    await until('the one from before the restart, too', async () => {
      const user = (await house.sandboxUser('p1')) as { readonly suspended?: unknown }; // the sandbox's own shape
      return user.suspended === null ? null : user;
    });
    expect(await health()).toEqual({ status: 200, pause: null });
  });

  it('is on record word by word, and the row says what the records say', async () => {
    const types = recordTypesOf(house.database()).filter((type) => /^guard\.(paused|resum)/.test(type));
    expect(types).toEqual([
      'guard.paused',
      'guard.paused',
      'guard.resume_proposed',
      'guard.paused',
      'guard.resume_proposed',
      'guard.resumed',
    ]);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
    const row = house.database().prepare(`update views set body = replace(body, '"paused":null', '"paused":{}')`);
    expect(row.run().changes).toBeGreaterThan(0);
    expect(await verified(house.dataDir)).toMatchObject({ intact: false, firstBad: { stream: 'guard/pause' } });
  });
});
