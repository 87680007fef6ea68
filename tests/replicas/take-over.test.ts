import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { LEASE_MS } from '../../src/journal/membership.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { databaseTime, doneAt, historyOf, type Advanced } from '../support/replica-records.ts';
import {
  canBeKilled,
  settledAt,
  startReplicas,
  type ReplicaProcess,
  type Replicas,
  type Staff,
} from '../support/replicas.ts';
import { expectQuiet, expectReplays } from '../support/records.ts';
import { until } from '../support/server.ts';

/** What a process held goes on with the others, whatever became of it: killed, stopped for a while, or asked to end. */

const shared = sharedCluster();
afterAll(() => shared.remove());

/**
 * Longest time until the first execution of a killed process goes on, in ms of the database's clock. Measured: 3.2 s on
 * an idle machine, of which 3 s are the lease. Here it only has to tell the promise from nothing at all on a machine
 * that has other things to do.
 */
const GOES_ON_MS = 15_000;
/** How long the company takes for a call that is meant to be under way when its caller ends, in ms. */
const SLOW_MS = 6_000;
const EXECUTIONS = `${BASE}/executions`;
const PLAYBOOK = byHand('contain', [
  { ...SUSPEND, requiresApproval: false, stage: 1, timeoutMs: 30_000 },
  { ...NOTIFY, stage: 2 },
]);

describe.skipIf(shared.skip !== null || !canBeKilled)('a process that holds effects', () => {
  let house: Replicas;
  let staff: Staff;
  let journal: Journal;
  let first: ReplicaProcess;
  let others: readonly ReplicaProcess[];

  beforeAll(async () => {
    house = await startReplicas(shared);
    journal = await house.open();
    // It takes four executions at a time, so that the others wait in its memory.
    first = await house.process({ env: { INCIDENT_PLAYBOOK_MAX_CONCURRENT: '4' } });
    staff = await house.setUp(first);
    expect((await staff.admin.api('POST', BASE, PLAYBOOK)).status).toBe(201);
    others = await Promise.all([house.process(), house.process()]);
  });
  afterEach(() => house.company.clear());
  afterAll(async () => {
    await journal?.close();
    await house?.remove();
  });

  /** Starts executions at a process and waits until it has called the company for as many as it takes at once. */
  async function underWay(names: readonly string[], fault: 'slow' | 'slow_reply', at = first): Promise<string[]> {
    await house.company.seed(names.map((id) => ({ id, homeCountry: 'DE', sessions: [] })));
    const match = { method: 'POST', pathIncludes: '/suspend' };
    await house.company.fault({ kind: fault, ms: SLOW_MS, match });
    const api = at.apiOf(staff.admin.key);
    const before = await house.company.requests();
    const started = await Promise.all(
      names.map((userId) => api('POST', `${EXECUTIONS}/trigger`, { playbookId: 'contain', userId })),
    );
    for (const { status } of started) expect(status).toBe(201);
    const atOnce = Math.min(4, names.length);
    await until('the company is called', async () =>
      (await house.company.requests()) - before >= atOnce ? true : null,
    );
    return started.map(({ body }) => body.data.executionId);
  }

  const beganTo = (what: string, ids: readonly string[], count: number) =>
    until(`${count} executions begin to ${what}`, async () => {
      const history = await historyOf(journal);
      const begun = ids.filter((id) => history.get(id)?.some(({ facts }) => facts.some(({ type }) => type === what)));
      return begun.length >= count ? true : null;
    });

  async function allCompleted(ids: readonly string[]): Promise<ReadonlyMap<string, readonly Advanced[]>> {
    const api = others[0]?.apiOf(staff.admin.key);
    if (api === undefined) throw new Error('there are others');
    for (const id of ids) {
      expect(await settledAt(api, id), `execution ${id}`).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    }
    return historyOf(journal);
  }

  const namesOf = (story: string): string[] => Array.from({ length: 12 }, (_, n) => `${story}-${n}@soc.example`);

  it.each([
    ['after they took effect', 'slow_reply'],
    ['before they took effect', 'slow'],
  ] as const)(
    'and is killed while its calls are under way, %s: others go on, nothing happens twice',
    async (_, fault) => {
      const victim = await house.process({ env: { INCIDENT_PLAYBOOK_MAX_CONCURRENT: '4' } });
      const names = namesOf(fault.replace('_', '-'));
      const ids = await underWay(names, fault, victim);
      await victim.kill();
      const killedAt = await databaseTime(house);
      await house.company.clear();
      const history = await allCompleted(ids);
      const steps = ids.flatMap((id) => history.get(id) ?? []);
      const after = steps.filter(({ at }) => at > killedAt).map(({ at }) => at - killedAt);
      const goneOn = Math.min(...after);
      process.stderr.write(`killed (${fault}): the first of its executions went on after ${goneOn} ms\n`);
      expect(goneOn).toBeLessThan(GOES_ON_MS);
      // At least what was on the wire was looked at before it was believed or repeated.
      const interrupted = steps.filter(({ facts }) => facts.some(({ type }) => type === 'attempt.interrupted'));
      expect(interrupted.length).toBeGreaterThan(0);
      expect((await doneAt(house, 'account.suspend')).filter((name) => names.includes(name))).toEqual(
        [...names].sort(),
      );
    },
  );

  it('and stands still for longer than its lease: others go on, what it still hears is recorded', async () => {
    const names = namesOf('stopped');
    const ids = await underWay(names, 'slow_reply');
    const [before] = await house.query('select count(*) as n from processes');
    first.signal('SIGSTOP');
    await until('it is taken for dead', async () => {
      const [now] = await house.query('select count(*) as n from processes');
      return Number(now?.['n']) < Number(before?.['n']) ? true : null;
    });
    await house.company.clear();
    await beganTo('attempt.interrupted', ids, 1);
    first.signal('SIGCONT');
    const history = await allCompleted(ids);
    expect((await doneAt(house, 'account.suspend')).filter((name) => names.includes(name))).toEqual([...names].sort());
    // It joins anew, serves, and has work of its own again.
    await until('it lives', async () => {
      const [now] = await house.query('select count(*) as n from processes');
      return Number(now?.['n']) === Number(before?.['n']) ? true : null;
    });
    const again = await underWay(['again@soc.example'], 'slow_reply');
    await house.company.clear();
    await allCompleted(again);
    const facts = ids.flatMap((id) => (history.get(id) ?? []).flatMap((step) => step.facts.map(({ type }) => type)));
    process.stderr.write(
      `stopped: ${facts.filter((type) => type === 'attempt.interrupted').length} interrupted, ` +
        `${facts.filter((type) => type === 'attempt.late').length} late answers\n`,
    );
    expect(facts).toContain('attempt.interrupted');
    await until('its late answers are recorded', async () => {
      const now = await historyOf(journal);
      const steps = ids.flatMap((id) => now.get(id) ?? []);
      return steps.some((step) => step.facts.some(({ type }) => type === 'attempt.late')) ? true : null;
    });
  });

  it('and is asked to end: it leaves at once what it could not finish, and others need not wait for its lease', async () => {
    const names = namesOf('asked');
    const ids = await underWay(names, 'slow_reply');
    await first.stop();
    expect(await first.running.ended).toBe(0);
    const stoppedAt = await databaseTime(house);
    // Its row is gone with it, and not when its lease was over.
    expect(await house.query('select id from processes')).toHaveLength(others.length);
    await house.company.clear();
    const history = await allCompleted(ids);
    const after = ids.flatMap((id) => history.get(id) ?? []).filter(({ at }) => at > stoppedAt);
    const goneOn = Math.min(...after.map(({ at }) => at - stoppedAt));
    process.stderr.write(`asked to end: the first of its executions went on after ${goneOn} ms (lease ${LEASE_MS})\n`);
    expect((await doneAt(house, 'account.suspend')).filter((name) => names.includes(name))).toEqual([...names].sort());
  });

  it('leaves records that replay, and a log that verifies', async () => {
    await until('everything is told', async () => ((await journal.queuedEffects()).length === 0 ? true : null));
    await expectQuiet(journal);
    const readable = await house.readable(journal);
    await expectReplays(readable);
    await readable.keys.close();
    expect(await house.verified()).toMatchObject({ code: 0 });
  });
});
