import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { type Api, type Harness, startHarness, verified } from '../support/server.ts';

let house: Harness;
let api: Api;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
});
afterAll(() => house.stop());

const create = async (id: string, actions: readonly object[] = [NOTIFY], more: object = {}) => {
  const made = await api('POST', BASE, byHand(id, actions, more));
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return made;
};

describe('a playbook in YAML', () => {
  const post = async (text: string) => {
    const headers = { authorization: `Bearer ${house.admin.key}`, 'content-type': 'application/yaml' };
    const reply = await fetch(`${house.url}${BASE}`, { method: 'POST', headers, body: text });
    return { status: reply.status, body: await reply.json() };
  };
  const YAML = [
    'playbookId: from_yaml',
    'name: From YAML',
    'playbookType: CUSTOM',
    'severity: LOW',
    'actions:',
    '  - actionId: tell',
    '    actionType: user_notification',
    '    parameters: { title: Hello }',
  ];

  it('is the same as in JSON', async () => {
    expect(await post(YAML.join('\n'))).toMatchObject({ status: 201 });
    const { body } = await api('GET', `${BASE}/from_yaml`);
    expect(body.data).toMatchObject({ name: 'From YAML', actions: [{ actionType: 'USER_NOTIFICATION', stage: 1 }] });
  });

  it.each([
    ['broken syntax', ['name: [']],
    ['a member given twice', [...YAML, 'name: again']],
    ['a tag', ['name: !!js/function x']],
  ])('is refused with %s', async (_what, lines) => {
    expect(await post(lines.join('\n'))).toMatchObject({
      status: 400,
      body: { success: false, code: 'invalid_request' },
    });
  });
});

describe('changing a playbook', () => {
  it('merges the given members into a new version while a running execution keeps its own', async () => {
    await create('merge', [SUSPEND_APPROVED], { description: 'first' });
    const run = await api('POST', `${BASE}/executions/trigger`, { playbookId: 'merge', userId: 'bela' });
    const changed = await api('PUT', `${BASE}/merge`, { name: 'Renamed', severity: 'LOW' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expect(changed.body.data).toMatchObject({ name: 'Renamed', severity: 'LOW', description: 'first', version: 2 });
    const { executionId } = run.body.data;
    const running = await house.settled(executionId);
    expect(running).toMatchObject({ status: 'AWAITING_APPROVAL', playbookVersion: 1, playbookName: 'merge' });
    const next = await api('POST', `${BASE}/executions/trigger`, { playbookId: 'merge', userId: 'carla' });
    expect(next.body.data).toMatchObject({ playbookVersion: 2, playbookName: 'Renamed', riskLevel: 'LOW' });
    expect((await api('GET', `${BASE}/executions/${executionId}`)).body.data.playbookVersion).toBe(1);
  });

  it('honours If-Match', async () => {
    await create('matched');
    const put = (tag: string) => api('PUT', `${BASE}/matched`, { name: 'x' }, { 'if-match': tag });
    expect((await put('"7"')).status).toBe(412);
    expect((await put('W/"1"')).status).toBe(412);
    expect((await put('"1"')).status).toBe(200);
    expect((await put('"1"')).body).toMatchObject({ success: false, code: 'stale_version' });
    expect((await put('*')).status).toBe(200);
    expect((await api('DELETE', `${BASE}/matched`, undefined, { 'if-match': '"1"' })).status).toBe(412);
  });

  it('takes back what it answered, and refuses another id', async () => {
    const { body } = await create('round', [NOTIFY], { executionTimeoutMs: 60_000 });
    expect((await api('PUT', `${BASE}/round`, body.data)).body.data).toMatchObject({ version: 2, _id: 'round' });
    for (const name of ['id', '_id', 'playbookId']) {
      const { status, body: problem } = await api('PUT', `${BASE}/round`, { [name]: 'other' });
      expect([name, status, problem.code]).toEqual([name, 400, 'invalid_request']);
    }
  });

  it("takes the seeds' other name for the time limit", async () => {
    await create('timed');
    const { status, body } = await api('PUT', `${BASE}/timed`, { maxExecutionTimeMs: 600_000 });
    expect([status, body.data.executionTimeoutMs]).toEqual([200, 600_000]);
  });

  it('applies two changes at once one after the other', async () => {
    await create('raced');
    const changes = [1, 2, 3, 4].map((n) => api('PUT', `${BASE}/raced`, { description: `change ${n}` }));
    const versions = (await Promise.all(changes)).map(({ body }) => body.data.version);
    expect(versions.sort()).toEqual([2, 3, 4, 5]);
  });

  it('stores nothing when the change is not valid', async () => {
    await create('kept');
    const before = house.counts();
    const { status, body } = await api('PUT', `${BASE}/kept`, { actions: [{ actionId: 'a', actionType: 'NOPE' }] });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/actions/0/actionType']);
    expect(house.counts()).toEqual(before);
  });
});

describe('an id', () => {
  it.each(['id', '_id', 'playbookId'])('may be spelt %s', async (name) => {
    const { playbookId: _unused, ...playbook } = byHand('unused', [NOTIFY]) as { playbookId: string };
    const { status, body } = await api('POST', BASE, { ...playbook, [name]: `spelt-${name}` });
    expect([status, body.data?._id]).toEqual([201, `spelt-${name}`]);
  });

  it('is one: two that differ, one in use, and one that is an address are refused', async () => {
    await create('taken');
    expect((await api('POST', BASE, { ...byHand('a', [NOTIFY]), _id: 'b' })).status).toBe(400);
    expect((await api('POST', BASE, byHand('taken', [NOTIFY]))).status).toBe(409);
    expect((await api('POST', BASE, byHand('executions', [NOTIFY]))).status).toBe(422);
  });
});

describe('hiding a playbook', () => {
  it('takes it from lists and triggers; its records and versions stay, and its number goes on', async () => {
    await create('hidden');
    const executed = await api('POST', `${BASE}/executions/trigger`, { playbookId: 'hidden', userId: 'anna' });
    const gone = await api('DELETE', `${BASE}/hidden`);
    expect([gone.status, gone.body.data.deleted]).toEqual([200, true]);
    expect((await api('GET', `${BASE}/hidden`)).status).toBe(404);
    expect((await api('DELETE', `${BASE}/hidden`)).status).toBe(404);
    const trigger = { playbookId: 'hidden', userId: 'anna' };
    expect((await api('POST', `${BASE}/executions/trigger`, trigger)).status).toBe(404);
    expect(await house.settled(executed.body.data.executionId)).toMatchObject({ status: 'COMPLETED' });
    const rows = house
      .database()
      .prepare(`select r.seq from records r join streams s on s.no = r.stream where s.name = 'playbook/hidden'`)
      .all();
    expect(rows).toHaveLength(2);
    expect((await create('hidden')).body.data.version).toBe(2);
  });
});

describe('the list', () => {
  it('filters by what it accepts and refuses the rest', async () => {
    await create('quiet', [NOTIFY], { enabled: false, severity: 'CRITICAL' });
    const ids = async (query: string) => {
      const { body } = await api('GET', `${BASE}?${query}`);
      return body.data.map(({ _id }: { _id: string }) => _id);
    };
    expect(await ids('enabled=false')).toEqual(['quiet']);
    expect(await ids('riskLevel=CRITICAL')).toEqual(['quiet']);
    expect(await ids('severity=CRITICAL&type=CUSTOM')).toEqual(['quiet']);
    expect(await ids('severity=CRITICAL&enabled=true')).toEqual([]);
    expect((await api('GET', `${BASE}?severity=LOW&riskLevel=HIGH`)).status).toBe(400);
    for (const query of ['status=ENABLED', 'type=NOPE', 'limit=0', 'limit=201', 'skip=-1', 'sort=name']) {
      expect([query, (await api('GET', `${BASE}?${query}`)).status]).toEqual([query, 400]);
    }
  });

  it('pages', async () => {
    const { body: all } = await api('GET', `${BASE}?limit=200`);
    const { body: page } = await api('GET', `${BASE}?limit=2&skip=1`);
    expect(page).toMatchObject({ count: 2, total: all.total, limit: 2, skip: 1, data: all.data.slice(1, 3) });
  });
});

describe('policies', () => {
  const policy = (policyId: string, more: object = {}) => ({
    policyId,
    name: policyId,
    policyGates: [{ gateName: 'gate', approvalRoles: [{ role: 'CISO' }], triggers: { riskLevels: ['CRITICAL'] } }],
    ...more,
  });

  it('are created, read and filtered', async () => {
    expect((await api('POST', `${BASE}/policies`, policy('on'))).status).toBe(201);
    const scoped = policy('off', { enabled: false, scope: 'RISK_LEVEL_BASED' });
    expect((await api('POST', `${BASE}/policies`, scoped)).status).toBe(201);
    expect((await api('POST', `${BASE}/policies`, policy('on'))).status).toBe(409);
    const ids = async (query: string) =>
      (await api('GET', `${BASE}/policies?${query}`)).body.data.map(({ _id }: { _id: string }) => _id);
    expect(await ids('enabled=true')).toEqual(['on']);
    expect(await ids('type=RISK_LEVEL_BASED')).toEqual(['off']);
    expect((await api('GET', `${BASE}/policies/on`)).body.data).toMatchObject({ _id: 'on', version: 1 });
    expect((await api('GET', `${BASE}/policies?riskLevel=HIGH`)).status).toBe(400);
  });
});

describe('a playbook whose connector is not configured any more', () => {
  it('stops neither the intake of events nor the other playbooks', async () => {
    const bare = await startHarness({ withoutSandbox: true });
    try {
      const hook = { actionId: 'hook', actionType: 'CUSTOM_WEBHOOK', parameters: { url: 'https://hooks.example/x' } };
      const made = await bare.admin.api('POST', BASE, byHand('works', [hook]));
      expect([made.status, made.text]).toEqual([201, expect.any(String)]);
      const stored = bare.database().prepare<[], { body: string }>(`select body from views where id = 'works'`).get();
      const broken = (stored?.body ?? '').replaceAll('works', 'broken').replaceAll('CUSTOM_WEBHOOK', 'GEO_LOCK');
      bare
        .database()
        .prepare(
          `insert into views (kind, id, version, status, at, body) values ('playbook', 'broken', 1, 'ENABLED', 1, ?)`,
        )
        .run(broken);
      await bare.restart();
      const alert = { id: 'a1', kind: 'alert', subject: 'heidi', time: new Date().toISOString() };
      const taken = await bare.admin.api('POST', '/api/events', alert);
      expect([taken.status, taken.body.data?.accepted]).toEqual([200, 1]);
      expect((await bare.admin.api('GET', '/api/incidents')).body.total).toBe(1);
      const trigger = { playbookId: 'broken', userId: 'heidi' };
      const refused = await bare.admin.api('POST', `${BASE}/executions/trigger`, trigger);
      expect([refused.status, refused.body.code]).toEqual([422, 'invalid_playbook']);
    } finally {
      await bare.stop();
    }
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
