import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { databaseTime, doneAt } from '../support/replica-records.ts';
import { canBeKilled, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until } from '../support/server.ts';

/** Business time is the database's, whatever the clock of the machine says. */

const shared = sharedCluster();
afterAll(() => shared.remove());

const HOUR_MS = 3_600_000;
const SHORT_MS = 1_000;
/** Far longer than the test takes, and far shorter than the clocks are wrong. */
const LONG_MS = 30 * 60_000;
/** How far a record's time may be from the database's, in ms: the offset is as old as the last beat. */
const CLOSE_MS = 5_000;

/** Starts the program with a wall clock that is wrong by so much. */
function wrongBy(ms: number): Record<string, string> {
  const code = `const real=Date.now;Date.now=()=>real()+(${ms});`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

describe.skipIf(shared.skip !== null || !canBeKilled)('a process whose own clock is an hour off', () => {
  let house: Replicas;
  let staff: Staff;
  let journal: Journal;
  let begunAt: number;
  beforeAll(async () => {
    house = await startReplicas(shared);
    begunAt = await databaseTime(house);
  });
  afterAll(async () => {
    await journal?.close();
    await house?.remove();
  });

  async function started(replica: Replica, playbookId: string, userId: string): Promise<string> {
    await house.company.seed([{ id: userId, homeCountry: 'DE', sessions: [] }]);
    const api = replica.apiOf(staff.admin.key);
    const reply = await api('POST', `${BASE}/executions/trigger`, { playbookId, userId });
    expect(reply.status).toBe(201);
    await until('it is suspended', async () =>
      (await doneAt(house, 'account.suspend')).includes(userId) ? true : null,
    );
    return reply.body.data.executionId;
  }

  const released = (userId: string) =>
    until('its time is over', async () => ((await doneAt(house, 'account.unsuspend')).includes(userId) ? true : null));

  it.each([
    ['ahead', HOUR_MS],
    ['behind', -HOUR_MS],
  ])('%s applies timers by the clock of the database', async (way, ms) => {
    const replica = await house.process({ env: wrongBy(ms) });
    if (staff === undefined) {
      staff = await house.setUp(replica);
      journal = await house.open();
      for (const [playbookId, ttlMs] of [
        ['short', SHORT_MS],
        ['long', LONG_MS],
      ] as const) {
        const playbook = byHand(playbookId, [{ ...SUSPEND, requiresApproval: false, ttlMs }]);
        expect((await staff.admin.api('POST', BASE, playbook)).status).toBe(201);
      }
    }
    const long = await started(replica, 'long', `long-${way}@soc.example`);
    await started(replica, 'short', `short-${way}@soc.example`);
    await released(`short-${way}@soc.example`);
    expect(await doneAt(house, 'account.unsuspend')).not.toContain(`long-${way}@soc.example`);
    const now = await databaseTime(house);
    const dues = await house.query(`select due from timers where execution = $1 and name like '%ttl%'`, [long]);
    expect(dues.length).toBeGreaterThan(0);
    for (const { due } of dues) {
      expect(Number(due)).toBeGreaterThan(begunAt + LONG_MS - CLOSE_MS);
      expect(Number(due)).toBeLessThan(now + LONG_MS + CLOSE_MS);
    }
    await replica.stop();
  });

  it('leaves no record that is not of the time when it was written', async () => {
    const now = await databaseTime(house);
    for (const stream of await journal.streams()) {
      for (const { record } of await journal.readStream(stream)) {
        expect(record.at, `${stream} ${record.type}`).toBeGreaterThan(begunAt - CLOSE_MS);
        expect(record.at, `${stream} ${record.type}`).toBeLessThan(now + CLOSE_MS);
      }
    }
  });
});
