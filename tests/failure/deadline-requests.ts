import { asAdmin, started, type Maker, EXECUTIONS } from './scene-parts.ts';
import { succeeds, type Scene } from './scene.ts';

/** How requests about regulatory clocks succeed. The rule counts by no calendar. */
export const DEADLINE_REQUESTS: readonly (readonly [string, Maker])[] = [
  [
    'POST /api/deadlines',
    async (scene) =>
      asAdmin(scene, '/api/deadlines', { ruleId: 'uk-gdpr-33', incidentId: await incident(scene), event: event() }),
  ],
  [
    'POST /api/deadlines/:id/events',
    async (scene) => asAdmin(scene, `/api/deadlines/${await clock(scene)}/events`, event()),
  ],
  [
    'POST /api/deadlines/:id/extend',
    async (scene) => {
      const id = await clock(scene);
      const { stages } = await succeeds(scene.house.admin.api('GET', `/api/deadlines/${id}`));
      const until = new Date(Date.parse(stages[0].dueAt) + 86_400_000).toISOString();
      return asAdmin(scene, `/api/deadlines/${id}/extend`, { stage: 'notification', until, ...GRANT });
    },
  ],
  [
    'POST /api/deadlines/:id/pause',
    async (scene) => asAdmin(scene, `/api/deadlines/${await clock(scene)}/pause`, GRANT),
  ],
  [
    'POST /api/deadlines/:id/resume',
    async (scene) => {
      const id = await clock(scene);
      await succeeds(scene.house.admin.api('POST', `/api/deadlines/${id}/pause`, GRANT));
      return asAdmin(scene, `/api/deadlines/${id}/resume`, GRANT);
    },
  ],
  [
    'POST /api/deadlines/:id/submit',
    async (scene) => {
      const { at } = event();
      const body = { stage: 'notification', at, reference: scene.fresh('ICO-'), person: 'Ada' };
      return asAdmin(scene, `/api/deadlines/${await clock(scene)}/submit`, body);
    },
  ],
  [
    'POST /api/deadlines/:id/not-applicable',
    async (scene) =>
      asAdmin(scene, `/api/deadlines/${await clock(scene)}/not-applicable`, { reason: 'no data', person: 'Ada' }),
  ],
  [
    'POST /api/deadline-rules/:id/confirm',
    async (scene) =>
      asAdmin(scene, '/api/deadline-rules/ch-isg/confirm', { reason: scene.fresh('read '), reference: 'ISG' }),
  ],
  [
    'PUT /api/deadline-settings',
    async (scene) => asAdmin(scene, '/api/deadline-settings', { answers: { card_data: 'yes' } }),
  ],
  [
    'PUT /api/deadline-applicability/:id',
    async (scene) => asAdmin(scene, `/api/deadline-applicability/${await incident(scene)}`, { personal_data: 'yes' }),
  ],
  [
    'PUT /api/breach-register/:id',
    async (scene) => asAdmin(scene, `/api/breach-register/${await incident(scene)}`, { facts: scene.fresh('fact ') }),
  ],
];

const GRANT = { reason: 'a drill', approver: 'Grace' };

/** An event of a minute ago. */
function event() {
  return { kind: 'aware', at: new Date(Date.now() - 60_000).toISOString(), reason: 'seen in the log' };
}

/** A new incident: that of an execution of its own. */
async function incident(scene: Scene): Promise<string> {
  const execution = await started(scene, 'waits');
  return (await succeeds(scene.house.admin.api('GET', `${EXECUTIONS}/${execution}`))).incidentId;
}

async function clock(scene: Scene): Promise<string> {
  const body = { ruleId: 'uk-gdpr-33', incidentId: await incident(scene), event: event() };
  return (await succeeds(scene.house.admin.api('POST', '/api/deadlines', body))).id;
}
