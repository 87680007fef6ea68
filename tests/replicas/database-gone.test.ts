import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownCertificate } from '../support/mail-server.ts';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { PASSWORD, sharedCluster, startCluster, type Cluster } from '../support/postgres.ts';
import {
  databaseWithCertificate,
  databaseWithOtherPassword,
  type RefusingDatabase,
} from '../support/refusing-databases.ts';
import { canBeKilled, settledAt, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until, type Reply } from '../support/server.ts';

/** The database is not there, goes away, says nothing, or has no connection left: what the servers say meanwhile. */

const shared = sharedCluster();
afterAll(() => shared.remove());

const EXECUTIONS = `${BASE}/executions`;
/** How long anybody waits for the answer to a request, in ms; and what a machine with other things to do may add. */
const PATIENCE_MS = 2_000;
const LOADED_MS = 2_000;

describe.skipIf(shared.skip !== null)('two servers', () => {
  let house: Replicas;
  let cluster: Cluster;
  let staff: Staff;
  let replicas: readonly Replica[];
  beforeAll(async () => {
    house = await startReplicas(shared);
    ({ cluster } = house);
    const first = await house.inProcess();
    staff = await house.setUp(first);
    replicas = [first, await house.inProcess()];
    expect((await staff.admin.api('POST', BASE, byHand('notify', [NOTIFY]))).status).toBe(201);
  });
  afterAll(() => house?.remove());

  const trigger = (replica: Replica, userId: string) =>
    replica.apiOf(staff.admin.key)('POST', `${EXECUTIONS}/trigger`, { playbookId: 'notify', userId });
  const event = (replica: Replica, id: string) =>
    replica.apiOf(staff.admin.key)('POST', '/api/events', [
      { id, time: new Date().toISOString(), kind: 'login', outcome: 'success', subject: id, ip: '81.2.69.142' },
    ]);
  const isReady = (replica: Replica) =>
    until('it is ready', async () => ((await replica.apiOf(null)('GET', '/readyz')).status === 200 ? true : null));

  it.each([
    ['is stopped hard', (each: Cluster) => each.stop(), (each: Cluster) => each.start()],
    ['says nothing', async (each: Cluster) => each.freeze(true), async (each: Cluster) => each.freeze(false)],
  ] as const)('whose database %s refuse in time, lose nothing, and go on without a restart', async (what, go, come) => {
    const acknowledged: string[] = [];
    const started = await Promise.all(replicas.map((replica, n) => trigger(replica, n === 0 ? 'anna' : 'bela')));
    for (const { status, body } of started) {
      expect(status).toBe(201);
      acknowledged.push(body.data.executionId);
    }
    await go(cluster);
    try {
      const timed = async (ask: () => Promise<Reply>): Promise<void> => {
        const begun = performance.now();
        const reply = await ask();
        const took = Math.round(performance.now() - begun);
        process.stderr.write(`database ${what}: ${reply.status} ${reply.body.code ?? ''} after ${took} ms\n`);
        expect(reply.status).toBe(503);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(reply.text).not.toContain(decodeURIComponent(PASSWORD));
        expect(took).toBeLessThan(PATIENCE_MS + LOADED_MS);
      };
      for (const replica of replicas) {
        await timed(() => trigger(replica, 'carla'));
        await timed(() => event(replica, `lost-${what}`));
        await timed(() => replica.apiOf(null)('GET', '/readyz'));
      }
    } finally {
      await come(cluster);
    }
    await Promise.all(replicas.map(isReady));
    for (const id of acknowledged)
      expect(await settledAt(staff.admin.api, id)).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    // Whoever was refused may come again.
    for (const [n, replica] of replicas.entries()) {
      const userId = `david-${what}-${n}`;
      await house.company.seed([{ id: userId, homeCountry: 'DE', sessions: [] }]);
      const again = await until('it takes work again', async () => {
        const reply = await trigger(replica, userId);
        return reply.status === 201 ? reply : null;
      });
      expect(await settledAt(replica.apiOf(staff.admin.key), again.body.data.executionId)).toMatchObject({
        status: 'COMPLETED',
      });
      expect((await event(replica, `kept-${what}-${n}`)).body.data).toMatchObject({ accepted: 1 });
    }
    expect(await house.verified()).toMatchObject({ code: 0 });
  });
});

const certificate = ownCertificate();

describe.skipIf(shared.skip !== null || !canBeKilled)('a server without a database', () => {
  let house: Replicas;
  const refusing: RefusingDatabase[] = [];
  beforeEach(async () => {
    house = await startReplicas(shared);
  });
  afterEach(async () => {
    for (const each of refusing.splice(0)) await each.close();
    await house.remove();
  });
  const urlOf = async (starting: Promise<RefusingDatabase>): Promise<string> => {
    const database = await starting;
    refusing.push(database);
    return database.url;
  };

  const reasons: readonly (readonly [what: string, url: () => string | Promise<string>, why: RegExp])[] = [
    ['nobody listens there', () => 'postgres://firebreak:secret%20word@127.0.0.1:1/firebreak', /ECONNREFUSED/],
    ['there is no such database', () => `${house.database}_not`, /does not exist/],
    ['its password is wrong', () => urlOf(databaseWithOtherPassword()), /password authentication failed .*28P01/],
  ];
  const distrusted =
    certificate === null
      ? []
      : ([
          [
            'nobody trusts its certificate',
            () => urlOf(databaseWithCertificate(certificate)),
            /self.signed certificate/,
          ],
        ] as const);

  it.each([...reasons, ...distrusted])('says in one sentence that %s, and ends with 1', async (_, url, why) => {
    const begun = house.process({ env: { DATABASE_URL: await url() } });
    const said = await begun.then(
      () => 'it started',
      (thrown: unknown) => String(thrown),
    );
    expect(said).toMatch(/firebreak: The database cannot be used; see that it runs and that DATABASE_URL is right \(/);
    expect(said).toMatch(why);
    expect(said).not.toMatch(/secret|not to be shown|not%20to/);
    expect(said.split('firebreak: ')[1]?.trim().split('\n')).toHaveLength(1);
  });
});

describe.skipIf(shared.skip !== null)('a database without a connection left', () => {
  it('is said to be so at the start, and costs those that run nothing', async () => {
    // Three more than what one server takes are for its superuser.
    const cluster = await startCluster({ max_connections: '12' });
    const small = await startReplicas({ skip: null, cluster: async () => cluster, remove: async () => undefined });
    try {
      const first = await small.inProcess();
      const staff = await small.setUp(first);
      const tries = await Promise.allSettled([small.inProcess(), small.inProcess(), small.inProcess()]);
      const refused = tries.filter(({ status }) => status === 'rejected');
      expect(refused.length).toBeGreaterThan(0);
      for (const each of refused)
        expect(each).toMatchObject({ reason: { message: expect.stringContaining('no connection left') } });
      const reply = await until('it serves', async () => {
        const answer = await staff.admin.api('GET', '/api/users');
        return answer.status === 200 ? answer : null;
      });
      expect(reply.body.total).toBe(1);
    } finally {
      await small.remove().catch(() => undefined);
      await cluster.remove();
    }
  });
});
