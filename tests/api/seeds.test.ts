import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedCommand } from '../../src/cli/seed.ts';
import { CURL_PLAYBOOK, POLICY, SEED_SCRIPT_PLAYBOOKS } from '../support/seed-bodies.ts';
import { startHarness, testIo, type Harness } from '../support/server.ts';

const BASE = '/api/incident-playbooks';
const LISTS = ['', '/executions', '/approvals', '/audits', '/policies'];

/** Runs a script beside the server of this process. */
function run(script: string, env: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 30_000 };
    const child = execFile(process.execPath, [script], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

let fresh: Harness;
let seeded: Harness;
beforeAll(async () => {
  [fresh, seeded] = await Promise.all([startHarness(), startHarness()]);
});
afterAll(() => Promise.all([fresh.stop(), seeded.stop()]));

describe('a fresh journal', () => {
  it.each(LISTS)('lists nothing at %s', async (path) => {
    const { status, body } = await seeded.admin.api('GET', `${BASE}${path}`);
    expect([status, body]).toEqual([200, { success: true, count: 0, total: 0, limit: 50, skip: 0, data: [] }]);
  });

  it('has figures with denominators and no values', async () => {
    const { body } = await seeded.admin.api('GET', `${BASE}/metrics`);
    const none = { value: null, of: 0 };
    expect(body.data).toMatchObject({
      total: {
        totalExecutions: 0,
        successRate: none,
        mttcMs: none,
        approvalMs: none,
        falsePositiveRate: none,
        auditCompleteness: none,
      },
      playbooks: {},
    });
  });

  it("is healthy in the seeds' shape and no other", async () => {
    const { status, body } = await seeded.anonymous('GET', '/health/incident-playbooks');
    expect([status, body]).toEqual([
      200,
      {
        status: 'healthy',
        models: {
          incidentPlaybook: true,
          playbookExecution: true,
          playbookApprovalsPolicy: true,
          playbookActionAudit: true,
        },
        executions: { active: 0, pending_approvals: 0 },
      },
    ]);
  });
});

describe("the seeds' requests, unchanged", () => {
  it('creates the playbook of the curl command, and lists it', async () => {
    const made = await fresh.admin.api('POST', BASE, CURL_PLAYBOOK);
    expect([made.status, made.body.success, made.body.count]).toEqual([201, true, 1]);
    const { _id, id } = made.body.data;
    expect([_id, made.headers.get('location')]).toEqual([id, `${BASE}/${id}`]);
    const { body } = await fresh.admin.api('GET', BASE);
    expect([body.success, body.count, body.total]).toEqual([true, 1, 1]);
    expect(body.data[0]).toMatchObject({ _id, name: 'Test Playbook', severity: 'HIGH', version: 1, enabled: true });
  });

  it.each(SEED_SCRIPT_PLAYBOOKS)('creates $playbookId of the seed script under its own id', async (playbook) => {
    const made = await fresh.admin.api('POST', BASE, playbook);
    expect([made.status, made.body.data?._id]).toEqual([201, playbook.playbookId]);
    const { body } = await fresh.admin.api('GET', `${BASE}/${playbook.playbookId}`);
    expect(body.data).toMatchObject({ ...playbook, id: playbook.playbookId });
  });

  it('creates the policy, with a warning about the user that is none', async () => {
    const made = await fresh.admin.api('POST', `${BASE}/policies`, POLICY);
    expect(made.status).toBe(201);
    expect(made.body.warnings?.join('\n')).toContain('cto_user_id');
    const { body } = await fresh.admin.api('GET', `${BASE}/policies`);
    expect([body.count, body.data[0]._id, body.data[0].name]).toEqual([1, made.body.data._id, POLICY.name]);
    expect(body.data[0].policyGates[0]).toMatchObject(POLICY.policyGates[0] ?? {});
  });

  it.each(['executions?status=FAILED&limit=50', 'audits?status=FAILED&limit=50', 'approvals', 'metrics'])(
    'answers GET %s',
    async (path) => {
      const { status, body } = await fresh.admin.api('GET', `${BASE}/${path}`);
      expect([status, body.success]).toEqual([200, true]);
    },
  );

  it('refuses every one of them without a key', async () => {
    for (const path of ['', ...LISTS, '/metrics'])
      expect((await fresh.anonymous('GET', `${BASE}${path}`)).status).toBe(401);
    expect((await fresh.anonymous('POST', BASE, CURL_PLAYBOOK)).status).toBe(401);
  });
});

describe('seeding', () => {
  const env = (): Record<string, string> => ({ FIREBREAK_API_KEY: seeded.admin.key });
  const seed = async (missing: boolean) => {
    const io = testIo(env());
    const code = await seedCommand({ url: seeded.url, missing, json: true }, io);
    return [code, JSON.parse(io.said())];
  };

  it('by the script installs the four built-ins under their ids', async () => {
    const { code, stderr } = await run('scripts/seedPlaybooks.js', { ...env(), FIREBREAK_URL: seeded.url });
    expect([code, stderr]).toEqual([0, '']);
    const { body } = await seeded.admin.api('GET', BASE);
    expect(body.data.map((playbook: { _id: string }) => playbook._id).sort()).toEqual([
      'playbook_2fa_bypass',
      'playbook_campaign',
      'playbook_impossible_travel',
      'playbook_privilege_action',
    ]);
  });

  it('skips when any playbook is there, adds what is absent with --missing, and repeats without effect', async () => {
    const before = seeded.counts();
    expect(await seed(false)).toEqual([0, { created: [], skipped: 4 }]);
    expect(await seed(true)).toEqual([0, { created: [], skipped: 4 }]);
    expect(seeded.counts()).toEqual(before);
    await seeded.admin.api('DELETE', `${BASE}/playbook_campaign`);
    expect(await seed(false)).toEqual([0, { created: [], skipped: 3 }]);
    expect(await seed(true)).toEqual([0, { created: ['playbook_campaign'], skipped: 3 }]);
    const { body } = await seeded.admin.api('GET', `${BASE}/playbook_campaign`);
    expect(body.data.version).toBe(2);
  });

  it('says that the key is no good instead of taking everything for missing', async () => {
    const io = testIo({ FIREBREAK_API_KEY: `fbk_${'x'.repeat(43)}` });
    await expect(seedCommand({ url: seeded.url, missing: true, json: true }, io)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});

describe('the integration script', () => {
  const script = 'scripts/integrationTest.js';

  it("runs the seed's five steps against a running server", async () => {
    const env = { FIREBREAK_URL: fresh.url, FIREBREAK_API_KEY: fresh.admin.key };
    const { code, stdout, stderr } = await run(script, env);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Execution status: FAILED\nGenerated 1 audit record\n[^]*All integration tests passed/);
  });

  it('says so when the user is there', async () => {
    const env = { FIREBREAK_URL: fresh.url, FIREBREAK_API_KEY: fresh.admin.key, FIREBREAK_TEST_USER: 'anna' };
    expect((await run(script, env)).stdout).toContain('Execution status: COMPLETED');
  });

  it('fails with a sentence when the server refuses', async () => {
    const { code, stderr } = await run(script, { FIREBREAK_URL: fresh.url, FIREBREAK_API_KEY: 'wrong' });
    expect([code, stderr]).toEqual([1, expect.stringContaining('answered 401')]);
  });
});
