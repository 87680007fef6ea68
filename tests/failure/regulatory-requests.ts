import { asAdmin, type Maker } from './scene-parts.ts';
import { succeeds, type Scene } from './scene.ts';

/** How requests about regulatory contacts, and what they are told, succeed. */
export const REGULATORY_REQUESTS: readonly (readonly [string, Maker])[] = [
  [
    'PUT /api/regulatory-contacts/:id',
    async (scene) => asAdmin(scene, '/api/regulatory-contacts/dpo', contactDefinition(scene)),
  ],
  [
    'POST /api/regulatory-contacts/:id/verify',
    async (scene) => {
      const { id, version } = await contact(scene);
      // With a key of their own: whoever saved it has made the first one.
      const { secret } = await succeeds(scene.voter.api('POST', '/api/keys', { name: scene.fresh('own-') }));
      const body = { version, how: 'called back' };
      return { api: scene.house.apiOf(secret), path: `/api/regulatory-contacts/${id}/verify`, body };
    },
  ],
  [
    'POST /api/regulatory-contacts/:id/revoke',
    async (scene) => {
      const { id } = await contact(scene);
      return asAdmin(scene, `/api/regulatory-contacts/${id}/revoke`, { reason: 'a drill' });
    },
  ],
];

function contactDefinition({ fresh }: Scene): object {
  return { name: fresh('The officer '), email: 'dpo@example.org', portal: true };
}

async function contact(scene: Scene): Promise<{ readonly id: string; readonly version: number }> {
  return succeeds(scene.house.admin.api('PUT', '/api/regulatory-contacts/dpo', contactDefinition(scene)));
}
