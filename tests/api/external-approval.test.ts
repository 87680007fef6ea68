import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const APPROVALS = `${BASE}/approvals`;
const EXECUTIONS = `${BASE}/executions`;

let house: Harness;
let service: Receiver;
let requester: Person;
let chief: Person;
let second: Person;
beforeAll(async () => {
  service = await startReceiver({ status: 200, body: '{"approved": true}' });
  house = await startHarness({
    env: {
      EXTERNAL_APPROVERS: 'soar',
      EXTERNAL_APPROVER_SOAR_URL: `${service.origin}/approve`,
      EXTERNAL_APPROVER_SOAR_SECRET: SECRET,
      EXTERNAL_APPROVER_SOAR_TIMEOUT_MS: '300',
    },
  });
  [requester, chief, second] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('CISO'),
    house.person('CISO'),
  ]);
});
afterAll(async () => {
  await house.stop();
  await service.close();
});
afterEach(() => void service.received.splice(0));

let runs = 0;
/** A policy with one gate that asks the service, for one playbook whose only action waits for it. */
async function asked(gate: object, trigger: object = {}) {
  runs += 1;
  const playbookId = `external-${runs}`;
  await house.admin.api('POST', BASE, byHand(playbookId, [{ ...SUSPEND, requiresApproval: false }]));
  const usual = { gateName: 'g', triggers: { playbookIds: [playbookId] }, approvalRoles: [{ role: 'CISO' }] };
  const policyGates = [{ ...usual, externalApproval: 'soar', ...gate }];
  const saved = await house.admin.api('POST', `${BASE}/policies`, {
    name: playbookId,
    scope: 'SPECIFIC_PLAYBOOKS',
    policyGates,
  });
  expect(saved.status, saved.text).toBe(201);
  const userId = 'anna';
  const run = await requester.api('POST', `${EXECUTIONS}/trigger`, { playbookId, userId, ...trigger });
  expect(run.status, run.text).toBe(201);
  const { executionId } = run.body.data;
  const approvalId = await until('it is asked', async () => {
    const { body } = await house.admin.api('GET', `${EXECUTIONS}/${executionId}`);
    return body.data.approvals[0] ?? null;
  });
  const show = async () => (await house.admin.api('GET', `${APPROVALS}/${approvalId}`)).body.data;
  const vote = async (person: Person, verb = 'approve') => {
    const reply = await person.api('POST', `${APPROVALS}/${approvalId}/${verb}`, {});
    return reply.status === 200 ? [200, reply.body.data.status] : [reply.status, reply.body.code];
  };
  const is = (status: string) =>
    until(`it is ${status}`, async () => ((await show()).status === status ? show() : null));
  const isHeard = () => until('it is heard', async () => (await show()).services[0].reply ?? null);
  return { executionId, approvalId, show, vote, is, isHeard };
}

describe('an external approval', () => {
  it('is asked for with the seed’s body, signed, and is enough for the one approver', async () => {
    const triggerEvent = { id: 'evt-7', severity: 'critical', host_id: 'srv-7' };
    const { is, executionId } = await asked({}, { triggerEvent });
    const { services, votes, requestedAt } = await is('APPROVED');
    expect(votes).toEqual([]);
    expect(services).toEqual([
      {
        name: 'soar',
        mustAnswer: false,
        fallbackBehavior: 'ESCALATE_TO_HUMAN',
        reply: {
          answer: 'approved',
          why: null,
          status: 200,
          tries: 1,
          durationMs: expect.any(Number),
          requestDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      },
    ]);
    const [request] = service.received;
    expect(service.received).toHaveLength(1);
    const sent = new Webhook(SECRET).verify(request?.body ?? '', request?.headers as Record<string, string>);
    expect(sent).toEqual({
      action: 'ACCOUNT_SUSPEND',
      context: { event: expect.objectContaining(triggerEvent) },
      requested_at: requestedAt,
    });
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const { body } = await house.admin.api('GET', `${EXECUTIONS}/${executionId}`);
    expect(body.data.timeline).toContainEqual(expect.objectContaining({ fact: 'service.answered', service: 'soar' }));
  });

  it('is denied by false, and nobody is asked after that', async () => {
    service.answerWith({ status: 200, body: '{"approved": false}' });
    const { is, vote, executionId } = await asked({});
    await is('DENIED');
    expect(await vote(chief)).toEqual([409, 'already_decided']);
    const { stages } = await house.settled(executionId);
    expect(stages[0].actions[0]).toMatchObject({ status: 'DENIED', reason: 'denied' });
  });

  it('beside two people is needed as well as both of them', async () => {
    service.answerWith('hang');
    const { show, vote, is } = await asked({ requiredApprovers: 2 });
    expect(await vote(chief)).toEqual([200, 'PENDING']);
    await vote(second);
    // The first try hangs; the second one is answered.
    const { services, votes } = await is('APPROVED');
    expect(votes).toHaveLength(2);
    expect(services).toMatchObject([{ mustAnswer: true, reply: { answer: 'approved', tries: 2 } }]);
    expect(service.received).toHaveLength(2);
    const keys = service.received.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
    expect((await show()).requirements).toEqual([{ roles: ['CISO'], k: 2, human: true }]);
  });

  it('that is nonsense leaves it to people, who were told', async () => {
    service.answerWith({ status: 200, body: '{"approved": "true"}' });
    const { show, vote, isHeard } = await asked({});
    expect(await isHeard()).toMatchObject({ answer: 'none', why: 'approved_is_no_boolean', tries: 1 });
    expect((await show()).status).toBe('PENDING');
    expect(await vote(chief)).toEqual([200, 'APPROVED']);
    const { body } = await chief.api('GET', '/api/notifications');
    expect(body.data.length).toBeGreaterThan(0);
  });

  it.each([
    ['redirects', { status: 302, headers: { location: '/elsewhere' }, body: '{"approved": true}' }, 'redirect_refused'],
    ['is huge', { status: 200, body: `{"approved": true, "pad": "${'x'.repeat(90_000)}"}` }, 'response_too_large'],
    ['is of the wrong type', { status: 200, body: 'approved: true' }, 'not_json'],
    ['is an error', { status: 500, body: '{"approved": true}' }, 'server_error'],
  ] as const)('that %s denies where the gate says so', async (_what, answer, why) => {
    service.answerWith(answer);
    const { is, executionId } = await asked({
      externalApproval: { service: 'soar', fallbackBehavior: 'DENY_ACTION' },
    });
    expect((await is('DENIED')).services).toMatchObject([{ reply: { answer: 'none', why } }]);
    const { stages } = await house.settled(executionId);
    expect(stages[0].actions[0]).toMatchObject({ status: 'DENIED', reason: 'service_unreachable' });
    expect(service.received).toHaveLength(1);
  });

  it('that never comes allows only where the gate says so, after three tries', async () => {
    service.answerWith('hang', 'cut', { status: 503 });
    const { is } = await asked({
      triggers: { playbookIds: [`external-${runs + 1}`], actionTypes: ['ACCOUNT_SUSPEND'] },
      externalApproval: { service: 'soar', fallbackBehavior: 'ALLOW_ACTION' },
    });
    expect((await is('APPROVED')).services).toMatchObject([
      { reply: { answer: 'none', why: 'unavailable', status: 503, tries: 3 } },
    ]);
    expect(service.received).toHaveLength(3);
  });

  it('is never given by a service account, whatever its key may do', async () => {
    service.answerWith({ status: 200, body: '{}' });
    const { vote, show, isHeard } = await asked({});
    await isHeard();
    const account = await house.service('CISO');
    expect(await vote(account)).toEqual([403, 'forbidden']);
    expect((await show()).status).toBe('PENDING');
    expect(await vote(chief)).toEqual([200, 'APPROVED']);
  });

  it('is asked for again after a restart, under the same key, and one late answer is recorded and changes nothing', async () => {
    service.answerWith('hang');
    const { is, executionId, vote } = await asked({ requiredApprovers: 2 });
    await until('it is asked', async () => (service.received.length > 0 ? true : null));
    service.answerWith('hang', { status: 200, body: '{"approved": true}' });
    await house.restart();
    await until('it is asked again', async () => (service.received.length > 1 ? true : null));
    expect(await vote(chief, 'deny')).toEqual([200, 'DENIED']);
    await is('DENIED');
    const keys = new Set(service.received.map(({ headers }) => headers['idempotency-key']));
    expect(keys.size).toBe(1);
    await until('the late answer is recorded', async () => {
      const { body } = await house.admin.api('GET', `${EXECUTIONS}/${executionId}`);
      return body.data.timeline.some((each: object) => 'input' in each && each.input === 'service_answer')
        ? true
        : null;
    });
    const { body } = await house.admin.api('GET', `${EXECUTIONS}/${executionId}`);
    expect(body.data.timeline).toContainEqual(
      expect.objectContaining({ input: 'service_answer', fact: 'input.ignored', why: 'already decided: DENIED' }),
    );
    await is('DENIED');
  });

  it('is refused on save where nobody can be asked', async () => {
    const gate = { gateName: 'g', approvalRoles: [{ role: 'CISO' }], externalApproval: 'sora' };
    const reply = await house.admin.api('POST', `${BASE}/policies`, { name: 'typo', policyGates: [gate] });
    expect(reply.status).toBe(422);
    expect(reply.body.errors).toMatchObject([{ pointer: '/policyGates/0/externalApproval/service' }]);
  });

  it('stands in records that verify, and the secret nowhere', async () => {
    const { code, verdict } = await verified(house.dataDir);
    expect({ code, verdict }).toEqual({ code: 0, verdict: 'intact' });
    const rows = house.database().prepare<[], { bytes: Buffer }>('select bytes from records').all();
    expect(rows.some(({ bytes }) => bytes.includes('service_answer'))).toBe(true);
    expect(rows.some(({ bytes }) => bytes.includes(SECRET))).toBe(false);
  });
});
