import { join } from 'node:path';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { answerToken } from '../../src/pipeline/approvals/answer-token.ts';
import { linkKeyOf } from '../../src/start/addresses.ts';
import type { DeclaredRoute } from '../../src/api/route-table.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { runbookSet } from '../support/runbook-set.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { until } from '../support/server.ts';
import { fieldOf } from '../support/visitor.ts';
import { NO_MAIL, PREFERENCES, succeeds, type Scene } from './scene.ts';
import { atBrowser, fromOwnPage, sendingForms, visitorOf } from './scene-visitors.ts';
import { ACCESS_REQUESTS } from './access-requests.ts';
import { REGULATORY_REQUESTS } from './regulatory-requests.ts';
import { DEADLINE_REQUESTS } from './deadline-requests.ts';
import { TASK_REQUESTS } from './task-requests.ts';
import { EVIDENCE_REQUESTS } from './evidence-requests.ts';
import { GUARD_REQUESTS } from './guard-requests.ts';
import { asAdmin, EXECUTIONS, started, type Maker, type ValidRequest } from './scene-parts.ts';

/**
 * How a request that succeeds is made for each address; everything it needs is made new, so that it succeeds as often
 * as it is asked for. A route that changes state and is not here has no request, and the walk fails.
 */
const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ...ACCESS_REQUESTS,
  ...EVIDENCE_REQUESTS,
  ...GUARD_REQUESTS,
  ...REGULATORY_REQUESTS,
  ...DEADLINE_REQUESTS,
  ...TASK_REQUESTS,
  [
    'POST /approvals/:id/vote',
    async (scene) => {
      const { visitor } = await atBrowser(scene, 'SECURITY_ADMIN');
      const executionId = await started(scene, 'waits');
      const [approval] = await succeeds(scene.house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`));
      const formToken = fieldOf(await visitor.open('/approvals'), 'formToken');
      const body = { formToken, intentHash: approval.intentHash, decision: 'APPROVE', comment: 'seen' };
      return { api: sendingForms(visitor), path: `/approvals/${approval.id}/vote`, body };
    },
  ],
  [
    'POST /answer/:token',
    async (scene) => {
      const executionId = await started(scene, 'waits');
      const [approval] = await succeeds(scene.house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`));
      const body = { intentHash: approval.intentHash, decision: 'APPROVE', comment: 'seen' };
      return { api: sendingForms(visitorOf(scene)), path: `/answer/${await linkOf(scene, approval)}`, body };
    },
  ],
  ['POST /api/events', async (scene) => asAdmin(scene, '/api/events', alert(scene))],
  [
    'POST /api/evidence-bundles',
    async (scene) => {
      const event = alert(scene);
      await succeeds(scene.house.admin.api('POST', '/api/events', event));
      const [incident] = await succeeds(scene.house.admin.api('GET', `/api/incidents?userId=${event.subject}`));
      return asAdmin(scene, '/api/evidence-bundles', { incidentId: incident.id, reason: 'asked for' });
    },
  ],
  [
    'PATCH /api/incidents/:id',
    async (scene) => {
      const event = alert(scene);
      await succeeds(scene.house.admin.api('POST', '/api/events', event));
      const [incident] = await succeeds(scene.house.admin.api('GET', `/api/incidents?userId=${event.subject}`));
      return asAdmin(scene, `/api/incidents/${incident.id}`, { status: 'ACKNOWLEDGED' });
    },
  ],
  ['PUT /api/runbooks/:id', async (scene) => asAdmin(scene, `/api/runbooks/${scene.fresh('runbook-')}`, RUNBOOK)],
  ['DELETE /api/runbooks/:id', async (scene) => asAdmin(scene, `/api/runbooks/${await runbook(scene)}`)],
  [
    'POST /api/event-plans',
    async (scene) => {
      // One runbook of a severity of its own, however often it is asked: a plan executes all that map it.
      const medium = { playbooks: { medium: RUNBOOK.playbooks.low } };
      await succeeds(scene.house.admin.api('PUT', '/api/runbooks/planned', medium));
      const asked = { event: { ...alert(scene), severity: 'MEDIUM' }, reference: scene.fresh('plan-') };
      const { planSha256 } = await succeeds(scene.house.admin.api('POST', '/api/event-plans', asked));
      return asAdmin(scene, '/api/event-plans', { ...asked, planSha256 });
    },
  ],
  [
    'POST /api/runbook-source/sync',
    async (scene) => {
      const path = '/api/runbook-source/sync';
      const { source } = await succeeds(scene.house.admin.api('GET', '/api/runbook-source'));
      const former = runbookSet(scene.fresh('former-'));
      const follows = { previousCommit: source?.commitId ?? null, history: source === null ? 'first' : 'ahead' };
      // So that each sync retires what the one before it brought: the first one too.
      await succeeds(scene.house.admin.api('POST', path, { ...former, ...follows }));
      const next = { ...runbookSet(scene.fresh('synced-')), previousCommit: former.commitId, history: 'ahead' };
      return asAdmin(scene, path, next);
    },
  ],
  [`POST ${BASE}`, async (scene) => asAdmin(scene, BASE, byHand(scene.fresh('playbook-'), [NOTIFY]))],
  [`PUT ${BASE}/:id`, async (scene) => asAdmin(scene, `${BASE}/${await playbook(scene)}`, { severity: 'LOW' })],
  [`DELETE ${BASE}/:id`, async (scene) => asAdmin(scene, `${BASE}/${await playbook(scene)}`)],
  [
    `POST ${BASE}/policies`,
    async (scene) => asAdmin(scene, `${BASE}/policies`, { ...POLICY, name: scene.fresh('policy-'), enabled: false }),
  ],
  [
    `PUT ${BASE}/policies/:id`,
    async (scene) => {
      const given = { ...POLICY, name: scene.fresh('policy-'), enabled: false };
      const made = await succeeds(scene.house.admin.api('POST', `${BASE}/policies`, given));
      return asAdmin(scene, `${BASE}/policies/${made.id}`, { description: scene.fresh('changed ') });
    },
  ],
  [
    `POST ${BASE}/policies/evaluate`,
    async (scene) =>
      asAdmin(scene, `${BASE}/policies/evaluate`, {
        actionType: 'ACCOUNT_SUSPEND',
        riskLevel: 'HIGH',
        playbookId: 'waits',
      }),
  ],
  [
    `POST ${EXECUTIONS}/:id/actions/:actionId/release`,
    async (scene) => {
      const { robot, fresh } = scene;
      const trigger = { playbookId: 'quiet', userId: fresh('user-') };
      const { id } = await succeeds(robot.api('POST', `${EXECUTIONS}/trigger`, trigger));
      return asAdmin(scene, `${EXECUTIONS}/${id}/actions/notify/release`, { reason: 'a drill' });
    },
  ],
  [
    `POST ${EXECUTIONS}/:id/actions/:actionId/extend`,
    async (scene) => {
      const { house, requester, fresh } = scene;
      const userId = fresh('held-');
      await house.sandbox.seed([{ id: userId, sessions: [] }]);
      const run = await succeeds(requester.api('POST', `${EXECUTIONS}/trigger`, { playbookId: 'expires', userId }));
      await house.settled(run.id);
      const body = { forMinutes: 120, reason: 'a drill' };
      return asAdmin(scene, `${EXECUTIONS}/${run.id}/actions/suspend/extend`, body);
    },
  ],
  [
    `POST ${EXECUTIONS}/trigger`,
    async (scene) => asAdmin(scene, `${EXECUTIONS}/trigger`, { playbookId: 'waits', userId: scene.fresh('user-') }),
  ],
  [
    `POST ${EXECUTIONS}/:id/retry`,
    async (scene) => asAdmin(scene, `${EXECUTIONS}/${await started(scene, 'fails')}/retry`, { reason: 'again' }),
  ],
  [
    `POST ${EXECUTIONS}/:id/cancel`,
    async (scene) => asAdmin(scene, `${EXECUTIONS}/${await started(scene, 'waits')}/cancel`, { reason: 'a drill' }),
  ],
  ['POST /api/notifications/test', async (scene) => asAdmin(scene, '/api/notifications/test', { channel: 'IN_APP' })],
  [
    'POST /api/notifications/deliveries/:id/resend',
    async (scene) => asAdmin(scene, `/api/notifications/deliveries/${await deadLetter(scene)}/resend`),
  ],
  [
    'POST /api/notifications/:id/read',
    async (scene) => asAdmin(scene, `/api/notifications/${await notice(scene)}/read`),
  ],
  [
    'POST /api/notifications/read',
    async (scene) => {
      // One is unread each time, whatever was told before.
      await succeeds(scene.house.admin.api('POST', '/api/notifications/read'));
      await notice(scene);
      return asAdmin(scene, '/api/notifications/read');
    },
  ],
  [`PUT ${PREFERENCES}`, async (scene) => asAdmin(scene, PREFERENCES, NO_MAIL)],
  [
    `POST ${BASE}/approvals/:id/withdraw`,
    async (scene) => {
      const { path } = await voteOfTwo(scene);
      return { api: scene.voter.api, path: `${path}/withdraw`, body: { reason: 'another look' } };
    },
  ],
  [
    'POST /approvals/:id/withdraw',
    async (scene) => {
      const { visitor } = await atBrowser(scene, 'SECURITY_ADMIN');
      const { id } = await voteOfTwo(scene, fromOwnPage(visitor));
      const formToken = fieldOf(await visitor.open('/approvals'), 'formToken');
      return {
        api: sendingForms(visitor),
        path: `/approvals/${id}/withdraw`,
        body: { formToken, withdraw: 'yes', reason: '' },
      };
    },
  ],
  [`POST ${BASE}/approvals/:id/approve`, (scene) => vote(scene, 'approve')],
  [`POST ${BASE}/approvals/:id/deny`, (scene) => vote(scene, 'deny')],
]);

/** A request to the route that succeeds. @throws when nobody said how one is made. */
export async function validRequest(scene: Scene, { method, url }: DeclaredRoute): Promise<ValidRequest> {
  const make = MAKERS.get(`${method} ${url}`);
  if (make === undefined) {
    throw new Error(`${method} ${url} changes state: say in tests/failure/valid-requests.ts how it succeeds`);
  }
  // Somebody may have paused: what the next request needs has to be done first.
  await resumed(scene);
  return { method, ...(await make(scene)) };
}

/**
 * Whatever is not a safe method (RFC 9110 9.2.1) changes state, unless its operation only reads: a question that is too long for an
 * address. That it keeps to that is tested with the safe ones.
 */
export function changesState({ method, operation }: DeclaredRoute): boolean {
  return method !== 'GET' && method !== 'HEAD' && !operation.endsWith('.read');
}

async function resumed({ house, second }: Scene): Promise<void> {
  for (const { api } of [second, house.admin]) {
    const { paused } = await succeeds(api('GET', '/api/guards/pause'));
    if (paused === true) await succeeds(api('POST', '/api/guards/resume', { reason: 'the drill is over' }));
  }
}

function alert({ fresh }: Scene) {
  const time = new Date().toISOString();
  return {
    id: fresh('alert-'),
    kind: 'alert',
    action: 'edr.alert',
    subject: fresh('subject-'),
    severity: 'HIGH',
    time,
  };
}

/** A notice for the administrator alone. */
async function notice({ house }: Scene): Promise<string> {
  return (await succeeds(house.admin.api('POST', '/api/notifications/test', { channel: 'IN_APP' }))).id;
}

/** A mail to an address that no mail can go to: two, to be exact. */
async function deadLetter({ house, fresh }: Scene): Promise<string> {
  const { api } = await house.person('CISO', { email: `${fresh('one')},${fresh('two')}@soc.example` });
  // What guards tell would go the same way, and be told again.
  await succeeds(api('PUT', PREFERENCES, NO_MAIL));
  const { id } = await succeeds(api('POST', '/api/notifications/test', { channel: 'EMAIL' }));
  const list = () => api('GET', '/api/notifications/deliveries?status=DEAD&channel=EMAIL&limit=200');
  return until('the mail is given up', async () => {
    const dead: readonly { readonly id: string }[] = await succeeds(list());
    return dead.some((each) => each.id === id) ? id : null;
  });
}

const RUNBOOK = {
  playbooks: { low: { name: 'Tell the SOC', steps: [{ action: 'notify_soc', requires_approval: false }] } },
};

async function runbook(scene: Scene): Promise<string> {
  const id = scene.fresh('runbook-');
  await succeeds(scene.house.admin.api('PUT', `/api/runbooks/${id}`, RUNBOOK));
  return id;
}

async function playbook(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', BASE, byHand(scene.fresh('playbook-'), [NOTIFY])))).id;
}

/** One vote of two that a request needs, with `api`. */
async function voteOfTwo(scene: Scene, api = scene.voter.api): Promise<{ readonly id: string; readonly path: string }> {
  const playbookId = scene.fresh('two-');
  const { house } = scene;
  await succeeds(house.admin.api('POST', BASE, byHand(playbookId, [{ ...SUSPEND, requiresApproval: false }])));
  const gate = {
    gateName: 'two',
    requiredApprovers: 2,
    approvalRoles: [{ role: 'SECURITY_ADMIN' }],
    triggers: { playbookIds: [playbookId] },
  };
  const policy = { name: playbookId, scope: 'SPECIFIC_PLAYBOOKS', policyGates: [gate] };
  await succeeds(house.admin.api('POST', `${BASE}/policies`, policy));
  const executionId = await started(scene, playbookId);
  const [approval] = await succeeds(house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`));
  const path = `${BASE}/approvals/${approval.id}`;
  await succeeds(api('POST', `${path}/approve`, {}));
  return { id: approval.id, path };
}

async function vote(scene: Scene, verb: 'approve' | 'deny'): Promise<Omit<ValidRequest, 'method'>> {
  const executionId = await started(scene, 'waits');
  const [approval] = await succeeds(scene.house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`));
  return { api: scene.voter.api, path: `${BASE}/approvals/${approval.id}/${verb}`, body: { comment: 'seen' } };
}

/** The token of the link that the voter would get by mail. */
async function linkOf({ house, voter }: Scene, approval: Record<'id' | 'intentHash' | 'expiresAt', string>) {
  const { id: journalId } = await succeeds(house.admin.api('GET', '/api/journal'));
  const key = linkKeyOf(loadLogKey(join(house.dataDir, 'log-key.pem')), journalId);
  const claim = { approvalId: approval.id, userId: voter.id, expiresAt: Date.parse(approval.expiresAt) };
  return answerToken(key, claim, approval.intentHash);
}
