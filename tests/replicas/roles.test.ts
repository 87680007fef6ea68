import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startServer } from '../../src/server.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { databaseTime, doneAt, historyOf } from '../support/replica-records.ts';
import { canBeKilled, settledAt, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until } from '../support/server.ts';

/** Processes that only take in, processes that only perform, and the work that one at a time does for all. */

const shared = sharedCluster();
afterAll(() => shared.remove());

const EXECUTIONS = `${BASE}/executions`;
/** Business time that each execution waits, so that a timer of each is due at about the same moment, in ms. */
const WAIT_MS = 2_000;
const TIMERS = 60;
/** How long a call to the company may take, in ms: thousands of times what it takes. */
const CALL_MS = 3_000;

describe.skipIf(shared.skip !== null)('roles', () => {
  let house: Replicas;
  let staff: Staff;
  let journal: Journal;
  let api: Replica;

  beforeAll(async () => {
    house = await startReplicas(shared);
    api = await house.inProcess({ role: 'api' });
    staff = await house.setUp(api);
    journal = await house.open();
    const contain = byHand('contain', [
      { ...SUSPEND, requiresApproval: false, stage: 1 },
      { ...NOTIFY, stage: 2 },
    ]);
    expect((await staff.admin.api('POST', BASE, contain)).status).toBe(201);
    // A short limit: what may still land of a killed process's call is taken back only after it and 5 s.
    const suspend = { ...SUSPEND, requiresApproval: false, timeoutMs: CALL_MS, ttlMs: WAIT_MS };
    const lasting = byHand('lasting', [suspend]);
    expect((await staff.admin.api('POST', BASE, lasting)).status).toBe(201);
  });
  afterAll(async () => {
    await journal?.close();
    await house?.remove();
  });

  async function started(playbookId: string, names: readonly string[]): Promise<string[]> {
    await house.company.seed(names.map((id) => ({ id, homeCountry: 'DE', sessions: [] })));
    const trigger = (userId: string) =>
      staff.admin.api(
        'POST',
        `${EXECUTIONS}/trigger`,
        { playbookId, userId },
        { 'idempotency-key': `contain-${userId}` },
      );
    // A busy database is said to be one; what is sent again then under its key is still one execution.
    const replies = await Promise.all(
      names.map((userId) =>
        until(`${userId} is taken in`, async () => {
          const reply = await trigger(userId);
          return reply.status === 503 ? null : reply;
        }),
      ),
    );
    for (const { status } of replies) expect(status).toBe(201);
    return replies.map(({ body }) => body.data.executionId);
  }

  it('api takes in and performs nothing; a worker that comes later goes on with it', async () => {
    const ids = await started('contain', ['kira1@soc.example', 'luca1@soc.example']);
    // Long enough that whoever performs would have begun: as long as a worker's look takes.
    await until('a second has passed at the database', async () => {
      const [{ waits } = {}] = await house.query(
        `select clock_timestamp() > to_timestamp(${(await startOf(ids)) / 1_000}) + interval '1 second' as waits`,
      );
      return waits === true ? true : null;
    });
    expect(await house.company.requests()).toBe(0);
    expect(await journal.queuedEffects()).toHaveLength(2);
    expect(await house.query('select distinct owner from effects')).toEqual([{ owner: null }]);
    const worker = await house.inProcess({ role: 'worker' });
    expect(worker.setupToken).toBe(null);
    for (const id of ids) expect(await settledAt(staff.admin.api, id)).toMatchObject({ status: 'COMPLETED' });
    expect((await doneAt(house, 'account.suspend')).filter((name) => name.includes('1@'))).toHaveLength(2);
    // It says whether it is well, and has nothing else to say.
    const anonymous = worker.apiOf(null);
    expect((await anonymous('GET', '/readyz')).status).toBe(200);
    for (const path of ['/api/incidents', BASE, '/api/users'])
      expect((await worker.apiOf(staff.admin.key)('GET', path)).status).toBe(404);
    expect((await worker.apiOf(staff.admin.key)('POST', '/api/events', [])).status).toBe(404);
    await worker.stop();
    // With no worker alive everything waits again, and goes on when one comes.
    const more = await started('contain', ['mara1@soc.example']);
    expect(await house.query('select distinct owner from effects')).toEqual([{ owner: null }]);
    const next = await house.inProcess({ role: 'worker' });
    for (const id of more) expect(await settledAt(staff.admin.api, id)).toMatchObject({ status: 'COMPLETED' });
    await next.stop();
  });

  async function startOf(ids: readonly string[]): Promise<number> {
    const history = await historyOf(journal);
    return Math.max(...ids.map((id) => history.get(id)?.[0]?.at ?? 0));
  }

  it('are refused on a journal in a file', async () => {
    const { config } = readConfig({ DATA_DIR: '/nowhere', PORT: '0' }, () => '');
    const log = createLog({ level: 'silent', destination: { write: () => undefined } });
    const sentence = 'A journal in a file belongs to one process, which does everything; roles need DATABASE_URL';
    const options = { version: 'test', log, sandbox: null, acceleratedFrom: null } as const;
    await expect(startServer(config, { ...options, role: 'api' })).rejects.toThrow(sentence);
    await expect(startServer(config, { ...options, role: 'worker' })).rejects.toThrow(sentence);
  });

  describe.skipIf(!canBeKilled)('duties', () => {
    const duties = async () => {
      const rows = await house.query(
        `select d.name, d.owner from duties d join processes p on p.id = d.owner order by d.name`,
      );
      return new Map(rows.map(({ name, owner }) => [String(name), String(owner)]));
    };

    it('each belong to one process, and to another one when it is gone; timers fire once', async () => {
      const workers = [await house.process({ role: 'worker' })];
      await until('it has both duties', async () => ((await duties()).size === 2 ? true : null));
      const before = await duties();
      workers.push(await house.process({ role: 'worker' }), await house.process({ role: 'all' }));
      const names = Array.from({ length: TIMERS }, (_, n) => `lasting-${n}@soc.example`);
      const ids = await started('lasting', names);
      await until('all of them wait for their timer', async () => {
        const done = await doneAt(house, 'account.suspend');
        return names.every((name) => done.includes(name)) ? true : null;
      });
      await workers[0]?.kill();
      const killedAt = await databaseTime(house);
      await until('all of them were taken back', async () => {
        const done = await doneAt(house, 'account.unsuspend');
        return names.every((name) => done.includes(name)) ? true : null;
      });
      const after = await duties();
      expect([...after.keys()]).toEqual(['log', 'timers']);
      for (const [duty, owner] of after) expect(owner).not.toBe(before.get(duty));
      // Once each: no record of a timer that somebody else had applied.
      const history = await historyOf(journal);
      const fired = ids.flatMap((id) =>
        (history.get(id) ?? [])
          .filter(({ input }) => input.type === 'timer')
          .map(({ input, at }) => ({ key: `${id} ${input.name} ${input.generation}`, at })),
      );
      expect(fired.length).toBeGreaterThanOrEqual(TIMERS);
      expect(new Set(fired.map(({ key }) => key)).size).toBe(fired.length);
      const late = Math.max(...fired.map(({ at }) => at)) - killedAt;
      process.stderr.write(`timekeeper killed: the last of ${fired.length} timers was applied ${late} ms later\n`);
      const undone = (await doneAt(house, 'account.unsuspend')).filter((name) => names.includes(name));
      expect(undone).toEqual([...names].sort());
      // The log goes on, and everything in it is signed by the one key.
      await until('the log has everything', async () =>
        (await journal.log.unsequenced(1)).length === 0 ? true : null,
      );
      expect(await house.verified()).toMatchObject({ code: 0 });
      expect(readFileSync(house.logKeyFile, 'utf8')).toContain('PRIVATE KEY');
    });
  });
});
