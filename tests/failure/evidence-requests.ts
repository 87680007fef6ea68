import { asAdmin, type Maker } from './scene-parts.ts';
import { succeeds, type Scene } from './scene.ts';

/** How requests about evidence succeed. */
export const EVIDENCE_REQUESTS: readonly (readonly [string, Maker])[] = [
  ['POST /api/evidence', async (scene) => asAdmin(scene, uploadPath(scene), 'bytes')],
  ['POST /api/evidence/:id/download', async (scene) => about(scene, 'download', { reason: 'a drill' })],
  [
    'POST /api/evidence/:id/transfer',
    async (scene) => about(scene, 'transfer', { from: 'us', to: 'the lab', reason: 'a drill' }),
  ],
  ['POST /api/evidence/:id/verify', async (scene) => about(scene, 'verify')],
  [
    'POST /api/evidence/:id/dispose',
    async (scene) => about(scene, 'dispose', { reason: 'a drill', witness: scene.voter.id }),
  ],
  ['POST /api/evidence-holds', async (scene) => asAdmin(scene, '/api/evidence-holds', await holdOf(scene))],
  [
    'POST /api/evidence-holds/:id/release',
    async (scene) => {
      const { id } = await succeeds(scene.house.admin.api('POST', '/api/evidence-holds', await holdOf(scene)));
      return { api: scene.second.api, path: `/api/evidence-holds/${id}/release`, body: { reason: 'a drill' } };
    },
  ],
];

/** Of a kind that may go at any time here. */
function uploadPath({ fresh }: Scene): string {
  return `/api/evidence?kind=screenshot&name=${fresh('screen-')}.png`;
}

async function handedIn(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', uploadPath(scene), 'bytes'))).id;
}

async function about(scene: Scene, verb: string, body?: object) {
  return asAdmin(scene, `/api/evidence/${await handedIn(scene)}/${verb}`, body);
}

async function holdOf(scene: Scene): Promise<object> {
  return { evidenceId: await handedIn(scene), reason: 'a drill' };
}
