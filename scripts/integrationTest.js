// The five steps of the product request against a running server: playbook, policy, trigger, status, audit trail.
// FIREBREAK_URL (http://localhost:3000) and FIREBREAK_API_KEY say where and as whom. Exit code 0 when all of them work.
import { setTimeout as sleep } from 'node:timers/promises';

const BASE = `${process.env.FIREBREAK_URL ?? 'http://localhost:3000'}/api/incident-playbooks`;
/** How often the status is asked for, and how many times, before the run counts as stuck: 10 seconds. */
const ASK_EVERY_MS = 200;
const ASK_TIMES = 50;
const BUSY = ['INITIATED', 'RUNNING', 'COMPENSATING'];

async function call(method, path, body) {
  const reply = await fetch(`${BASE}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${process.env.FIREBREAK_API_KEY ?? ''}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(`${method} ${path} answered ${reply.status}: ${answer.detail}`);
  return answer.data;
}

/** A playbook without rules: it runs when it is triggered and never by itself. */
const PLAYBOOK = {
  name: 'Integration Test Playbook',
  playbookType: 'CUSTOM',
  severity: 'LOW',
  rules: [],
  actions: [{ actionId: 'notify', actionType: 'USER_NOTIFICATION', stage: 1, parameters: { title: 'Test' } }],
};

/** A policy that is switched off: it is stored and read, and changes nothing for anybody. */
const POLICY = {
  name: 'Integration Test Policy',
  enabled: false,
  policyGates: [{ gateName: 'test', approvalRoles: [{ role: 'SECURITY_ADMIN' }] }],
};

async function finalStatus(executionId) {
  for (let asked = 0; asked < ASK_TIMES; asked += 1) {
    const { status } = await call('GET', `/executions/${executionId}`);
    if (!BUSY.includes(status)) return status;
    await sleep(ASK_EVERY_MS);
  }
  throw new Error(`execution ${executionId} is still running`);
}

try {
  const playbook = await call('POST', '', PLAYBOOK);
  console.log(`Playbook created: ${playbook._id}`);
  const policy = await call('POST', '/policies', POLICY);
  console.log(`Approval policy created: ${policy._id}`);
  const trigger = { playbookId: playbook._id, userId: process.env.FIREBREAK_TEST_USER ?? 'test_user_id' };
  const execution = await call('POST', '/executions/trigger', trigger);
  console.log(`Execution started: ${execution.executionId}`);
  // A user that the company does not have ends in FAILED, which is a right answer too: what counts is that it ends.
  console.log(`Execution status: ${await finalStatus(execution.executionId)}`);
  const audits = await call('GET', `/audits?executionId=${execution.executionId}`);
  if (audits.length === 0) throw new Error('the execution left no audit records');
  console.log(`Generated ${audits.length} audit record${audits.length === 1 ? '' : 's'}`);
  await call('DELETE', `/${playbook._id}`);
  console.log('All integration tests passed');
} catch (thrown) {
  console.error(`Integration test failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
}
