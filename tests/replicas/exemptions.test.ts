import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startSandboxCompany, type SandboxCompany } from '../../src/sandbox-company/server.ts';
import { startServer, type RunningServer } from '../../src/server.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { apiAt, ownKey, until, type Api } from '../support/server.ts';

/** Two servers that share a journal: what is agreed on or revoked at one of them counts at the other at once. */

const TOKEN = 'a token for tests only';
const shared = sharedCluster();
const folder = mkdtempSync(join(tmpdir(), 'firebreak-exempt-'));
let company: SandboxCompany;
const running: RunningServer[] = [];
beforeAll(async () => {
  company = await startSandboxCompany({ port: 0, token: TOKEN, clock: { now: () => Date.now() } });
});
afterAll(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await company.stop();
  await shared.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function start(url: string): Promise<RunningServer> {
  const env = { DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent', DATABASE_URL: url };
  const { config } = readConfig(env, () => '');
  const log = createLog({ level: 'silent', destination: { write: () => undefined } });
  const sandbox = { url: company.url, token: TOKEN };
  const server = await startServer(config, { version: 'test', log, sandbox, acceleratedFrom: null });
  running.push(server);
  return server;
}

async function succeeds(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  expect(status, text).toBeLessThan(300);
  return body.data;
}

describe.skipIf(shared.skip !== null)('an exemption on a shared journal', () => {
  it('is confirmed at one server and revoked at another, and both keep to it', { timeout: 60_000 }, async () => {
    const url = await (await shared.cluster()).database();
    const [one, other] = [await start(url), await start(url)];
    const at = (server: RunningServer, key: string | null): Api => apiAt(() => server.url, key);
    const user = { name: 'Ada', email: 'ada@soc.example' };
    const made = await succeeds(at(one, null)('POST', '/api/setup', { token: one.setupToken, user }));
    const ada: string = made.key.secret;
    const keyOf = async (name: string, roles: readonly string[]): Promise<string> => {
      const person = await succeeds(at(one, ada)('POST', '/api/users', { name, email: `${name}@soc.example`, roles }));
      return ownKey({ admin: at(one, ada), anonymous: at(one, null) }, person.id);
    };
    const [grace, linus] = [await keyOf('grace', ['CISO']), await keyOf('linus', ['INCIDENT_COMMANDER'])];

    const triggers = { actionTypes: ['ACCOUNT_SUSPEND'] };
    const gate = { gateName: 'suspensions', approvalRoles: [{ role: 'CISO' }], triggers };
    const policy = { name: 'p', scope: 'ACTION_TYPE_BASED', policyGates: [gate] };
    const { id: policyId } = await succeeds(at(one, ada)('POST', `${BASE}/policies`, policy));
    const asks = { actionId: 'asks', actionType: 'USER_NOTIFICATION', parameters: { title: 'Look' } };
    const approval = { roles: ['CISO'], requiredApprovers: 1 };
    const suspend = { ...SUSPEND, requiresApproval: false, stage: 2 };
    await succeeds(
      at(one, ada)('POST', BASE, byHand('staged', [{ ...asks, requiresApproval: true, approval }, suspend])),
    );

    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const terms = { policyId, gateName: 'suspensions', appliesTo: { userIds: ['anna'] }, reason: 'r', expiresAt };
    const { id, hash } = await succeeds(at(one, ada)('POST', '/api/exemptions', terms));
    await succeeds(at(other, grace)('POST', `/api/exemptions/${id}/confirm`, { hash }));

    const run = { playbookId: 'staged', userId: 'anna' };
    const dry = await succeeds(at(one, linus)('POST', `${BASE}/executions/trigger`, { ...run, dryRun: true }));
    expect(dry.stages[1].actions[0].approval).toMatchObject({
      needsApproval: false,
      automatic: [{ exemption: { id } }],
    });
    const { executionId } = await succeeds(at(one, linus)('POST', `${BASE}/executions/trigger`, run));
    await succeeds(at(other, grace)('POST', `/api/exemptions/${id}/revoke`, { reason: 'no longer' }));

    // The plan holds it, and this server was told by nobody.
    const [first] = await until('it asks', async () => {
      const waiting = await succeeds(at(one, ada)('GET', `${BASE}/approvals?executionId=${executionId}`));
      return waiting.length > 0 ? waiting : null;
    });
    await succeeds(at(one, grace)('POST', `${BASE}/approvals/${first.id}/approve`, {}));
    const second = await until('the second stage asks', async () => {
      const waiting = await succeeds(at(one, ada)('GET', `${BASE}/approvals?executionId=${executionId}`));
      return waiting.find((each: { id: string }) => each.id !== first.id) ?? null;
    });
    expect(second).toMatchObject({ actionType: 'ACCOUNT_SUSPEND', status: 'PENDING', automatic: [] });
  });
});
