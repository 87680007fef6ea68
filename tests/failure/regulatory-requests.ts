import type { Api, Body } from '../support/server.ts';
import { fieldOf, type Visitor } from '../support/visitor.ts';
import { asAdmin, type Maker } from './scene-parts.ts';
import { atBrowser, visitorOf } from './scene-visitors.ts';
import { succeeds, type Scene } from './scene.ts';

/** How requests about regulatory contacts, and what they are told, succeed. */
export const REGULATORY_REQUESTS: readonly (readonly [string, Maker])[] = [
  [
    'POST /api/person-exports',
    async (scene) => asAdmin(scene, '/api/person-exports', { account: scene.fresh('asks-'), reason: 'asked for' }),
  ],
  ['POST /api/erasures', async (scene) => asAdmin(scene, '/api/erasures', erasureOf(scene))],
  [
    'POST /api/erasures/:id/confirm',
    async (scene) => {
      const { id } = await succeeds(scene.house.admin.api('POST', '/api/erasures', erasureOf(scene)));
      return { api: scene.alone, path: `/api/erasures/${id}/confirm` };
    },
  ],
  [
    'POST /api/erasures/:id/withdraw',
    async (scene) => {
      const { id } = await succeeds(scene.house.admin.api('POST', '/api/erasures', erasureOf(scene)));
      return asAdmin(scene, `/api/erasures/${id}/withdraw`, { reason: 'a drill' });
    },
  ],
  [
    'PUT /api/regulatory-contacts/:id',
    async (scene) => asAdmin(scene, '/api/regulatory-contacts/dpo', contactDefinition(scene)),
  ],
  [
    'POST /api/regulatory-contacts/:id/verify',
    async (scene) => {
      const { id, version } = await contact(scene);
      const body = { version, how: 'called back' };
      return { api: scene.alone, path: `/api/regulatory-contacts/${id}/verify`, body };
    },
  ],
  [
    'POST /api/regulatory-contacts/:id/revoke',
    async (scene) => {
      const { id } = await contact(scene);
      return asAdmin(scene, `/api/regulatory-contacts/${id}/revoke`, { reason: 'a drill' });
    },
  ],
  ['POST /api/notification-drafts', async (scene) => asAdmin(scene, DRAFTS, await newDraft(scene))],
  [
    'PUT /api/notification-drafts/:id',
    async (scene) => {
      const { id, sections, version } = await draft(scene);
      const api = withVersion(scene.house.admin.api, version);
      return { api, path: `${DRAFTS}/${id}`, body: { title: scene.fresh('Draft '), sections } };
    },
  ],
  [
    'POST /api/notification-drafts/:id/approve',
    async (scene) => {
      const { id, hash } = await draft(scene);
      return { api: scene.second.api, path: `${DRAFTS}/${id}/approve`, body: { hash } };
    },
  ],
  [
    'POST /api/notification-drafts/:id/submissions',
    async (scene) => {
      const { id, hash } = await draft(scene);
      await succeeds(scene.second.api('POST', `${DRAFTS}/${id}/approve`, { hash }));
      const proof = { hash, reference: scene.fresh('ref-'), submittedAt: new Date().toISOString() };
      return asAdmin(scene, `${DRAFTS}/${id}/submissions`, proof);
    },
  ],
  [
    'POST /api/notification-drafts/:id/tell',
    async (scene) => asAdmin(scene, `${DRAFTS}/${(await draft(scene)).id}/tell`, { channels: ['SECURE_PORTAL'] }),
  ],
  [
    'POST /api/notification-drafts/:id/withdraw',
    async (scene) => asAdmin(scene, `${DRAFTS}/${(await draft(scene)).id}/withdraw`, { reason: 'a drill' }),
  ],
  [
    'POST /api/portal-messages/:id/code',
    async (scene) => asAdmin(scene, `${MESSAGES}/${(await message(scene)).id}/code`, {}),
  ],
  [
    'POST /api/portal-messages/:id/revoke',
    async (scene) => asAdmin(scene, `${MESSAGES}/${(await message(scene)).id}/revoke`, { reason: 'a drill' }),
  ],
  [
    'POST /portal/:token',
    async (scene) => {
      const { id, link } = await message(scene);
      const { code } = await succeeds(scene.house.admin.api('POST', `${MESSAGES}/${id}/code`));
      return { api: openingPages(visitorOf(scene)), path: new URL(link).pathname, body: { code } };
    },
  ],
  [
    'POST /messages/:id',
    async (scene) => {
      const { visitor, id: userId } = await atBrowser(scene, 'COMPLIANCE_OFFICER');
      const { id } = await message(scene, userId);
      const formToken = fieldOf(await visitor.open(`/messages/${id}`), 'formToken');
      return { api: openingPages(visitor), path: `/messages/${id}`, body: { formToken } };
    },
  ],
];

function erasureOf(scene: Scene): object {
  return { account: scene.fresh('forgotten-'), reason: 'asked for' };
}

const DRAFTS = '/api/notification-drafts';
const MESSAGES = '/api/portal-messages';

function contactDefinition({ fresh }: Scene): object {
  // Of a regime that no draft is of: nobody else is told here.
  return { name: fresh('The officer '), email: 'dpo@example.org', portal: true, regimes: ['NONE'] };
}

async function contact(scene: Scene): Promise<{ readonly id: string; readonly version: number }> {
  return succeeds(scene.house.admin.api('PUT', '/api/regulatory-contacts/dpo', contactDefinition(scene)));
}

async function newDraft(scene: Scene): Promise<{ readonly incidentId: string; readonly regime: string }> {
  const subject = scene.fresh('regulated-');
  const time = new Date().toISOString();
  const event = {
    id: scene.fresh('regulated-alert-'),
    kind: 'alert',
    action: 'edr.alert',
    subject,
    severity: 'HIGH',
    time,
  };
  await succeeds(scene.house.admin.api('POST', '/api/events', event));
  const [incident] = await succeeds(scene.house.admin.api('GET', `/api/incidents?userId=${subject}`));
  return { incidentId: incident.id, regime: 'GDPR' };
}

async function draft(scene: Scene) {
  return succeeds(scene.house.admin.api('POST', DRAFTS, await newDraft(scene)));
}

/** A message that waits for a contact whom no other draft concerns. @param userId whose account the contact has. */
async function message(scene: Scene, userId?: string): Promise<{ readonly id: string; readonly link: string }> {
  const { api } = scene.house.admin;
  const id = scene.fresh('contact-');
  const regime = id.toUpperCase();
  const own = userId === undefined ? {} : { userId };
  const definition = { name: 'A contact', email: 'dpo@example.org', portal: true, regimes: [regime], ...own };
  const { version } = await succeeds(api('PUT', `/api/regulatory-contacts/${id}`, definition));
  const verification = { version, how: 'called back' };
  await succeeds(scene.alone('POST', `/api/regulatory-contacts/${id}/verify`, verification));
  const made = await succeeds(api('POST', DRAFTS, { ...(await newDraft(scene)), regime }));
  await succeeds(api('POST', `${DRAFTS}/${made.id}/tell`, { channels: ['SECURE_PORTAL'] }));
  const waiting = await succeeds(api('GET', `${MESSAGES}?draftId=${made.id}`));
  return waiting.find((each: { readonly contactId: string }) => each.contactId === id);
}

/** Forms that are answered by a page. */
function openingPages(visitor: Visitor): Api {
  return async (_method, path, body, sent = {}) => {
    const fields = body as Readonly<Record<string, string>>; // the forms above
    const asked = { stay: true, headers: { accept: '*/*', ...sent } };
    const { status, headers, text } = await visitor.send(path, fields, asked);
    const isPage = headers.get('content-type')?.startsWith('text/html') === true;
    return { status, headers, text, body: isPage ? {} : (JSON.parse(text) as Body) }; // what the API says of a refusal
  };
}

function withVersion(api: Api, version: number): Api {
  return (method, path, body, headers = {}) => api(method, path, body, { 'if-match': `"${version}"`, ...headers });
}
