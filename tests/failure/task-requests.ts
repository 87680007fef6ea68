import { asAdmin, type Maker } from './scene-parts.ts';
import { succeeds, type Scene } from './scene.ts';

/** How requests about tasks and lawful bases succeed. */
export const TASK_REQUESTS: readonly (readonly [string, Maker])[] = [
  ['PUT /api/lawful-basis', async (scene) => asAdmin(scene, '/api/lawful-basis', { entries: [] })],
  ['POST /api/tasks', async (scene) => asAdmin(scene, '/api/tasks', newTask(scene))],
  ['POST /api/tasks/:id/claim', async (scene) => asAdmin(scene, `/api/tasks/${await opened(scene)}/claim`)],
  ['POST /api/tasks/:id/release', async (scene) => onClaimed(scene, 'release')],
  [
    'POST /api/tasks/:id/assign',
    async (scene) => asAdmin(scene, `/api/tasks/${await opened(scene)}/assign`, { userId: scene.house.admin.id }),
  ],
  ['PUT /api/tasks/:id/draft', async (scene) => onClaimed(scene, 'draft', { draft: scene.fresh('# Draft ') })],
  ['PUT /api/tasks/:id/due', async (scene) => onClaimed(scene, 'due', { dueAt: tomorrow() })],
  ['POST /api/tasks/:id/comments', async (scene) => onClaimed(scene, 'comments', { text: scene.fresh('seen ') })],
  ['POST /api/tasks/:id/finish', async (scene) => onClaimed(scene, 'finish', { note: 'done' })],
  ['POST /api/tasks/:id/drop', async (scene) => onClaimed(scene, 'drop', { reason: 'not needed' })],
];

function newTask(scene: Scene) {
  return { title: scene.fresh('task '), draft: '# Draft', roles: ['LEGAL'] };
}

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString();
}

async function opened(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/tasks', newTask(scene)))).id;
}

async function onClaimed(scene: Scene, what: string, body?: object): ReturnType<Maker> {
  const id = await opened(scene);
  await succeeds(scene.house.admin.api('POST', `/api/tasks/${id}/claim`));
  return asAdmin(scene, `/api/tasks/${id}/${what}`, body);
}
