import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const EXECUTIONS = `${BASE}/executions`;
const TTL_MS = 2_500;
const IDS = ['t1', 't2', 't4', 't5', 't6'];

let house: Harness;
let auditor: Person;
let analyst: Person;
beforeAll(async () => {
  house = await startHarness();
  [auditor, analyst] = await Promise.all([house.person('AUDITOR'), house.person('SECURITY_ANALYST')]);
  await house.sandbox.seed(IDS.map((id) => ({ id, sessions: [] })));
  const suspend = { ...SUSPEND, requiresApproval: false };
  for (const [id, ttlMs] of [
    ['soon', TTL_MS],
    ['later', 2 * TTL_MS],
    ['tomorrow', 86_400_000],
  ] as const)
    expect((await house.admin.api('POST', BASE, byHand(id, [{ ...suspend, ttlMs }]))).status).toBe(201);
});
afterAll(() => house.stop());

async function run(playbookId: string, userId: string) {
  const { body } = await analyst.api('POST', `${EXECUTIONS}/trigger`, { playbookId, userId });
  const id: string = body.data.id;
  await house.settled(id);
  const action = async () => (await house.admin.api('GET', `${EXECUTIONS}/${id}`)).body.data.stages[0].actions[0];
  const becomes = (status: string) =>
    until(`it is ${status}`, async () => {
      const present = await action();
      return present.status === status ? present : null;
    });
  return { id, action, becomes };
}

const isSuspended = async (id: string): Promise<boolean> =>
  ((await house.sandboxUser(id)) as unknown as { suspended: unknown }).suspended !== null; // the sandbox's own shape

describe('a containment with a ttl', () => {
  it('ends by itself at the target, also over a restart', async () => {
    const { becomes, action } = await run('soon', 't1');
    expect(await isSuspended('t1')).toBe(true);
    const { settledAt, containedUntil } = await action();
    expect(Date.parse(containedUntil) - Date.parse(settledAt)).toBe(TTL_MS);
    await house.restart();
    await becomes('COMPENSATED');
    expect(await isSuspended('t1')).toBe(false);
  });

  it('gives the target back with the last of two that hold it, also over a restart', async () => {
    const first = await run('soon', 't2');
    const second = await run('later', 't2');
    expect(await second.action()).toMatchObject({ status: 'SKIPPED', reason: 'already_held' });
    await first.becomes('COMPENSATED');
    expect(await first.action()).toMatchObject({ reason: 'held_by_another_execution' });
    expect(await isSuspended('t2')).toBe(true);
    await house.restart();
    await second.becomes('COMPENSATED');
    expect(await isSuspended('t2')).toBe(false);
  });

  it('that cannot be taken back is told to the operators, who see it stand', async () => {
    const { id, becomes } = await run('soon', 't4');
    await house.sandbox.fault({ kind: 'error_500', match: { pathIncludes: '/t4/unsuspend' } });
    await becomes('COMPENSATION_FAILED');
    await house.sandbox.clear();
    expect(await isSuspended('t4')).toBe(true);
    const told = await until('the operators are told', async () => {
      const { body } = await house.admin.api('GET', '/api/notifications');
      const mine = body.data.filter(({ title }: { title: string }) => title.includes('could not be taken back'));
      return mine.length > 0 ? mine : null;
    });
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ title: 'ACCOUNT_SUSPEND of t4 could not be taken back' });
    expect(JSON.stringify(told[0])).toContain(id);
    // It is a task as well, which closes by itself once it could be taken back after all.
    const tasks = async () => (await house.admin.api('GET', `/api/tasks?executionId=${id}`)).body.data;
    expect(await tasks()).toMatchObject([{ status: 'OPEN', title: 'Take it back by hand: ACCOUNT_SUSPEND of t4' }]);
    expect((await analyst.api('GET', `/api/tasks?executionId=${id}`)).body.total).toBe(0);
    const cancel = { reason: 'it was him', compensate: true };
    expect((await house.admin.api('POST', `${EXECUTIONS}/${id}/cancel`, cancel)).status).toBe(200);
    await until('the task is closed', async () => ((await tasks())[0].status === 'DONE' ? true : null));
    expect(await isSuspended('t4')).toBe(false);
    expect(await tasks()).toMatchObject([{ ended: { by: 'engine' } }]);
  });
});

describe('keeping it for longer', () => {
  const word = { forMinutes: 60, reason: 'the attacker is back' };

  it('is the word of a responder, and the target keeps it', async () => {
    const { id, action } = await run('soon', 't5');
    const path = `${EXECUTIONS}/${id}/actions/suspend/extend`;
    const reply = await analyst.api('POST', path, word);
    expect(reply.status, reply.text).toBe(200);
    const { containedUntil, settledAt } = await action();
    expect(Date.parse(containedUntil) - Date.parse(settledAt)).toBeGreaterThan(59 * 60_000);
    await house.restart();
    // Whoever wanted it for its own time lets go; whoever was asked to keep it keeps it.
    const other = await run('soon', 't5');
    await other.becomes('COMPENSATED');
    expect(await action()).toMatchObject({ status: 'SUCCESS', containedUntil });
    expect(await isSuspended('t5')).toBe(true);
    const { body } = await house.admin.api('GET', `${EXECUTIONS}/${id}`);
    expect(body.data.timeline).toContainEqual(
      expect.objectContaining({ fact: 'containment.extended', actionId: 'suspend', until: Date.parse(containedUntil) }),
    );
  });

  it('is refused with its reason', async () => {
    const { id } = await run('tomorrow', 't6');
    const path = `${EXECUTIONS}/${id}/actions/suspend/extend`;
    const robot = await house.service('SECURITY_ANALYST');
    for (const each of [auditor, robot]) expect(await each.api('POST', path, word)).toMatchObject({ status: 403 });
    expect(await house.anonymous('POST', path, word)).toMatchObject({ status: 401 });
    for (const wrong of [{ forMinutes: 60 }, { ...word, forMinutes: 0 }, { ...word, forMinutes: 1_441 }])
      expect(await analyst.api('POST', path, wrong)).toMatchObject({ status: 400 });
    const absent = await analyst.api('POST', `${EXECUTIONS}/exe_absent/actions/suspend/extend`, word);
    expect(absent.status).toBe(404);
    const shorter = await analyst.api('POST', path, word);
    expect([shorter.status, shorter.body.detail]).toEqual([409, expect.stringContaining('lasts longer')]);
    const nobody = await analyst.api('POST', `${EXECUTIONS}/${id}/actions/nobody/extend`, word);
    expect([nobody.status, nobody.body.detail]).toEqual([409, expect.stringContaining('nothing of it is contained')]);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
