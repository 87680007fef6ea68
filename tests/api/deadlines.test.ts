import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import {
  openJournalFile,
  STARTED_AT,
  startHarness,
  until,
  verified,
  type Harness,
  type Person,
} from '../support/server.ts';

/** Regulatory clocks over the API of a real server; its business time begins on Sunday 2026-03-01 and jumps to what is due within two hours. */

const DEADLINES = '/api/deadlines';
const HOUR = 3_600_000;
const before = (hours: number): string => new Date(STARTED_AT - hours * HOUR).toISOString();
const GRANT = { reason: 'agreed by telephone', approver: 'Grace', reference: 'T-1' };

let house: Harness;
let officer: Person;
let analyst: Person;
let ciso: Person;

beforeAll(async () => {
  house = await startHarness({ accelerated: true });
  await house.admin.api('POST', BASE, byHand('quiet', [NOTIFY]));
  [officer, analyst, ciso] = await Promise.all([
    house.person('COMPLIANCE_OFFICER'),
    house.person('SECURITY_ANALYST'),
    house.person('CISO'),
  ]);
});
afterAll(() => house.stop());

async function incident(userId: string): Promise<string> {
  const run = await house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'quiet', userId });
  return (await house.settled(run.body.data.executionId)).incidentId;
}

const event = (kind: string, hours: number) => ({
  kind,
  at: before(hours),
  reason: 'seen in the log',
  evidence: ['log 7'],
});

async function start(ruleId: string, first: object | null, incidentId: string | null = null) {
  const reply = await officer.api('POST', DEADLINES, { ruleId, incidentId, event: first });
  expect(reply.text).toContain('"success":true');
  return reply.body.data;
}

const say = (id: string, verb: string, body: object, by = officer) =>
  by.api('POST', `${DEADLINES}/${id}/${verb}`, body);
interface ShownStage {
  readonly id: string;
  readonly dueAt: string | null;
  readonly explained: string;
}
function stageOf(clock: { readonly stages: readonly ShownStage[] }, id: string): ShownStage {
  const found = clock.stages.find((stage) => stage.id === id);
  if (found === undefined) throw new Error(`the clock has no stage ${id}`);
  return found;
}

describe('a clock', () => {
  it('starts by a recorded event, explains its count, and is chained by what is handed in', async () => {
    const id = await incident('chain');
    const clock = await start('dora', event('aware', 30), id);
    expect(clock).toMatchObject({ regime: 'DORA', incidentId: id, status: 'OVERDUE', timeZone: 'Europe/Brussels' });
    // 30 h before 1 Mar 00:00 UTC: Fri 27 Feb 18:00 UTC; 24 h later Sat 18:00.
    expect(stageOf(clock, 'initial')).toMatchObject({ dueAt: '2026-02-28T18:00:00.000Z', overdue: true });
    expect(stageOf(clock, 'initial').explained).toContain('24 consecutive hours after the start event aware');
    expect(stageOf(clock, 'intermediate')).toMatchObject({ provisional: true, dueAt: '2026-03-03T18:00:00.000Z' });
    const typesOf = async (): Promise<readonly string[]> => {
      const { history } = (await officer.api('GET', `${DEADLINES}/${clock.id}`)).body.data;
      return history.map(({ type }: { type: string }) => type);
    };
    // What is late already is told by its timer, which falls due at once.
    await until('the overrun is on record', async () => ((await typesOf()).includes('deadline.overrun') ? true : null));
    const sent = { stage: 'initial', at: before(2), reference: 'BaFin 1', person: 'Ada' };
    const late = await say(clock.id, 'submit', sent);
    expect(late.body.warnings?.[0]).toContain('after the deadline');
    expect(stageOf(late.body.data, 'initial')).toMatchObject({ state: 'met', late: true });
    // 72 h after Sat 28 Feb 22:00 UTC.
    expect(stageOf(late.body.data, 'intermediate')).toMatchObject({
      provisional: false,
      dueAt: '2026-03-03T22:00:00.000Z',
    });
    expect((await say(clock.id, 'submit', sent)).status).toBe(409);
    expect(await typesOf()).toEqual(expect.arrayContaining(['deadline.started', 'deadline.overrun', 'deadline.met']));
  });

  it('keeps the old dates with the reason where its start is corrected', async () => {
    const clock = await start('uk-gdpr-33', event('aware', 10));
    const corrected = { kind: 'aware', at: before(20), reason: 'the shift before knew' };
    const { data } = (await say(clock.id, 'events', corrected)).body;
    expect(stageOf(data, 'notification').dueAt).toBe(new Date(STARTED_AT + 52 * HOUR).toISOString());
    const { history } = (await officer.api('GET', `${DEADLINES}/${clock.id}`)).body.data;
    expect(history.at(-1)).toMatchObject({
      type: 'deadline.recomputed',
      event: { reason: 'the shift before knew' },
      before: [{ stage: 'notification', due: STARTED_AT + 62 * HOUR }],
      after: [{ stage: 'notification', due: STARTED_AT + 52 * HOUR }],
    });
  });

  it('is extended only to later, stands still while it is paused, and ends when it does not apply', async () => {
    const clock = await start('uk-gdpr-33', event('aware', 1));
    const earlier = { stage: 'notification', until: before(0), ...GRANT };
    expect((await say(clock.id, 'extend', earlier)).body.errors?.[0]).toMatchObject({ pointer: '/until' });
    const until_ = new Date(STARTED_AT + 100 * HOUR).toISOString();
    const longer = await say(clock.id, 'extend', { ...earlier, until: until_ });
    expect(stageOf(longer.body.data, 'notification').dueAt).toBe(until_);
    expect((await say(clock.id, 'resume', GRANT)).status).toBe(409);
    const standing = await say(clock.id, 'pause', GRANT);
    expect(standing.body.data).toMatchObject({ status: 'PAUSED', nextDueAt: null });
    expect((await say(clock.id, 'pause', GRANT)).status).toBe(409);
    expect((await say(clock.id, 'resume', GRANT)).body.data).toMatchObject({ status: 'RUNNING' });
    const over = await say(clock.id, 'not-applicable', { reason: 'no personal data', person: 'Ada' });
    expect(over.body.data).toMatchObject({ status: 'NOT_APPLICABLE', notApplicable: { person: 'Ada' } });
    for (const [verb, body] of [
      ['pause', GRANT],
      ['extend', { ...earlier, until: until_ }],
      ['events', event('aware', 2)],
      ['not-applicable', { reason: 'twice', person: 'Ada' }],
      ['submit', { stage: 'notification', at: before(1), reference: 'x', person: 'Ada' }],
    ] as const)
      expect([verb, (await say(clock.id, verb, body)).status]).toEqual([verb, 409]);
  });

  it('is refused with the member and the fix', async () => {
    const id = await incident('refused');
    await start('uk-gdpr-33', event('aware', 1), id);
    const tries: readonly (readonly [object, number, string])[] = [
      [{ ruleId: 'no-such' }, 404, 'There is no rule'],
      [{ ruleId: 'circia-incident' }, 409, 'is off'],
      [{ ruleId: 'uk-gdpr-33', incidentId: 'inc_nobody' }, 404, 'There is no incident'],
      [{ ruleId: 'uk-gdpr-33', incidentId: id }, 409, 'correct its start event instead'],
      [{ ruleId: 'sec-8k-105', event: event('aware', 1) }, 422, 'counts from determined_material'],
      [{ ruleId: 'uk-gdpr-33', event: event('aware', -100) }, 422, 'lies in the future'],
      [{ ruleId: 'uk-gdpr-33', event: { ...event('aware', 1), at: '2024-01-01T00:00:00Z' } }, 422, 'lies before'],
      [{ ruleId: 'uk-gdpr-33', event: { ...event('aware', 1), at: 'yesterday' } }, 400, 'shape'],
      [{ ruleId: 'uk-gdpr-33', event: { ...event('aware', 1), kind: '__proto__' } }, 400, 'shape'],
    ];
    for (const [body, status, says] of tries) {
      const reply = await officer.api('POST', DEADLINES, body);
      expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(says)]);
    }
    expect((await analyst.api('POST', DEADLINES, { ruleId: 'uk-gdpr-33' })).status).toBe(403);
    expect((await officer.api('GET', `${DEADLINES}/dl_none`)).status).toBe(404);
    expect((await say('dl_none', 'pause', GRANT)).status).toBe(404);
  });

  it('waits for an event that people have to determine', async () => {
    const clock = await start('sec-8k-105', null);
    expect(clock).toMatchObject({ status: 'WAITING', nextDueAt: null, events: [] });
    expect(stageOf(clock, 'form-8-k').explained).toBe('Waits for the start event determined_material.');
    // Sat 28 Feb 22:00 UTC; Mon 2, Tue 3, Wed 4, Thu 5 Mar 17:30 EST.
    const { data } = (await say(clock.id, 'events', event('determined_material', 2))).body;
    expect(stageOf(data, 'form-8-k').dueAt).toBe('2026-03-05T22:30:00.000Z');
  });
});

describe('reminders', () => {
  it('come at parts of the time and at the end, each once, to those who are named', async () => {
    const clock = await start('in-cert-in', event('noticed', 1));
    const told = await until('the end is told', async () => {
      const { body } = await officer.api('GET', '/api/notifications?limit=200');
      const mine = body.data.filter(({ about }: { about: { id: string } }) => about.id === clock.id).reverse();
      return mine.some(({ kind }: { kind: string }) => kind === 'deadline.overrun') ? mine : null;
    });
    expect(told.map(({ kind, title }: { kind: string; title: string }) => `${kind} ${title.slice(0, 26)}`)).toEqual([
      'deadline.started A regulatory clock runs: I',
      'deadline.reminded 50 % of the time is over (',
      'deadline.reminded 75 % of the time is over (',
      'deadline.reminded 90 % of the time is over (',
      'deadline.overrun The deadline has passed: I',
    ]);
    const { body } = await ciso.api('GET', '/api/notifications?limit=200');
    const kinds = body.data
      .filter(({ about }: { about: { id: string } }) => about.id === clock.id)
      .map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(['deadline.overrun']);
    const seen = await analyst.api('GET', '/api/notifications?limit=200');
    expect(seen.body.data.some(({ about }: { about: { id: string } }) => about.id === clock.id)).toBe(false);
    const shown = (await officer.api('GET', `${DEADLINES}/${clock.id}`)).body.data;
    const marks = shown.history.filter(({ mark }: { mark?: number }) => mark !== undefined);
    expect(marks.map(({ mark }: { mark: number }) => mark)).toEqual([500, 750, 900, 1_000]);
    expect(shown.status).toBe('OVERDUE');
  });

  it('survive a restart, and are not told twice', async () => {
    const clock = await start('uk-gdpr-33', event('aware', 40));
    const countOf = async () => {
      const { history } = (await officer.api('GET', `${DEADLINES}/${clock.id}`)).body.data;
      return history.map(({ type, mark }: { type: string; mark?: number }) => `${type} ${mark ?? ''}`);
    };
    await until('it is reminded of', async () => ((await countOf()).length > 1 ? true : null));
    await house.restart();
    expect(await countOf()).toEqual(['deadline.started ', 'deadline.reminded 500']);
    const timers = house.database().prepare(`select name from timers where execution = ?`).all(`deadline/${clock.id}`);
    expect(timers).toEqual([{ name: 'deadline' }]);
  });
});

describe('rules and settings', () => {
  it('say which are on, and are switched by somebody who looked them up', async () => {
    const { body } = await officer.api('GET', '/api/deadline-rules?regime=CIRCIA');
    expect(body.data).toMatchObject([
      { id: 'circia-incident', enabled: false, sureness: 'C', verifiedOn: '2026-11-21' },
      { id: 'circia-ransom', enabled: false },
    ]);
    const confirmed = { reason: 'the rule was published', reference: 'Federal Register' };
    const path = '/api/deadline-rules/circia-ransom/confirm';
    expect((await analyst.api('POST', path, confirmed)).status).toBe(403);
    const on = await officer.api('POST', path, confirmed);
    expect(on.body.data).toMatchObject({ enabled: true, confirmations: [{ what: 'rule', by: officer.id }] });
    expect((await start('circia-ransom', event('payment_made', 1))).status).toBe('RUNNING');
    const none = await officer.api('POST', path, { ...confirmed, what: 'two-working-days' });
    expect([none.status, none.text]).toEqual([422, expect.stringContaining('/what')]);
    expect((await officer.api('POST', '/api/deadline-rules/nothing/confirm', confirmed)).status).toBe(404);
    await officer.api('POST', '/api/deadline-rules/dora/confirm', { ...confirmed, what: 'noon-next-working-day' });
    const clock = await start('dora', event('aware', 10));
    // Sat 14:00 UTC + 24 h is a Sunday: Monday noon in Brussels.
    expect(stageOf(clock, 'initial').dueAt).toBe('2026-03-02T11:00:00.000Z');
  });

  it('pin what a running clock counts by', async () => {
    const calendar = {
      name: 'Hessen',
      source: 'HFeiertagsG',
      verifiedOn: '2026-11-21',
      years: { '2026': ['2026-03-02'] },
    };
    const first = await start('gdpr-33', event('aware', 48));
    const document = {
      calendars: { hessen: calendar },
      rules: { 'gdpr-33': { calendar: 'hessen', timeZone: 'Europe/Berlin' } },
    };
    const saved = await officer.api('PUT', '/api/deadline-settings', document, { 'if-match': '"0"' });
    expect(saved.body.data).toMatchObject({ version: 1, rules: { 'gdpr-33': { calendar: 'hessen' } } });
    expect((await officer.api('PUT', '/api/deadline-settings', document, { 'if-match': '"0"' })).status).toBe(412);
    // Fri 27 Feb 00:00 UTC + 72 h = Mon 2 Mar 00:00: Friday and Monday 01:00 local are two working days, unless Monday is a holiday.
    expect(stageOf(first, 'notification').dueAt).toBe('2026-03-02T00:00:00.000Z');
    const second = await start('gdpr-33', event('aware', 48));
    expect(stageOf(second, 'notification').dueAt).toBe('2026-03-03T00:00:00.000Z');
    const again = (await officer.api('GET', `${DEADLINES}/${first.id}`)).body.data;
    expect(stageOf(again, 'notification').dueAt).toBe('2026-03-02T00:00:00.000Z');
  });

  it('refuse what nobody meant, and a year without holidays', async () => {
    const put = (document: object) => officer.api('PUT', '/api/deadline-settings', document);
    const calendar = { name: 'X', source: 'x', verifiedOn: '2026-11-21', years: { '2027': ['2027-01-01'] } };
    for (const [document, pointer] of [
      [{ answers: { nonsense: 'yes' } }, '/answers/nonsense'],
      [{ answers: { card_data: 'perhaps' } }, '/answers/card_data'],
      [{ rules: { nothing: {} } }, '/rules/nothing'],
      [{ rules: { 'gdpr-33': { timeZone: 'Mars/Olympus' } } }, '/rules/gdpr-33/timeZone'],
      [{ rules: { 'gdpr-33': { calendar: 'nowhere' } } }, '/rules/gdpr-33/calendar'],
      [{ rules: { 'gdpr-33': { targetHours: { notification: 3 } } } }, '/rules/gdpr-33/targetHours/notification'],
      [{ calendars: { 'us-federal': calendar } }, '/calendars/us-federal'],
      [{ calendars: { own: { ...calendar, years: { '2027': ['2027-02-30'] } } } }, '/calendars/own/years/2027/0'],
      [{ calendars: { own: { ...calendar, years: { '2026': ['2027-01-01'] } } } }, '/calendars/own/years/2026/0'],
      [{ reminders: { roles: [], userIds: [] } }, '/reminders/roles'],
      [{ reminders: { fractions: [1_000] } }, '/reminders/fractions/0'],
    ] as const) {
      const { status, body } = await put(document);
      expect([status, body.errors?.map((fault) => fault.pointer)]).toEqual([422, [pointer]]);
    }
    expect((await put({ calendars: { own: calendar }, rules: { 'sec-8k-105': { calendar: 'own' } } })).status).toBe(
      200,
    );
    const none = await officer.api('POST', DEADLINES, {
      ruleId: 'sec-8k-105',
      event: event('determined_material', 1),
    });
    expect([none.status, none.body.detail]).toEqual([
      422,
      expect.stringContaining('holidays of 2026 are not in the calendar own'),
    ]);
  });

  it('tell from answers which rules apply to an incident, and why', async () => {
    const id = await incident('asked');
    const answers = { eu_personal_data: 'yes', nis2_entity: 'no', hipaa_entity: 'yes' };
    await officer.api('PUT', '/api/deadline-settings', { answers });
    const path = `/api/deadline-applicability/${id}`;
    const said = await officer.api('PUT', path, { personal_data: 'yes', risk_unlikely: 'no', unsecured_phi: 'no' });
    const of = (rule: string) => said.body.data.rules.find(({ ruleId }: { ruleId: string }) => ruleId === rule);
    expect(of('gdpr-33')).toMatchObject({ verdict: 'applies' });
    expect(of('gdpr-34')).toMatchObject({ verdict: 'undecided', open: ['high_risk'] });
    expect(of('hipaa-individuals')).toMatchObject({
      verdict: 'does_not_apply',
      reason: 'Is unsecured protected health information affected? No.',
    });
    expect(of('nis2').verdict).toBe('does_not_apply');
    expect(of('dora').open).toEqual(['dora_entity', 'major_ict']);
    await officer.api('PUT', path, { high_risk: 'yes' });
    const later = await officer.api('GET', path);
    expect(later.body.data.version).toBe(2);
    expect((await officer.api('PUT', path, { nonsense: 'yes' })).body.errors?.[0]?.pointer).toBe('/nonsense');
    expect((await officer.api('PUT', path, {})).status).toBe(422);
    expect((await officer.api('PUT', '/api/deadline-applicability/inc_none', { high_risk: 'yes' })).status).toBe(404);
  });
});

describe('the register of breaches', () => {
  it('opens with a clock, is written by people, and leaves as a file that calculates nothing', async () => {
    const id = await incident('breached');
    await start('gdpr-33', event('aware', 1), id);
    const opened = (await officer.api('GET', `/api/breach-register/${id}`)).body.data;
    expect(opened).toMatchObject({
      facts: '',
      notified: 'undecided',
      clocks: [{ rule: 'gdpr-33', status: 'RUNNING' }],
    });
    const path = `/api/breach-register/${id}`;
    const facts = '=HYPERLINK("http://evil.example","x"), "quoted"';
    const written = await officer.api(
      'PUT',
      path,
      { facts, effects: '  +1', remedialAction: 'reset' },
      { 'if-match': '"1"' },
    );
    expect([written.status, written.body.data.version]).toEqual([200, 2]);
    expect((await officer.api('PUT', path, { facts: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await officer.api('PUT', path, { notified: 'no' })).body.errors?.[0]?.pointer).toBe('/reason');
    expect((await officer.api('PUT', '/api/breach-register/inc_none', {})).status).toBe(404);
    expect((await officer.api('GET', '/api/breach-register/inc_none')).status).toBe(404);
    const file = await officer.api('GET', '/api/breach-register/export');
    expect(file.headers.get('content-type')).toContain('text/csv');
    expect(file.text).toContain(`"'=HYPERLINK(""http://evil.example"",""x""), ""quoted"""`);
    expect(file.text).toContain(`"'+1"`);
    expect((await analyst.api('GET', '/api/breach-register/export')).status).toBe(403);
    expect((await officer.api('GET', '/api/breach-register')).body.total).toBe(2);
  });
});

describe('the list', () => {
  it('has the soonest due first, and filters', async () => {
    const all = (await officer.api('GET', `${DEADLINES}?limit=200`)).body.data;
    const dues = all.flatMap(({ nextDueAt }: { nextDueAt: string | null }) => (nextDueAt === null ? [] : [nextDueAt]));
    expect(dues).toEqual([...dues].sort());
    const waiting = await officer.api('GET', `${DEADLINES}?status=NOT_APPLICABLE`);
    expect(waiting.body.total).toBe(1);
    const dora = await officer.api('GET', `${DEADLINES}?regime=DORA&dueBefore=2026-03-03T00:00:00Z`);
    expect(dora.body.total).toBe(1);
    expect((await officer.api('GET', `${DEADLINES}?status=nonsense`)).status).toBe(400);
  });

  it('stands on records that verify', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('is not believed where somebody changed a row past the program', async () => {
    const file = openJournalFile(house.dataDir);
    const forge = `update views set body = replace(body, 'seen in the log', 'seen later') where kind = 'deadline'`;
    expect(file.prepare(forge).run().changes).toBeGreaterThan(0);
    file.close();
    expect(await verified(house.dataDir)).not.toMatchObject({ code: 0 });
  });
});
