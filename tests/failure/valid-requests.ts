import { join } from 'node:path';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { answerToken } from '../../src/pipeline/approvals/answer-token.ts';
import { linkKeyOf } from '../../src/start/addresses.ts';
import type { DeclaredRoute } from '../../src/api/route-table.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { until, type Api } from '../support/server.ts';
import { fieldOf, PASSWORD } from '../support/visitor.ts';
import { NO_MAIL, PREFERENCES, succeeds, type Scene } from './scene.ts';
import { atBrowser, fromOwnPage, sendingForms, visitorOf, withPassword } from './scene-visitors.ts';

/** A request that succeeds, and who makes it. */
export interface ValidRequest {
  readonly api: Api;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

type Maker = (scene: Scene) => Promise<Omit<ValidRequest, 'method'>>;
const EXECUTIONS = `${BASE}/executions`;

/**
 * How a request that succeeds is made for each address; everything it needs is made new, so that it succeeds as often
 * as it is asked for. A route that changes state and is not here has no request, and the walk fails.
 */
const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['POST /api/users', async (scene) => asAdmin(scene, '/api/users', newPerson(scene))],
  [
    'PATCH /api/users/:id',
    async (scene) => asAdmin(scene, `/api/users/${await person(scene)}`, { name: 'Another Name' }),
  ],
  ['POST /api/groups', async (scene) => asAdmin(scene, '/api/groups', newGroup(scene))],
  [
    'PATCH /api/groups/:id',
    async (scene) => asAdmin(scene, `/api/groups/${await group(scene)}`, { roles: ['AUDITOR', 'LEGAL'] }),
  ],
  ['DELETE /api/groups/:id', async (scene) => asAdmin(scene, `/api/groups/${await group(scene)}`)],
  [
    'PUT /api/groups/:id/members/:userId',
    async (scene) => asAdmin(scene, `/api/groups/${await group(scene)}/members/${await person(scene)}`),
  ],
  [
    'DELETE /api/groups/:id/members/:userId',
    async (scene) => {
      const path = `/api/groups/${await group(scene)}/members/${await person(scene)}`;
      await succeeds(scene.house.admin.api('PUT', path));
      return asAdmin(scene, path);
    },
  ],
  ['POST /api/roles', async (scene) => asAdmin(scene, '/api/roles', newRole(scene))],
  [
    'PATCH /api/roles/:id',
    async (scene) => asAdmin(scene, `/api/roles/${await role(scene)}`, { operations: ['audit.read'] }),
  ],
  ['DELETE /api/roles/:id', async (scene) => asAdmin(scene, `/api/roles/${await role(scene)}`)],
  ['POST /api/keys', async (scene) => asAdmin(scene, '/api/keys', { userId: await person(scene), name: 'laptop' })],
  [
    'DELETE /api/keys/:id',
    async (scene) => {
      const key = { userId: await person(scene), name: 'laptop' };
      const made = await succeeds(scene.house.admin.api('POST', '/api/keys', key));
      return asAdmin(scene, `/api/keys/${made.id}`);
    },
  ],
  [
    'DELETE /api/sessions/:id',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const { body } = await visitor.api('GET', '/api/sessions');
      return { api: fromOwnPage(visitor), path: `/api/sessions/${body.data[0].id}` };
    },
  ],
  ['POST /api/users/:id/invitations', async (scene) => asAdmin(scene, `/api/users/${await person(scene)}/invitations`)],
  [
    'POST /api/invitations/accept',
    async (scene) => {
      const body = { invitation: await invitation(scene), password: PASSWORD };
      return { api: scene.house.anonymous, path: '/api/invitations/accept', body };
    },
  ],
  [
    'POST /api/password',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const body = { oldPassword: PASSWORD, newPassword: 'another four of nonsense' };
      return { api: fromOwnPage(visitor), path: '/api/password', body };
    },
  ],
  [
    'POST /sign-in',
    async (scene) => {
      const { email } = await withPassword(scene);
      return { api: sendingForms(visitorOf(scene)), path: '/sign-in', body: { email, password: PASSWORD } };
    },
  ],
  [
    'POST /sign-out',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const formToken = fieldOf(await visitor.open('/approvals'), 'formToken');
      return { api: sendingForms(visitor), path: '/sign-out', body: { formToken } };
    },
  ],
  [
    'POST /invitation',
    async (scene) => {
      const body = { invitation: await invitation(scene), password: PASSWORD };
      return { api: sendingForms(visitorOf(scene)), path: '/invitation', body };
    },
  ],
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
    'PATCH /api/incidents/:id',
    async (scene) => {
      const event = alert(scene);
      await succeeds(scene.house.admin.api('POST', '/api/events', event));
      const [incident] = await succeeds(scene.house.admin.api('GET', `/api/incidents?userId=${event.subject}`));
      return asAdmin(scene, `/api/incidents/${incident.id}`, { status: 'ACKNOWLEDGED' });
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
    'PUT /api/guards/protected-identities',
    async (scene) => {
      const identities = [{ id: scene.fresh('protected-'), reason: 'a drill' }];
      return asAdmin(scene, '/api/guards/protected-identities', { identities });
    },
  ],
  ['POST /api/exemptions', async (scene) => asAdmin(scene, '/api/exemptions', await exemption(scene))],
  [
    'POST /api/exemptions/:id/confirm',
    async (scene) => {
      const { id, hash } = await proposed(scene);
      // With a key of their own: who proposed it has made the first one.
      const { secret } = await succeeds(scene.voter.api('POST', '/api/keys', { name: scene.fresh('own-') }));
      return { api: scene.house.apiOf(secret), path: `/api/exemptions/${id}/confirm`, body: { hash } };
    },
  ],
  [
    'POST /api/exemptions/:id/revoke',
    async (scene) => asAdmin(scene, `/api/exemptions/${(await proposed(scene)).id}/revoke`, { reason: 'a drill' }),
  ],
  [
    'PUT /api/guards/blast-radius',
    async (scene) => {
      const limits = [{ actionType: 'ENHANCED_LOGGING', perHour: Number(scene.fresh('')) }];
      return asAdmin(scene, '/api/guards/blast-radius', { limits });
    },
  ],
  ['POST /api/guards/pause', async (scene) => asAdmin(scene, '/api/guards/pause', { reason: scene.fresh('drill ') })],
  [
    'POST /api/guards/resume',
    async (scene) => {
      await succeeds(scene.house.admin.api('POST', '/api/guards/pause', { reason: 'a drill' }));
      return asAdmin(scene, '/api/guards/resume', { reason: scene.fresh('over ') });
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
  ['POST /api/delegations', async (scene) => asAdmin(scene, '/api/delegations', await delegation(scene))],
  [
    'POST /api/delegations/:id/revoke',
    async (scene) => {
      const made = await succeeds(scene.house.admin.api('POST', '/api/delegations', await delegation(scene)));
      // Of one person there may be only so many.
      return asAdmin(scene, `/api/delegations/${made.id}/revoke`, { reason: 'back again' });
    },
  ],
  [
    'PUT /api/oncall/schedules/:id',
    async (scene) => {
      const layers = [{ people: [scene.voter.id], startsAt: '2026-01-05T09:00:00', rotationDays: 7 }];
      return asAdmin(scene, '/api/oncall/schedules/primary', { name: scene.fresh('turns '), layers });
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

function asAdmin({ house }: Scene, path: string, body?: unknown): Omit<ValidRequest, 'method'> {
  return { api: house.admin.api, path, body };
}

/** From a gate that nothing else here meets. */
async function exemption(scene: Scene): Promise<object> {
  const gate = { ...POLICY.policyGates[0], gateName: 'own', triggers: { playbookIds: ['nobody runs it'] } };
  const given = { name: scene.fresh('policy-'), scope: 'SPECIFIC_PLAYBOOKS', policyGates: [gate] };
  const policy = await succeeds(scene.house.admin.api('POST', `${BASE}/policies`, given));
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const appliesTo = { userIds: [scene.fresh('user-')] };
  return { policyId: policy.id, gateName: 'own', appliesTo, reason: 'a drill', expiresAt };
}

async function proposed(scene: Scene) {
  return succeeds(scene.house.admin.api('POST', '/api/exemptions', await exemption(scene)));
}

function newPerson({ fresh }: Scene): object {
  return { kind: 'person', name: 'New', email: `${fresh('new')}@soc.example`, roles: ['AUDITOR'] };
}

function newGroup({ fresh }: Scene): object {
  return { name: fresh('group '), roles: ['AUDITOR'] };
}

async function group(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/groups', newGroup(scene)))).id;
}

function newRole({ fresh }: Scene): object {
  return { name: fresh('ROLE_'), operations: ['incident.read'] };
}

async function role(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/roles', newRole(scene)))).id;
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
  const { id } = await succeeds(api('POST', '/api/notifications/test', { channel: 'EMAIL' }));
  const list = () => api('GET', '/api/notifications/deliveries?status=DEAD&channel=EMAIL&limit=200');
  return until('the mail is given up', async () => {
    const dead: readonly { readonly id: string }[] = await succeeds(list());
    return dead.some((each) => each.id === id) ? id : null;
  });
}

async function person(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/users', newPerson(scene)))).id;
}

async function invitation(scene: Scene): Promise<string> {
  const path = `/api/users/${await person(scene)}/invitations`;
  return (await succeeds(scene.house.admin.api('POST', path))).secret;
}

async function playbook(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', BASE, byHand(scene.fresh('playbook-'), [NOTIFY])))).id;
}

/** An execution that waits for people, or has failed, whichever its playbook does. */
async function started({ house, requester, fresh }: Scene, playbookId: string): Promise<string> {
  const body = { playbookId, userId: fresh('user-') };
  const run = await succeeds(requester.api('POST', `${EXECUTIONS}/trigger`, body));
  await house.settled(run.id);
  return run.id;
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

/** From the administrator to somebody new; those before are ended, since one person may have only so many. */
async function delegation(scene: Scene): Promise<object> {
  const { api, id } = scene.house.admin;
  for (const { id: before, status } of await succeeds(api('GET', `/api/delegations?delegatorId=${id}&limit=200`)))
    if (status === 'ACTIVE') await succeeds(api('POST', `/api/delegations/${before}/revoke`, {}));
  const until = new Date(Date.now() + 3_600_000).toISOString();
  return { delegateId: await person(scene), reason: 'on a train', until };
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
