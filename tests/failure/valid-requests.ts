import type { DeclaredRoute } from '../../src/api/route-table.ts';
import { BASE, byHand, NOTIFY, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import type { Api, Harness, Person } from '../support/server.ts';

/** A request that succeeds, and who makes it. */
export interface ValidRequest {
  readonly api: Api;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** A server with people and playbooks, about which requests can be made. */
export interface Scene {
  readonly house: Harness;
  /** Started executions, but neither wrote their playbooks nor votes. */
  readonly requester: Person;
  readonly voter: Person;
  /** Has a key that nobody else has seen: the second of two people. */
  readonly second: Person;
  /** A text that was not given out before. */
  fresh(prefix: string): string;
}

export async function sceneAt(house: Harness): Promise<Scene> {
  const [requester, voter, other] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
    house.person('CISO'),
  ]);
  const key = (await succeeds(other.api('POST', '/api/keys', { name: 'own' }))).secret;
  const second = { ...other, key, api: house.apiOf(key) };
  const failing = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
  for (const playbook of [byHand('waits', [SUSPEND_APPROVED]), byHand('fails', [failing])]) {
    await succeeds(house.admin.api('POST', BASE, playbook));
  }
  let given = 0;
  return { house, requester, voter, second, fresh: (prefix) => `${prefix}${(given += 1)}` };
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
  ['POST /api/keys', async (scene) => asAdmin(scene, '/api/keys', { userId: await person(scene), name: 'laptop' })],
  [
    'DELETE /api/keys/:id',
    async (scene) => {
      const key = { userId: await person(scene), name: 'laptop' };
      const made = await succeeds(scene.house.admin.api('POST', '/api/keys', key));
      return asAdmin(scene, `/api/keys/${made.id}`);
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

function newPerson({ fresh }: Scene): object {
  return { kind: 'person', name: 'New', email: `${fresh('new')}@soc.example`, roles: ['AUDITOR'] };
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

async function person(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/users', newPerson(scene)))).id;
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

async function vote(scene: Scene, verb: 'approve' | 'deny'): Promise<Omit<ValidRequest, 'method'>> {
  const executionId = await started(scene, 'waits');
  const [approval] = await succeeds(scene.house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`));
  return { api: scene.voter.api, path: `${BASE}/approvals/${approval.id}/${verb}`, body: { comment: 'seen' } };
}

async function succeeds(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`the test could not be prepared: ${status} ${text}`);
  return body.data;
}
