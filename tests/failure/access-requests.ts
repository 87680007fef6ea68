import { SITE } from '../support/passkeys.ts';
import { softwareAuthenticator } from '../support/software-authenticator.ts';
import { fieldOf, PASSWORD } from '../support/visitor.ts';
import { asAdmin, newPerson, person, type Maker, type ValidRequest } from './scene-parts.ts';
import { succeeds, type Scene } from './scene.ts';
import { atBrowser, fromOwnPage, sendingForms, visitorOf, withPasskey, withPassword } from './scene-visitors.ts';

/** How requests about people, their credentials and their turns succeed. */
export const ACCESS_REQUESTS: readonly (readonly [string, Maker])[] = [
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
  [
    'POST /api/passkeys',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const { nonce, publicKey } = await succeeds(visitor.api('GET', '/api/passkeys/options'));
      const body = { name: 'a key', nonce, response: softwareAuthenticator(SITE).create(publicKey) };
      return { api: fromOwnPage(visitor), path: '/api/passkeys', body };
    },
  ],
  ['PATCH /api/passkeys/:id', (scene) => ownPasskey(scene, { name: 'another name' })],
  ['DELETE /api/passkeys/:id', (scene) => ownPasskey(scene)],
  [
    'DELETE /api/users/:id/passkeys/:passkeyId',
    async (scene) => {
      const { passkey } = await withPasskey(scene);
      return asAdmin(scene, `/api/users/${passkey.userId}/passkeys/${passkey.id}`);
    },
  ],
  [
    'POST /account/passkeys',
    async (scene) => {
      const { visitor, passkey } = await withPasskey(scene);
      const formToken = fieldOf(await visitor.open('/account'), 'formToken');
      const body = { formToken, id: passkey.id, name: 'another name', change: 'rename' };
      return { api: sendingForms(visitor), path: '/account/passkeys', body };
    },
  ],
  [
    'POST /account/sessions',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const formToken = fieldOf(await visitor.open('/account'), 'formToken');
      const [{ id }] = await succeeds(visitor.api('GET', '/api/sessions'));
      return { api: sendingForms(visitor), path: '/account/sessions', body: { formToken, id } };
    },
  ],
  [
    'POST /account/password',
    async (scene) => {
      const { visitor } = await atBrowser(scene);
      const formToken = fieldOf(await visitor.open('/account'), 'formToken');
      const body = { formToken, oldPassword: PASSWORD, newPassword: 'another four of nonsense' };
      return { api: sendingForms(visitor), path: '/account/password', body };
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
];

async function ownPasskey(scene: Scene, body?: object): Promise<Omit<ValidRequest, 'method'>> {
  const { visitor, passkey } = await withPasskey(scene);
  return { api: fromOwnPage(visitor), path: `/api/passkeys/${passkey.id}`, body };
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

async function invitation(scene: Scene): Promise<string> {
  const path = `/api/users/${await person(scene)}/invitations`;
  return (await succeeds(scene.house.admin.api('POST', path))).secret;
}

/** From the administrator to somebody new; those before are ended, since one person may have only so many. */
async function delegation(scene: Scene): Promise<object> {
  const { api, id } = scene.house.admin;
  for (const { id: before, status } of await succeeds(api('GET', `/api/delegations?delegatorId=${id}&limit=200`)))
    if (status === 'ACTIVE') await succeeds(api('POST', `/api/delegations/${before}/revoke`, {}));
  const until = new Date(Date.now() + 3_600_000).toISOString();
  return { delegateId: await person(scene), reason: 'on a train', until };
}
