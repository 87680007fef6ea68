import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { nothingOwed } from '../support/journal-rows.ts';
import { type Api, type Harness, startHarness, verified, until } from '../support/server.ts';

const EXECUTIONS = `${BASE}/executions`;

let house: Harness;
let api: Api;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
  const save = async (playbook: object) => expect((await api('POST', BASE, playbook)).status).toBe(201);
  await save(byHand('notify', [NOTIFY]));
  await save(
    byHand(
      'block',
      [
        { ...NOTIFY, stage: 1 },
        { ...SUSPEND_APPROVED, stage: 2 },
      ],
      { severity: 'CRITICAL' },
    ),
  );
  await save(byHand('suspend', [{ ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } }]));
  await save(
    byHand('templated', [{ ...NOTIFY, parameters: { title: '{{event.host_id}}', message: '{{context.ticket}}' } }], {
      inputs: ['ticket'],
    }),
  );
});
afterEach(() => house.sandbox.clear());
afterAll(() => house.stop());

const trigger = (playbookId: string, userId: string, more: object = {}, headers: Record<string, string> = {}) =>
  api('POST', `${EXECUTIONS}/trigger`, { playbookId, userId, ...more }, headers);

describe('trigger', () => {
  it('runs the playbook and shows what it did', async () => {
    const started = await trigger('notify', 'anna', { triggerEvent: { why: 'test' } });
    expect(started.status).toBe(201);
    const { executionId } = started.body.data;
    expect(started.headers.get('location')).toBe(`${EXECUTIONS}/${executionId}`);
    const done = await house.settled(executionId);
    expect(done).toMatchObject({ _id: executionId, status: 'COMPLETED', userId: 'anna', riskLevel: 'HIGH' });
    expect(done.stages[0].actions[0]).toMatchObject({ actionType: 'USER_NOTIFICATION', status: 'SUCCESS' });
    const { body } = await api('GET', `/api/incidents/${done.incidentId}`);
    expect(body.data).toMatchObject({ source: 'MANUAL', userId: 'anna', executions: [{ id: executionId }] });
  });

  it('of an unknown user gives an execution whose actions fail by name', async () => {
    const started = await trigger('notify', 'nobody-here');
    expect(started.status).toBe(201);
    const done = await house.settled(started.body.data.executionId);
    expect(done).toMatchObject({ status: 'FAILED', failedActions: ['notify'] });
    const { body } = await api('GET', `${BASE}/audits?executionId=${done._id}&status=FAILED`);
    expect(body.data[0]).toMatchObject({ actionId: 'notify', status: 'FAILED', target: 'nobody-here' });
    expect(body.data[0].error.message).toBe('there is no such user');
  });

  it('of an unknown playbook is 404, of nobody 400', async () => {
    expect((await trigger('nope', 'anna')).status).toBe(404);
    const { status, body } = await trigger('notify', '   ');
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/userId']);
  });

  it('fills templates from the trigger event and the context, and fails the action by name when one is missing', async () => {
    const full = await trigger('templated', 'anna', { triggerEvent: { host_id: 'web-7' }, context: { ticket: 'T-1' } });
    expect(await house.settled(full.body.data._id)).toMatchObject({ status: 'COMPLETED' });
    const lacking = await trigger('templated', 'anna', { triggerEvent: { host_id: 'web-7' }, context: { other: 'x' } });
    expect(lacking.body.warnings).toEqual([expect.stringContaining('/context/other')]);
    const failed = await house.settled(lacking.body.data._id);
    expect(failed).toMatchObject({ status: 'FAILED', failedActions: ['notify'] });
    const { body } = await api('GET', `${BASE}/audits/${failed._id}:notify`);
    expect(JSON.stringify(body.data)).toContain('context.ticket');
  });

  it('takes the canonical form of a user, as events do', async () => {
    const started = await trigger('notify', ' ANNA ');
    expect(started.body.data.userId).toBe('anna');
    expect((await api('GET', `${EXECUTIONS}?userId=Anna`)).body.total).toBeGreaterThan(0);
  });
});

describe('dryRun', () => {
  it('shows actions, targets, gates, approvers and undo, and stores nothing', async () => {
    // What the tests before this one began is over.
    await until('nothing is owed', async () => (nothingOwed(house.database()) ? true : null));
    const before = house.counts();
    const { status, body } = await trigger('block', 'bela', { dryRun: true });
    expect([status, body.data.dryRun]).toEqual([200, true]);
    const [notify, suspend] = body.data.stages.flatMap(({ actions }: { actions: object[] }) => actions);
    expect(notify).toMatchObject({
      actionType: 'USER_NOTIFICATION',
      targets: ['bela'],
      runs: 'always',
      approval: null,
    });
    expect(suspend).toMatchObject({
      actionType: 'ACCOUNT_SUSPEND',
      targets: ['bela'],
      reversibility: 'undo',
      verified: true,
      approval: {
        gates: [expect.any(String)],
        requiredApprovers: 2,
        requirements: [
          { roles: ['SECURITY_ADMIN'], k: 1 },
          { roles: ['INCIDENT_COMMANDER'], k: 1 },
        ].map((each) => expect.objectContaining({ k: each.k })),
      },
    });
    expect(house.counts()).toEqual(before);
    expect((await api('GET', `${EXECUTIONS}?userId=bela&playbookId=block`)).body.total).toBe(0);
  });

  it('names templates without a value', async () => {
    const { body } = await trigger('templated', 'anna', { dryRun: true });
    expect(body.data.stages[0].actions[0].missing.join()).toContain('event.host_id');
  });
});

describe('retry', () => {
  it('goes on with the same execution when the fault is gone', async () => {
    await house.sandbox.fault({ kind: 'error_500', match: { method: 'POST', pathIncludes: '/suspend' } });
    await house.sandbox.fault({ kind: 'error_500', match: { method: 'PUT', pathIncludes: '/suspend' } });
    const { body } = await trigger('suspend', 'david');
    const failed = await house.settled(body.data._id);
    expect(failed).toMatchObject({ status: 'FAILED', failedActions: ['suspend'] });
    expect(
      (await api('GET', `${EXECUTIONS}?status=FAILED&limit=50`)).body.data.map((each: { _id: string }) => each._id),
    ).toContain(failed._id);
    await house.sandbox.clear();
    const again = await api('POST', `${EXECUTIONS}/${failed._id}/retry`, { reason: 'the target works again' });
    expect([again.status, again.body.data._id]).toEqual([200, failed._id]);
    const done = await house.settled(failed._id);
    expect(done).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    const audit = await api('GET', `${BASE}/audits/${failed._id}:suspend`);
    expect(audit.body.data).toMatchObject({ status: 'SUCCESS', generation: 2 });
    const records = await api('GET', `${BASE}/audits/${failed._id}/records?limit=200`);
    expect(records.text).toContain('the target works again');
    // The list and the incident follow.
    expect((await api('GET', `${EXECUTIONS}?executionId=${failed._id}`)).body.data[0].status).toBe('COMPLETED');
  });

  it('is a conflict when nothing failed, or it still runs', async () => {
    const done = await trigger('notify', 'anna');
    await house.settled(done.body.data._id);
    expect((await api('POST', `${EXECUTIONS}/${done.body.data._id}/retry`)).status).toBe(409);
    const waiting = await trigger('block', 'elif');
    await house.settled(waiting.body.data._id);
    expect((await api('POST', `${EXECUTIONS}/${waiting.body.data._id}/retry`, {})).status).toBe(409);
    expect((await api('POST', `${EXECUTIONS}/exe_unknown/retry`)).status).toBe(404);
  });
});

describe('cancel', () => {
  it('starts nothing more, keeps what was done, and is a conflict the second time', async () => {
    const { body } = await trigger('block', 'farid');
    const waiting = await house.settled(body.data._id);
    expect(waiting.status).toBe('AWAITING_APPROVAL');
    const cancelled = await api('POST', `${EXECUTIONS}/${waiting._id}/cancel`, { reason: 'a drill' });
    expect(cancelled.status).toBe(200);
    expect(await house.settled(waiting._id)).toMatchObject({ status: 'CANCELLED' });
    expect((await api('GET', `${BASE}/approvals?executionId=${waiting._id}`)).body.total).toBe(0);
    expect((await api('GET', `${BASE}/approvals?executionId=${waiting._id}&status=VOIDED`)).body.total).toBe(1);
    expect((await api('POST', `${EXECUTIONS}/${waiting._id}/cancel`)).status).toBe(409);
  });

  it('undoes with compensate: true', async () => {
    const playbook = byHand('undoable', [
      { ...SUSPEND, requiresApproval: false },
      { ...SUSPEND_APPROVED, actionId: 's2', stage: 2 },
    ]);
    expect((await api('POST', BASE, playbook)).status).toBe(201);
    const { body } = await trigger('undoable', 'greta');
    await house.settled(body.data._id);
    await api('POST', `${EXECUTIONS}/${body.data._id}/cancel`, { compensate: true });
    const done = await house.settled(body.data._id);
    expect(done.status).toBe('ROLLED_BACK');
    expect(done.stages[0].actions[0].status).toBe('COMPENSATED');
    expect(await house.sandboxUser('greta')).toMatchObject({ suspended: null });
  });
});

describe('Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'one-run' };

  it('gives the same execution for the same key, and refuses another body', async () => {
    const first = await trigger('notify', 'hugo', {}, headers);
    const before = house.counts();
    const second = await trigger('notify', 'hugo', {}, headers);
    expect([second.status, second.body.data._id]).toEqual([201, first.body.data._id]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect((await trigger('notify', 'ines', {}, headers)).status).toBe(422);
    await house.settled(first.body.data._id);
    expect((await api('GET', `${EXECUTIONS}?userId=hugo`)).body.total).toBe(1);
    expect(before.views).toBeGreaterThan(0);
  });

  it('also when the reply of the first was lost in a crash', async () => {
    const { body: first } = await trigger('notify', 'jonas', {}, { 'idempotency-key': 'lost' });
    await house.settled(first.data._id);
    house.database().prepare(`delete from views where kind = 'idempotency'`).run();
    const { status, body } = await trigger('notify', 'jonas', {}, { 'idempotency-key': 'lost' });
    expect([status, body.data._id]).toEqual([201, first.data._id]);
    expect((await api('GET', `${EXECUTIONS}?userId=jonas`)).body.total).toBe(1);
  });

  it('belongs to the caller', async () => {
    const other = await house.person('INCIDENT_COMMANDER');
    const mine = await trigger('notify', 'kira', {}, { 'idempotency-key': 'shared' });
    const theirs = await other.api(
      'POST',
      `${EXECUTIONS}/trigger`,
      { playbookId: 'notify', userId: 'kira' },
      { 'idempotency-key': 'shared' },
    );
    expect([theirs.status, theirs.body.data._id === mine.body.data._id]).toEqual([201, false]);
  });
});

describe('the runbook view', () => {
  it('has the lower-case shape of the runbooks and nothing else', async () => {
    const { body } = await trigger('block', 'luca', { triggerEvent: { id: 'evt-9' } });
    await house.settled(body.data._id);
    const view = await api('GET', `${EXECUTIONS}/${body.data._id}?view=runbook`);
    const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    expect(view.body).toEqual({
      success: true,
      count: 1,
      data: {
        event_id: 'evt-9',
        steps: [
          { step: 'user_notification', timestamp: time, status: 'executed' },
          { step: 'account_suspend', timestamp: time, status: 'awaiting_approval' },
        ],
        status: 'awaiting_approval',
      },
    });
    expect((await api('GET', `${EXECUTIONS}/${body.data._id}?view=other`)).status).toBe(400);
  });
});

describe('lists and audits', () => {
  it('filter executions by everything they accept', async () => {
    const { body } = await trigger('notify', 'mara');
    const { incidentId, _id } = await house.settled(body.data._id);
    const total = async (query: string) => (await api('GET', `${EXECUTIONS}?${query}`)).body.total;
    for (const query of ['status=COMPLETED', 'riskLevel=HIGH', 'severity=HIGH', 'type=CUSTOM', 'playbookId=notify'])
      expect([query, await total(`userId=mara&${query}`)]).toEqual([query, 1]);
    for (const query of ['status=FAILED', 'riskLevel=LOW', 'type=RUNBOOK', 'playbookId=block'])
      expect([query, await total(`userId=mara&${query}`)]).toEqual([query, 0]);
    expect(await total(`incidentId=${incidentId}`)).toBe(1);
    expect(await total(`executionId=${_id}`)).toBe(1);
    expect(await total(`executionId=${_id}&status=FAILED`)).toBe(0);
    expect(await total('executionId=exe_unknown')).toBe(0);
    expect((await api('GET', `${EXECUTIONS}?actionType=GEO_LOCK`)).status).toBe(400);
  });

  it('filter audited actions, give one of them and its records', async () => {
    const { body } = await trigger('block', 'nils');
    const { _id } = await house.settled(body.data._id);
    const list = async (query: string) => (await api('GET', `${BASE}/audits?executionId=${_id}&${query}`)).body;
    expect(await list('limit=1&skip=1')).toMatchObject({ count: 1, total: 2, limit: 1, skip: 1 });
    expect((await list('actionType=account_suspend')).data).toMatchObject([{ _id: `${_id}:suspend` }]);
    expect((await list('status=SUCCESS')).data).toMatchObject([{ actionId: 'notify' }]);
    expect((await list('userId=other')).total).toBe(0);
    expect((await list('riskLevel=LOW')).total).toBe(0);
    const one = await api('GET', `${BASE}/audits/${_id}:notify`);
    expect(one.body.data).toMatchObject({
      _id: `${_id}:notify`,
      executionId: _id,
      status: 'SUCCESS',
      parameters: { title: 'Look' },
      idempotencyKey: expect.any(String),
      approval: null,
      compensation: null,
    });
    expect(one.body.data.trail.length).toBeGreaterThan(2);
    const records = await api('GET', `${BASE}/audits/${_id}/records?limit=2`);
    expect(records.body).toMatchObject({ count: 2, limit: 2, skip: 0 });
    expect(records.body.data[0]).toMatchObject({ record: { seq: 1, type: 'execution.advanced' } });
    expect((await api('GET', `${BASE}/audits/${_id}:nope`)).status).toBe(404);
    expect((await api('GET', `${BASE}/audits/exe_nope/records`)).status).toBe(404);
  });

  it('gives figures with what they are figures of', async () => {
    const { body } = await api('GET', `${BASE}/metrics?playbookId=suspend`);
    expect(body.data.total).toMatchObject({
      totalExecutions: 1,
      successRate: { value: 1, of: 1 },
      approvalMs: { value: null, of: 0 },
      falsePositiveRate: { value: null, of: 0 },
      auditCompleteness: { value: 1, of: 1 },
    });
    expect(body.data.total.mttcMs).toMatchObject({ of: 1 });
    expect(body.data.total.mttcMs.value).toBeGreaterThanOrEqual(0);
    expect(Object.keys(body.data.playbooks)).toEqual(['suspend']);
    const all = await api('GET', `${BASE}/metrics`);
    expect(all.body.data.total.auditCompleteness.value).toBe(1);
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
