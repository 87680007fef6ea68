import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { answerToken } from '../../src/pipeline/approvals/answer-token.ts';
import { combineGates } from '../../src/pipeline/approvals/gates.ts';
import { intentHash, type Intent } from '../../src/pipeline/approvals/intent.ts';
import { contentHash } from '../../src/platform/hash.ts';
import { linkKeyOf } from '../../src/start/addresses.ts';
import { SITE } from '../support/passkeys.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { gate } from '../support/plans.ts';
import { startHarness, type Harness } from '../support/server.ts';
import { visitorAt } from '../support/visitor.ts';

/** Where a passkey may be required, what that changes, and what is said where there can be none. */

const GATE = {
  gateName: 'signed',
  triggers: { actionTypes: ['ACCOUNT_SUSPEND'] },
  approvalRoles: [{ role: 'SECURITY_ADMIN' }],
  requirePasskey: true,
};
const policyOf = (more: object = {}) => ({
  name: 'Suspensions are signed',
  scope: 'ACTION_TYPE_BASED',
  fallbackBehavior: 'DENY_ACTION',
  policyGates: [{ ...GATE, ...more }],
});
const playbookOf = (approval: object) =>
  byHand('keyed', [{ ...SUSPEND, requiresApproval: true, approval: { roles: ['SECURITY_ADMIN'], ...approval } }]);

describe('gates', () => {
  it('need a passkey together where one of them does, in any order', () => {
    const [plain, keyed] = [gate({ gateName: 'a' }), gate({ gateName: 'b', requirePasskey: true })];
    expect([[plain], [plain, keyed], [keyed, plain]].map((gates) => combineGates(gates).requirePasskey)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('are another intent where they need one, and the same as ever where they do not', () => {
    const intent = (gates: Intent['gates']): Intent => ({
      executionId: 'exe_1',
      playbookId: 'p',
      playbookVersion: 1,
      actions: [],
      gates,
      question: null,
      expiresAt: 1,
    });
    const { source, version, gateName } = gate();
    const asEver = contentHash({ intentVersion: 1, ...intent([]), gates: [{ source, version, gateName }] });
    expect(intentHash(intent([gate()]))).toBe(asEver);
    expect(intentHash(intent([gate({ requirePasskey: true })]))).not.toBe(asEver);
  });
});

describe('a server that has a name', () => {
  let house: Harness;
  const env: Record<string, string> = { PUBLIC_URL: SITE };
  beforeAll(async () => {
    house = await startHarness({ env });
  });
  afterAll(() => house.stop());

  it('takes the rule in policies and playbooks, shows it, and refuses what contradicts it', async () => {
    const { api } = house.admin;
    const silent = await api('POST', `${BASE}/policies`, policyOf({ fallbackBehavior: 'ALLOW_ACTION' }));
    expect([silent.status, silent.body.errors?.[0]?.pointer]).toEqual([422, '/policyGates/0/requirePasskey']);
    const quiet = await api('POST', BASE, playbookOf({ requirePasskey: true, fallbackBehavior: 'ALLOW_ACTION' }));
    expect([quiet.status, quiet.body.errors?.[0]?.pointer]).toEqual([422, '/actions/0/approval/requirePasskey']);
    expect((await api('POST', `${BASE}/policies`, policyOf({ requirePasskey: 'yes' }))).status).toBe(422);
    const saved = await api(
      'POST',
      `${BASE}/policies`,
      policyOf({ autoApproveConditions: 'incident.confidence >= 90' }),
    );
    expect(saved.status).toBe(201);
    expect(saved.body.warnings).toEqual([expect.stringContaining('no passkey either')]);
    expect((await api('POST', `${BASE}/policies`, { ...policyOf(), name: 'And always' })).status).toBe(201);
    const query = { actionType: 'ACCOUNT_SUSPEND', riskLevel: 'HIGH', playbookId: 'any' };
    const { body } = await api('POST', `${BASE}/policies/evaluate`, query);
    expect(JSON.stringify(body.data)).toContain('"requirePasskey":true');
    expect((await api('POST', BASE, playbookOf({}))).status).toBe(201);
    expect((await api('GET', `${BASE}/keyed`)).text).not.toContain('requirePasskey');
  });

  it('exempts nobody from it', async () => {
    const { body } = await house.admin.api('GET', `${BASE}/policies`);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const proposal = {
      policyId: body.data[0].id,
      gateName: 'signed',
      appliesTo: { userIds: ['anna'] },
      reason: 'r',
      expiresAt,
    };
    const reply = await house.admin.api('POST', '/api/exemptions', proposal);
    expect([reply.status, reply.text]).toEqual([422, expect.stringContaining('no passkey signs an exemption')]);
  });

  it('offers a link in a mail the denial only, and says where to approve', async () => {
    const requester = await house.person('INCIDENT_COMMANDER');
    const voter = await house.person('SECURITY_ADMIN');
    const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'keyed', userId: 'anna' });
    await house.settled(run.body.data.executionId);
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${run.body.data.executionId}`);
    const [request] = body.data;
    const journalId = (await house.admin.api('GET', '/api/journal')).body.data.id;
    const key = linkKeyOf(loadLogKey(join(house.dataDir, 'log-key.pem')), journalId);
    const claim = { approvalId: request.id, userId: voter.id, expiresAt: Date.parse(request.expiresAt) };
    const path = `/answer/${answerToken(key, claim, request.intentHash)}`;
    const visitor = visitorAt(() => house.url);
    const page = await visitor.open(path);
    expect(page.text).toContain(`<a href="/approvals/${request.id}">sign in and approve it there</a>`);
    expect(page.text).not.toContain('value="APPROVE"');
    expect(page.headers.get('content-security-policy')).not.toContain('script-src');
    const fields = { intentHash: request.intentHash, decision: 'APPROVE' };
    const approved = await visitor.send(path, fields);
    expect([approved.status, approved.text]).toEqual([403, expect.stringContaining('A passkey is needed to approve')]);
    expect((await visitor.send(path, { ...fields, decision: 'DENY' })).text).toContain('It was denied.');
  });

  it('does not start without it while such a rule is in force, and says which', async () => {
    delete env['PUBLIC_URL'];
    await expect(house.restart()).rejects.toThrow(/PUBLIC_URL.*needed by policy pol_/);
    env['PUBLIC_URL'] = 'http://127.0.0.1:3999';
    await expect(house.restart()).rejects.toThrow('an address of numbers');
    env['PUBLIC_URL'] = SITE;
    await house.restart();
  }, 30_000);
});

describe('a server without a name', () => {
  let house: Harness;
  beforeAll(async () => {
    house = await startHarness();
  });
  afterAll(() => house.stop());

  it('refuses rules that nobody could fulfil, and passkeys themselves, with what to do', async () => {
    const { api } = house.admin;
    const policy = await api('POST', `${BASE}/policies`, policyOf());
    expect([policy.status, policy.body.errors]).toEqual([
      422,
      [
        expect.objectContaining({
          pointer: '/policyGates/0/requirePasskey',
          detail: expect.stringContaining('PUBLIC_URL'),
        }),
      ],
    ]);
    const playbook = await api('POST', BASE, playbookOf({ requirePasskey: true }));
    expect([playbook.status, playbook.body.errors?.[0]?.pointer]).toEqual([422, '/actions/0/approval/requirePasskey']);
    const options = await api('GET', '/api/passkeys/options');
    expect([options.status, options.body.detail]).toEqual([409, expect.stringContaining('PUBLIC_URL')]);
  });
});
