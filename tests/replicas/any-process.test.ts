import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_FAILURES } from '../../src/pipeline/access/lockout.ts';
import { TWO_PEOPLE } from '../../src/demo/staff.ts';
import { factors } from '../../torture/events.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { settledAt, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until, type Person } from '../support/server.ts';
import { PASSWORD, visitorAt } from '../support/visitor.ts';

/** Three servers on one database: whatever one has said, the others know. */

const shared = sharedCluster();
afterAll(() => shared.remove());

const EXECUTIONS = `${BASE}/executions`;
const APPROVALS = `${BASE}/approvals`;
const ONE_VOTE = { requiresApproval: true, approval: { roles: ['INCIDENT_COMMANDER'], requiredApprovers: 1 } };

describe.skipIf(shared.skip !== null)('three servers on one database', () => {
  let house: Replicas;
  let staff: Staff;
  let [a, b, c]: Replica[] = [];
  let commander: Person;
  let starter: Person;
  const at = (replica: Replica | undefined, { key }: Person) => {
    if (replica === undefined) throw new Error('there are three');
    return replica.apiOf(key);
  };

  beforeAll(async () => {
    house = await startReplicas(shared);
    [a, b, c] = await Promise.all([house.inProcess(), house.inProcess(), house.inProcess()]);
  });
  afterAll(() => house?.remove());

  it('are set up with the token that any of them printed, once', async () => {
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    const tokens = [a, b, c].map(({ setupToken }) => setupToken);
    expect(new Set(tokens).size).toBe(3);
    expect(tokens).not.toContain(null);
    staff = await house.setUp({ ...c, setupToken: a.setupToken });
    commander = await staff.person('INCIDENT_COMMANDER');
    starter = await staff.person('INCIDENT_COMMANDER');
    for (const token of tokens) {
      const again = await b.apiOf(null)('POST', '/api/setup', {
        token,
        user: { name: 'Eve', email: 'eve@soc.example' },
      });
      expect([again.status, again.body.code]).toEqual([409, 'conflict']);
    }
  });

  it('take a trigger, a vote and a question each at another one, and show the same at once', async () => {
    const saved = await at(a, staff.admin)('POST', BASE, byHand('asked', [{ ...SUSPEND, ...ONE_VOTE }]));
    expect(saved.status).toBe(201);
    const started = await at(a, starter)('POST', `${EXECUTIONS}/trigger`, { playbookId: 'asked', userId: 'anna' });
    const { executionId } = started.body.data;
    const seen = await at(c, staff.admin)('GET', `${EXECUTIONS}/${executionId}`);
    expect(seen.body.data).toMatchObject({ _id: executionId, userId: 'anna' });
    await settledAt(at(c, staff.admin), executionId);
    const { body } = await at(b, staff.admin)('GET', `${APPROVALS}?executionId=${executionId}`);
    const [{ _id: approvalId, intentHash }] = body.data;
    const vote = await at(b, commander)('POST', `${APPROVALS}/${approvalId}/approve`, { intentHash });
    expect(vote).toMatchObject({ status: 200, body: { data: { status: 'APPROVED' } } });
    for (const replica of [c, a, b]) {
      const approval = await at(replica, staff.admin)('GET', `${APPROVALS}/${approvalId}`);
      expect(approval.body.data).toMatchObject({ status: 'APPROVED', votes: [{ userId: commander.id }] });
      const shown = await at(replica, staff.admin)('GET', `${EXECUTIONS}/${executionId}`);
      expect(shown.body.data.status).not.toBe('AWAITING_APPROVAL');
    }
    expect(await settledAt(at(a, staff.admin), executionId)).toMatchObject({ status: 'COMPLETED' });
    const done = await house.company.effects();
    expect(done.filter(({ target }) => target === 'anna')).toMatchObject([{ effect: 'account.suspend' }]);
  });

  it('run the playbook that another one has saved last', async () => {
    const path = `${BASE}/changing`;
    await at(a, staff.admin)('POST', BASE, byHand('changing', [NOTIFY]));
    const trigger = async (replica: Replica | undefined) => {
      const body = { playbookId: 'changing', userId: 'bela', dryRun: true };
      const reply = await at(replica, staff.admin)('POST', `${EXECUTIONS}/trigger`, body);
      return reply.status === 201 || reply.status === 200
        ? reply.body.data.stages.flatMap(({ actions }: { actions: { actionId: string }[] }) =>
            actions.map(({ actionId }) => actionId),
          )
        : reply.status;
    };
    expect(await trigger(b)).toEqual(['notify']);
    for (const [saver, reader, actionId] of [
      [c, b, 'second'],
      [b, a, 'third'],
      [a, c, 'fourth'],
    ] as const) {
      const saved = await at(saver, staff.admin)('PUT', path, { actions: [{ ...NOTIFY, actionId }] });
      expect(saved.status).toBe(200);
      expect(await trigger(reader)).toEqual([actionId]);
    }
    await at(b, staff.admin)('DELETE', path);
    expect(await trigger(a)).toBe(404);
    await at(c, staff.admin)('POST', BASE, byHand('changing', [{ ...NOTIFY, actionId: 'anew' }]));
    expect(await trigger(b)).toEqual(['anew']);
  });

  it('look for what the playbook asks for that another one has saved last', async () => {
    const rules = [{ ruleId: 'factors', ruleType: 'REPEATED_2FA_BYPASS', conditions: {} }];
    const found = async (replica: Replica | undefined, who: string): Promise<readonly string[]> => {
      for (const { path, lines } of factors(who, who.length, Date.now()).batches) {
        const sent = await at(replica, staff.admin)('POST', path, lines);
        expect(sent.body.data).toMatchObject({ accepted: lines.length });
      }
      const { body } = await at(replica, staff.admin)('GET', `${EXECUTIONS}?userId=${who}`);
      return body.data.map(({ playbookId }: { playbookId: string }) => playbookId);
    };
    expect(await found(b, 'carla')).toEqual([]);
    const playbook = byHand('answers', [NOTIFY], { playbookType: 'REPEATED_2FA_BYPASS', rules });
    expect((await at(a, staff.admin)('POST', BASE, playbook)).status).toBe(201);
    expect(await found(b, 'david')).toEqual(['answers']);
    expect((await at(c, staff.admin)('PUT', `${BASE}/answers`, { enabled: false })).status).toBe(200);
    expect(await found(b, 'elif')).toEqual([]);
    expect((await at(a, staff.admin)('PUT', `${BASE}/answers`, { enabled: true })).status).toBe(200);
    expect(await found(c, 'farid')).toEqual(['answers']);
  });

  it('ask people as the policy says that another one has saved', async () => {
    const free = byHand('free', [{ ...SUSPEND, requiresApproval: false }], { severity: 'CRITICAL' });
    await at(a, staff.admin)('POST', BASE, free);
    const run = async (replica: Replica | undefined, userId: string): Promise<string> => {
      const started = await at(replica, staff.admin)('POST', `${EXECUTIONS}/trigger`, { playbookId: 'free', userId });
      return (await settledAt(at(replica, staff.admin), started.body.data.executionId)).status;
    };
    expect(await run(b, 'greta')).toBe('COMPLETED');
    expect(await at(a, staff.admin)('POST', `${BASE}/policies`, TWO_PEOPLE)).toMatchObject({ status: 201 });
    expect(await run(b, 'hugo')).toBe('AWAITING_APPROVAL');
    expect(await run(c, 'ines')).toBe('AWAITING_APPROVAL');
  });

  it('refuse a key that another one has revoked', async () => {
    const gone = await staff.person('SECURITY_ANALYST');
    expect((await at(b, gone)('GET', '/api/incidents')).status).toBe(200);
    const { body } = await at(a, staff.admin)('GET', `/api/keys?userId=${gone.id}`);
    expect((await at(a, staff.admin)('DELETE', `/api/keys/${body.data[0].id}`)).status).toBe(200);
    expect((await at(b, gone)('GET', '/api/incidents')).status).toBe(401);
  });

  it('start one execution for one key, however many of them are asked at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const headers = { 'idempotency-key': `once-${round}` };
      const userId = `jonas-${round}`;
      const ask = (replica: Replica | undefined) =>
        at(replica, staff.admin)('POST', `${EXECUTIONS}/trigger`, { playbookId: 'asked', userId }, headers);
      const replies = await Promise.all([ask(a), ask(b), ask(c), ask(a), ask(b)]);
      const ids = replies.filter(({ status }) => status === 201).map(({ body }) => body.data.executionId);
      expect(new Set(ids).size).toBe(1);
      for (const { status, body } of replies)
        if (status !== 201) expect([status, body.code]).toEqual([409, 'conflict']);
      // Answered by one, repeated at another: the same reply.
      const again = await until('the first one is answered', async () => {
        const reply = await ask(c);
        return reply.status === 201 ? reply : null;
      });
      expect(again.body.data.executionId).toBe(ids[0]);
      const { body } = await at(b, staff.admin)('GET', `${EXECUTIONS}?userId=${userId}`);
      expect(body.total).toBe(1);
    }
  });

  it('know each other’s sessions, and count failures together', async () => {
    const admin = at(a, staff.admin);
    const given = { kind: 'person', name: 'Ivy', email: 'ivy@soc.example', roles: ['AUDITOR'] };
    const { id } = (await admin('POST', '/api/users', given)).body.data;
    const { secret } = (await admin('POST', `/api/users/${id}/invitations`)).body.data;
    const accepted = await b?.apiOf(null)('POST', '/api/invitations/accept', {
      invitation: secret,
      password: PASSWORD,
    });
    expect(accepted?.status).toBe(200);
    const signIn = (replica: Replica | undefined, password: string) => {
      const visitor = visitorAt(() => replica?.url ?? '');
      return visitor.send('/sign-in', { email: 'ivy@soc.example', password }, { stay: true });
    };
    const good = await signIn(c, PASSWORD);
    expect(good.status).toBe(303);
    const cookie = (good.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
    const own = { cookie, 'sec-fetch-site': 'same-origin' };
    const sessions = await a?.apiOf(null)('GET', '/api/sessions', undefined, own);
    expect(sessions?.body.data).toMatchObject([{ userId: id, current: true }]);
    const session: string = sessions?.body.data[0].id;
    expect((await b?.apiOf(null)('DELETE', `/api/sessions/${session}`, undefined, own))?.status).toBe(200);
    expect((await c?.apiOf(null)('GET', '/api/sessions', undefined, own))?.status).toBe(401);
    // Guesses all over the house count together.
    for (let tries = 0; tries < MAX_FAILURES; tries += 1)
      expect((await signIn([a, b, c][tries % 3], 'wrong')).status).toBe(401);
    for (const replica of [a, b, c]) expect((await signIn(replica, PASSWORD)).status).toBe(401);
  });

  it('leave a log that verifies', async () => {
    expect(await house.verified()).toMatchObject({ code: 0 });
  });
});
