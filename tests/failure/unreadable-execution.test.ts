import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from 'better-sqlite3';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startHarness, until, type Harness } from '../support/server.ts';

let house: Harness;
beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed(['p1', 'p2'].map((id) => ({ id, sessions: [] })));
  const playbook = byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]);
  expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterAll(() => house.stop());

const execution = async (id: string) => house.admin.api('GET', `${BASE}/executions/${id}`);
const guard = (verb: string) => house.admin.api('POST', `/api/guards/${verb}`, { reason: 'a test' });

/** One that waits for the end of a pause: it owes something. */
async function waiting(userId: string): Promise<string> {
  const { body } = await house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'suspends', userId });
  const id: string = body.data.executionId;
  await until('its call is kept back', async () => {
    const { stages } = (await execution(id)).body.data;
    return stages[0].actions[0].phase === 'paused' ? id : null;
  });
  return id;
}

function spoil(database: Database, executionId: string): void {
  database.exec(`drop trigger records_are_immutable;
    update records set bytes = replace(bytes, '"at":', '"at":x')
    where no = (select min(r.no) from records r join streams s on s.no = r.stream where s.name = 'execution/${executionId}')`);
}

it('a server starts with an execution that cannot be read, and goes on with all others', async () => {
  const second = await house.person('CISO');
  await guard('pause');
  const [spoiled, sound] = [await waiting('p1'), await waiting('p2')];
  await house.restart(() => spoil(house.database(), spoiled));
  expect((await execution(spoiled)).status).toBe(503);
  expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
  const health = await house.anonymous('GET', '/health/incident-playbooks');
  expect(health.status).toBe(503);
  expect(health.body).toMatchObject({ status: 'unhealthy', executions: { stuck: 1 } });
  await guard('resume');
  await second.api('POST', '/api/guards/resume', { reason: 'a test' });
  expect(await house.settled(sound)).toMatchObject({ status: 'COMPLETED' });
});
