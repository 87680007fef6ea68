import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, SUSPEND } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const EXECUTIONS = `${BASE}/executions`;
const IDS = ['cfo', 'vault-user', 'clerk', 'treasurer', 'unlisted'];
const INVENTORY = `type,id,criticality
user,cfo,CRITICAL
user,vault-user,HIGH
user,treasurer,CRITICAL
user,clerk,MEDIUM
`;

let house: Harness;
let lead: Person;
let analyst: Person;

beforeAll(async () => {
  house = await startHarness();
  [lead, analyst] = await Promise.all([house.person('CISO'), house.person('SECURITY_ANALYST')]);
  await house.sandbox.seed(IDS.map((id) => ({ id, sessions: [{ ip: '81.2.69.142', country: 'GB', deviceId: null }] })));
  const put = await house.admin.api('PUT', '/api/inventory', INVENTORY, { 'content-type': 'text/csv' });
  expect(put.status, put.text).toBe(200);
  const guard = { identities: [{ id: 'cfo', reason: 'signs for the company' }] };
  expect((await house.admin.api('PUT', '/api/guards/protected-identities', guard)).status).toBe(200);
  const playbook = {
    playbookId: 'contain',
    name: 'Contain',
    playbookType: 'REPEATED_2FA_BYPASS',
    severity: 'LOW',
    rules: [{ ruleId: 'r', ruleType: 'REPEATED_2FA_BYPASS', conditions: {} }],
    actions: [
      { ...SUSPEND, requiresApproval: false },
      { actionId: 'kill', actionType: 'FULL_SESSION_KILL' },
      { actionId: 'reset', actionType: 'FORCE_PASSWORD_RESET' },
      { actionId: 'note', actionType: 'USER_NOTIFICATION', parameters: { title: 'Look' } },
    ],
  };
  const made = await house.admin.api('POST', BASE, playbook);
  expect(made.status, made.text).toBe(201);
  // What five failures are worth is LOW confidence here: bounds are data.
  const { confidenceBounds: _bounds, ...rest } = await matrix();
  const sure = { medium: 98, high: 99, confirmed: 100 };
  const set = await house.admin.api('PUT', '/api/guards/decision-matrix', { ...rest, confidenceBounds: sure });
  expect(set.status, set.text).toBe(200);
});
afterAll(() => house.stop());

async function matrix() {
  const { confidenceBounds, impactOfData, provisionalTtlMs, gates, cells } = (
    await house.admin.api('GET', '/api/guards/decision-matrix')
  ).body.data;
  return { confidenceBounds, impactOfData, provisionalTtlMs, gates, cells };
}

/** Anybody who can post events can make these up. */
async function spoofedFailures(subject: string) {
  const now = Date.now();
  const events = Array.from({ length: 6 }, (_, index) => ({
    id: `${subject}-${index}`,
    kind: 'mfa_result',
    outcome: 'failure',
    time: new Date(now - (10 - index) * 300_000).toISOString(),
    subject,
    ip: '203.0.113.7',
    mfa: { factor: 'push' },
  }));
  const { status, text } = await house.admin.api('POST', '/api/events?format=firebreak', events);
  expect(status, text).toBe(200);
  const incident = await until('there is an incident', async () => {
    const { body } = await house.admin.api('GET', `/api/incidents?userId=${subject}`);
    return body.data[0] ?? null;
  });
  const [{ id }] = incident.executions;
  const execution = await house.settled(id);
  const action = (actionId: string) =>
    execution.stages[0].actions.find((each: { actionId: string }) => each.actionId === actionId);
  return { incident, execution, action };
}

const isSuspended = async (id: string): Promise<boolean> =>
  ((await house.sandboxUser(id)) as unknown as { suspended: unknown }).suspended !== null; // the sandbox's own shape
const hasSession = async (id: string): Promise<boolean> =>
  (await house.sandboxUser(id)).sessions.every(({ endedAt }) => endedAt === undefined || endedAt === null);

describe('low confidence about what matters', () => {
  it('contains what can be undone at once, asks for the rest, and tells who decides how to keep or end it', async () => {
    const { incident, execution, action } = await spoofedFailures('vault-user');
    expect(incident.decision).toMatchObject({ cell: 'HIGH/LOW', rule: 'containReversiblyAndAsk', binding: true });
    expect(action('suspend')).toMatchObject({ status: 'SUCCESS' });
    const { settledAt, containedUntil } = action('suspend');
    expect(Date.parse(containedUntil) - Date.parse(settledAt)).toBe(4 * 3_600_000);
    expect(await isSuspended('vault-user')).toBe(true);
    expect(await hasSession('vault-user')).toBe(true);
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${execution.id}`);
    expect(body.data.map(({ actionId }: { actionId: string }) => actionId).sort()).toEqual(['kill', 'reset']);
    const told = await until('somebody is told', async () => {
      const { body: mine } = await house.admin.api('GET', '/api/notifications?limit=100');
      return mine.data.find(({ kind }: { kind: string }) => kind === 'containment.provisional') ?? null;
    });
    expect(told.title).toBe('Keep it? ACCOUNT_SUSPEND of vault-user was done before anybody was asked');
    expect(JSON.stringify(told)).toContain(`/executions/${execution.id}/actions/suspend/extend`);
    expect(JSON.stringify(told)).toContain(containedUntil);
    // To keep it is a person's word.
    const kept = await analyst.api('POST', `${EXECUTIONS}/${execution.id}/actions/suspend/extend`, {
      forMinutes: 1_000,
      reason: 'it was them',
    });
    expect(kept.status, kept.text).toBe(200);
    // And so is to end it.
    const ended = await house.admin.api('POST', `${EXECUTIONS}/${execution.id}/cancel`, {
      compensate: true,
      reason: 'a spoof',
    });
    expect(ended.status, ended.text).toBe(200);
    await house.settled(execution.id);
    expect(await isSuspended('vault-user')).toBe(false);
  });

  it('does nothing to a protected person without a person, however critical they are', async () => {
    const { incident, execution, action } = await spoofedFailures('cfo');
    expect(incident.decision).toMatchObject({ cell: 'CRITICAL/LOW', rule: 'containReversiblyAndAsk' });
    expect(action('suspend').status).not.toBe('SUCCESS');
    expect([await isSuspended('cfo'), await hasSession('cfo')]).toEqual([false, true]);
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${execution.id}`);
    expect(body.data.map(({ actionId }: { actionId: string }) => actionId).sort()).toEqual([
      'kill',
      'reset',
      'suspend',
    ]);
  });

  it('does nothing lasting to a critical person who is not protected, and tells the CISO', async () => {
    const { action } = await spoofedFailures('treasurer');
    expect(action('suspend')).toMatchObject({ status: 'SUCCESS' });
    expect(action('suspend').containedUntil).not.toBeNull();
    expect([action('kill').status, action('reset').status].includes('SUCCESS')).toBe(false);
    expect(await hasSession('treasurer')).toBe(true);
    await until('the CISO is told', async () => {
      const { body } = await lead.api('GET', '/api/notifications?limit=100');
      return body.data.find(({ title }: { title: string }) => title.includes('treasurer')) ?? null;
    });
  });
});

describe('the approvers of a cell', () => {
  it('are asked before anything that contains, and nothing is asked for the rest', async () => {
    const { incident, execution, action } = await spoofedFailures('clerk');
    expect(incident.decision).toMatchObject({ cell: 'MEDIUM/LOW', approvers: ['IR_LEAD'], rule: null });
    expect(await isSuspended('clerk')).toBe(false);
    expect(action('note').status).toBe('SUCCESS');
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${execution.id}`);
    const suspend = body.data.find(({ actionId }: { actionId: string }) => actionId === 'suspend');
    expect(suspend.requirements).toMatchObject([{ roles: ['IR_LEAD'], k: 1 }]);
  });

  it('are nobody where the inventory does not know what is concerned', async () => {
    const { incident, action } = await spoofedFailures('unlisted');
    expect(incident.decision).toMatchObject({ impactFrom: 'assumed', binding: false });
    expect(action('suspend')).toMatchObject({ status: 'SUCCESS' });
    expect(action('suspend').containedUntil ?? null).toBeNull();
    expect(action('kill')).toMatchObject({ status: 'SUCCESS' });
    await verified(house.dataDir);
  });
});
