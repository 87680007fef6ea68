import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const GUARD = '/api/guards/quiet-hours';
const EXECUTIONS = `${BASE}/executions`;
const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];

let house: Harness;
let auditor: Person;
let analyst: Person;
let robot: Person;
beforeAll(async () => {
  house = await startHarness();
  [auditor, analyst, robot] = await Promise.all([
    house.person('AUDITOR'),
    house.person('SECURITY_ANALYST'),
    house.service('INCIDENT_COMMANDER'),
  ]);
  await house.sandbox.seed([{ id: 'q1', sessions: [] }]);
  const suspends = { ...SUSPEND, requiresApproval: false, stage: 2 };
  for (const [id, severity] of [
    ['small', 'LOW'],
    ['severe', 'CRITICAL'],
  ] as const)
    expect((await house.admin.api('POST', BASE, byHand(id, [NOTIFY, suspends], { severity }))).status).toBe(201);
});
afterAll(() => house.stop());

/** Quiet for twelve hours around now; or never now. */
function around(isNow: boolean) {
  const minute = new Date().getUTCHours() * 60 + new Date().getUTCMinutes();
  const shift = isNow ? 0 : 720;
  return {
    windows: [{ days: DAYS, from: (minute + shift + 1_080) % 1_440, to: (minute + shift + 360) % 1_440 }],
    utcOffsetMinutes: 0,
  };
}
const set = (guard: object, headers: Record<string, string> = {}) => house.admin.api('PUT', GUARD, guard, headers);

async function run(playbookId: string, by: Person = robot) {
  const { body } = await by.api('POST', `${EXECUTIONS}/trigger`, { playbookId, userId: 'q1' });
  const show = async () => (await house.admin.api('GET', `${EXECUTIONS}/${body.data.id}`)).body.data;
  const action = async (index: number) => (await show()).stages[index].actions[0];
  const settled = (index: number) =>
    until('it settles', async () => {
      const present = await action(index);
      return present.phase === 'settled' ? present : null;
    });
  return { id: body.data.id as string, show, action, settled };
}

describe('quiet hours', () => {
  it('are none before anybody has set any, and everybody may see them', async () => {
    const { status, body, headers } = await auditor.api('GET', GUARD);
    expect([status, headers.get('etag')]).toEqual([200, '"0"']);
    expect(body.data).toMatchObject({ id: 'quiet-hours', version: 0, savedBy: null, windows: [], below: 'HIGH' });
  });

  it('are set as a whole by people who may, each time as a new version on record', async () => {
    for (const each of [auditor, analyst, await house.service('SECURITY_ADMIN')])
      expect(await each.api('PUT', GUARD, around(true))).toMatchObject({ status: 403 });
    const first = await set(around(true), { 'if-match': '"0"' });
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"']);
    expect(await set(around(true), { 'if-match': '"0"' })).toMatchObject({ status: 412 });
    const wrong = await set({ ...around(true), actionTypes: ['ACCOUNT_SUSPEND'] });
    expect([wrong.status, wrong.body.code, wrong.body.errors?.[0]?.pointer]).toEqual([
      422,
      'invalid_guard',
      '/actionTypes/0',
    ]);
  });

  it('make a small thing wait, in sight and over a restart, and hold up no containment', async () => {
    const { action, settled, show } = await run('small');
    expect(await settled(1)).toMatchObject({ actionType: 'ACCOUNT_SUSPEND', status: 'SUCCESS' });
    const waiting = await action(0);
    expect(waiting).toMatchObject({ phase: 'quiet', status: 'RUNNING' });
    expect(Date.parse(waiting.waitsUntil)).toBeGreaterThan(Date.now());
    await house.restart();
    expect(await action(0)).toEqual(waiting);
    expect((await show()).endedAt).toBe(null);
  });

  it('wait for nobody’s approval when a responder lets something go', async () => {
    const { id, action, settled } = await run('small');
    const path = `${EXECUTIONS}/${id}/actions/notify/release`;
    const word = { reason: 'she is awake' };
    expect((await action(0)).phase).toBe('quiet');
    for (const each of [auditor, robot]) expect(await each.api('POST', path, word)).toMatchObject({ status: 403 });
    expect(await analyst.api('POST', path, {})).toMatchObject({ status: 400 });
    expect(await house.anonymous('POST', path, word)).toMatchObject({ status: 401 });
    const absent = `${EXECUTIONS}/exe_absent/actions/notify/release`;
    expect(await analyst.api('POST', absent, word)).toMatchObject({ status: 404 });
    expect(await analyst.api('POST', path, word)).toMatchObject({ status: 200 });
    expect(await settled(0)).toMatchObject({ status: 'SUCCESS', waitsUntil: null });
    expect(await analyst.api('POST', path, word)).toMatchObject({ status: 409 });
    expect(await house.settled(id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('never apply to what is severe, nor to what a person starts', async () => {
    const severe = await run('severe');
    expect(await severe.settled(0)).toMatchObject({ status: 'SUCCESS' });
    const byHandStarted = await run('small', house.admin);
    expect(await byHandStarted.settled(0)).toMatchObject({ status: 'SUCCESS' });
  });

  it('are over for what begins outside of them; who waits already keeps the end that was said', async () => {
    const before = await run('small');
    expect((await before.action(0)).phase).toBe('quiet');
    expect(await set(around(false))).toMatchObject({ status: 200 });
    const after = await run('small');
    expect(await after.settled(0)).toMatchObject({ status: 'SUCCESS' });
    expect((await before.action(0)).phase).toBe('quiet');
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});

describe('quiet hours on a clock that runs fast', () => {
  it('end by themselves, once', async () => {
    const fast = await startHarness({ accelerated: true });
    try {
      await fast.sandbox.seed([{ id: 'q1', sessions: [] }]);
      expect((await fast.admin.api('POST', BASE, byHand('small', [NOTIFY], { severity: 'LOW' }))).status).toBe(201);
      // The clock stands at midnight.
      const guard = { windows: [{ days: DAYS, from: 0, to: 10 }], utcOffsetMinutes: 0 };
      expect(await fast.admin.api('PUT', GUARD, guard)).toMatchObject({ status: 200 });
      const by = await fast.service('INCIDENT_COMMANDER');
      const { body } = await by.api('POST', `${EXECUTIONS}/trigger`, { playbookId: 'small', userId: 'q1' });
      const ended = await fast.settled(body.data.id);
      expect(ended).toMatchObject({ status: 'COMPLETED' });
      const facts = ended.timeline.filter(({ fact }: { fact: string }) => fact.startsWith('quiet.'));
      expect(facts).toMatchObject([
        { fact: 'quiet.awaited', actionId: 'notify' },
        { fact: 'quiet.ended', why: 'over' },
      ]);
      expect(Date.parse(facts[1].at)).toBeGreaterThanOrEqual(facts[0].resumeAt);
    } finally {
      await fast.stop();
    }
  });
});
