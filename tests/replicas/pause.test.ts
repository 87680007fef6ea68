import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAUSE_BOUND_MS } from '../../src/pipeline/guards/pause-watch.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { settledAt, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until, type Api } from '../support/server.ts';

/** Two servers on one database: a pause that one is told holds in the other within the figure that is promised. */

const shared = sharedCluster();
afterAll(() => shared.remove());

/** What a call that began in time may take until its effect is seen here, in ms of machine time. */
const ON_THE_WAY_MS = 500;

describe.skipIf(shared.skip !== null)('a pause with two servers on one database', () => {
  let house: Replicas;
  let staff: Staff;
  let here: Replica;
  let there: Replica;
  let second: { readonly key: string };
  let count = 0;

  beforeAll(async () => {
    house = await startReplicas(shared);
    [here, there] = await Promise.all([house.inProcess(), house.inProcess()]);
    staff = await house.setUp(here);
    const ciso = await staff.person('CISO');
    second = { key: (await ciso.api('POST', '/api/keys', { name: 'own' })).body.data.secret };
    await house.company.seed(Array.from({ length: 2_000 }, (_, index) => ({ id: `u${index}`, sessions: [] })));
    const playbook = byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]);
    expect((await staff.admin.api('POST', BASE, playbook)).status).toBe(201);
    // It does in seconds what no hour may do without a person.
    expect((await staff.admin.api('PUT', '/api/guards/blast-radius', { limits: [] })).status).toBe(200);
  });
  afterAll(() => house?.remove());

  const admin = (replica: Replica): Api => replica.apiOf(staff.admin.key);
  async function trigger(replica: Replica): Promise<string> {
    count += 1;
    const body = { playbookId: 'suspends', userId: `u${count}` };
    const run = await admin(replica)('POST', `${BASE}/executions/trigger`, body);
    expect(run.status).toBeLessThan(300);
    return run.body.data.executionId;
  }
  const effects = async (): Promise<number> => (await house.company.effects()).length;

  it('holds at once where it was said, and within the bound where it was not', async () => {
    for (const replica of [here, there])
      expect(await settledAt(admin(replica), await trigger(replica))).toMatchObject({ status: 'COMPLETED' });
    // The other one is at work all the time.
    let busy = true;
    const started: string[] = [];
    const work = (async () => {
      while (busy) started.push(await trigger(there));
    })();
    await until('it works', async () => ((await effects()) > 5 ? true : null));
    expect((await admin(here)('POST', '/api/guards/pause', { reason: 'drill' })).status).toBe(200);
    const saidAt = performance.now();
    const ownRun = await trigger(here);
    let last = { at: saidAt, count: await effects() };
    while (performance.now() < saidAt + PAUSE_BOUND_MS + 2 * ON_THE_WAY_MS) {
      const seen = await effects();
      if (seen > last.count) last = { at: performance.now(), count: seen };
    }
    busy = false;
    await work;
    expect(last.at - saidAt).toBeLessThan(PAUSE_BOUND_MS + ON_THE_WAY_MS);
    for (const id of [ownRun, started.at(-1) ?? '']) {
      await until('it is kept back', async () => {
        const { body } = await admin(there)('GET', `${BASE}/executions/${id}`);
        return body.data.stages[0].actions[0].phase === 'paused' ? true : null;
      });
    }
    expect(started.length).toBeGreaterThan(5);
    expect(await effects()).toBe(last.count);
  });

  it('is lifted by two people at two servers, and both go on with what they kept back', async () => {
    expect((await admin(there)('GET', '/api/guards/pause')).body.data).toMatchObject({ paused: true });
    const first = await admin(here)('POST', '/api/guards/resume', { reason: 'over' });
    expect(first.body.data).toMatchObject({ paused: true, resume: { by: staff.admin.id } });
    const again = await admin(there)('POST', '/api/guards/resume', { reason: 'over' });
    expect(again.status).toBe(409);
    const enough = await there.apiOf(second.key)('POST', '/api/guards/resume', { reason: 'over' });
    expect(enough.body.data).toMatchObject({ paused: false });
    await until('everything is done', async () => ((await effects()) === count ? true : null));
    expect(await house.verified()).toMatchObject({ code: 0 });
  });
});
