import { BASE } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import type { Person } from '../support/server.ts';
import { asAdmin, started, type Maker } from './scene-parts.ts';
import { QUIET, quietNow, succeeds, type Scene } from './scene.ts';

/** How requests about guards, and about exceptions from them, succeed. */
export const GUARD_REQUESTS: readonly (readonly [string, Maker])[] = [
  [
    'PUT /api/guards/protected-identities',
    async (scene) => {
      const present = await succeeds(scene.house.admin.api('GET', '/api/guards/protected-identities'));
      const identities = [...present.identities, { id: scene.fresh('protected-'), reason: 'a drill' }];
      return asAdmin(scene, '/api/guards/protected-identities', { identities });
    },
  ],
  [
    'POST /api/guards/break-glass',
    async (scene) => asAdmin(scene, '/api/guards/break-glass', await declaration(scene)),
  ],
  [
    'POST /api/guards/break-glass/confirm',
    async (scene) => ({
      api: scene.second.api,
      path: '/api/guards/break-glass/confirm',
      body: { hash: (await declared(scene)).hash },
    }),
  ],
  [
    'POST /api/guards/break-glass/revoke',
    async (scene) => {
      await declared(scene);
      return asAdmin(scene, '/api/guards/break-glass/revoke', { reason: 'a drill' });
    },
  ],
  [
    `POST ${BASE}/approvals/:id/break-glass`,
    async (scene) => {
      const { user, body, path } = await breakable(scene);
      return { api: user.api, path, body };
    },
  ],
  [
    'POST /api/break-glass/:id/review',
    async (scene) => {
      const { user, body, path } = await breakable(scene);
      const { id } = await succeeds(user.api('POST', path, body));
      return { api: scene.second.api, path: `/api/break-glass/${id}/review`, body: { note: 'a drill' } };
    },
  ],
  ['POST /api/exemptions', async (scene) => asAdmin(scene, '/api/exemptions', await exemption(scene))],
  [
    'POST /api/exemptions/:id/confirm',
    async (scene) => {
      const { id, hash } = await proposed(scene);
      return { api: scene.alone, path: `/api/exemptions/${id}/confirm`, body: { hash } };
    },
  ],
  [
    'POST /api/exemptions/:id/revoke',
    async (scene) => asAdmin(scene, `/api/exemptions/${(await proposed(scene)).id}/revoke`, { reason: 'a drill' }),
  ],
  [
    'PUT /api/guards/blast-radius',
    async (scene) => {
      return asAdmin(scene, '/api/guards/blast-radius', { limits: await limitsAt(scene, -1) });
    },
  ],
  [
    'POST /api/changes/:id/confirm',
    async (scene) => {
      const { id, hash } = await proposedChange(scene);
      return { api: scene.alone, path: `/api/changes/${id}/confirm`, body: { hash } };
    },
  ],
  [
    'POST /api/changes/:id/reject',
    async (scene) => asAdmin(scene, `/api/changes/${(await proposedChange(scene)).id}/reject`, { reason: 'a drill' }),
  ],
  [
    'PUT /api/guards/decision-matrix',
    async (scene) => {
      const { cells: present } = await succeeds(scene.house.admin.api('GET', '/api/guards/decision-matrix'));
      const cells = present.map((cell: object) => ({ ...cell, requiredAction: scene.fresh('drill ') }));
      return asAdmin(scene, '/api/guards/decision-matrix', { cells });
    },
  ],
  ['PUT /api/vendors/:id', async (scene) => asAdmin(scene, `/api/vendors/${scene.fresh('v')}`, VENDOR)],
  [
    'POST /api/vendors/:id/escalate',
    async (scene) => {
      const { vendor, incidentId } = await touching(scene);
      return asAdmin(scene, `/api/vendors/${vendor}/escalate`, { incidentId });
    },
  ],
  [
    'POST /api/vendors/escalations/:id/acknowledge',
    async (scene) => {
      const { vendor, incidentId } = await touching(scene);
      const { id } = await succeeds(scene.house.admin.api('POST', `/api/vendors/${vendor}/escalate`, { incidentId }));
      return asAdmin(scene, `/api/vendors/escalations/${id}/acknowledge`, { note: 'a drill' });
    },
  ],
  [
    'PUT /api/inventory',
    async (scene) =>
      asAdmin(scene, '/api/inventory', { assets: [{ type: 'host', id: scene.fresh('host-'), criticality: 'LOW' }] }),
  ],
  [
    'PUT /api/guards/quiet-hours',
    async (scene) => {
      const guard = { ...quietNow(), below: Number(scene.fresh('')) % 2 === 0 ? 'HIGH' : 'MEDIUM' };
      return asAdmin(scene, QUIET, guard);
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
];

const VENDOR = { name: 'Drill', escalation: [{ afterMinutes: 60, roles: ['SECURITY_ADMIN'] }] };

/** A vendor, and an incident of somebody else. */
async function touching(scene: Scene): Promise<{ readonly vendor: string; readonly incidentId: string }> {
  const vendor = scene.fresh('v');
  await succeeds(scene.house.admin.api('PUT', `/api/vendors/${vendor}`, VENDOR));
  const subject = scene.fresh('somebody-');
  const event = { id: subject, kind: 'alert', time: new Date().toISOString(), subject };
  await succeeds(scene.house.admin.api('POST', '/api/events?format=firebreak', event));
  const [incident] = await succeeds(scene.house.admin.api('GET', `/api/incidents?userId=${subject}`));
  return { vendor, incidentId: incident.id };
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

/** Who may decide alone; somebody new each time, so that no day is used up. */
async function declaration(scene: Scene, user?: Person): Promise<object> {
  const { id } = user ?? (await scene.house.person('LEGAL'));
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const what = { actionTypes: ['ACCOUNT_SUSPEND'], maxRiskLevel: 'CRITICAL', usesPerDay: 10 };
  return { people: [id], ...what, reason: scene.fresh('a drill '), expiresAt };
}

async function declared(scene: Scene, user?: Person): Promise<{ readonly hash: string }> {
  const given = await declaration(scene, user);
  return (await succeeds(scene.house.admin.api('POST', '/api/guards/break-glass', given))).proposal;
}

/** A request that somebody may decide alone, and the body with which they do. */
async function breakable(scene: Scene) {
  const user = await scene.house.person('LEGAL');
  const { hash } = await declared(scene, user);
  await succeeds(scene.second.api('POST', '/api/guards/break-glass/confirm', { hash }));
  const executionId = await started(scene, 'waits');
  const { body: listed } = await user.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  const { id, intentHash } = listed.data[0];
  const body = { intentHash, reason: 'nobody who may approve answers' };
  return { user, body, path: `${BASE}/approvals/${id}/break-glass` };
}

/** The limits in force, each moved by so much. */
async function limitsAt({ house }: Scene, by: number): Promise<readonly object[]> {
  const { limits } = await succeeds(house.admin.api('GET', '/api/guards/blast-radius'));
  const present: readonly { readonly actionType: string; readonly perHour: number }[] = limits;
  return present.map(({ actionType, perHour }) => ({ actionType, perHour: perHour + by }));
}

/** Higher limits, which wait for a second person. */
async function proposedChange(scene: Scene) {
  const body = { limits: await limitsAt(scene, 1) };
  return succeeds(scene.house.admin.api('PUT', '/api/guards/blast-radius', body));
}
