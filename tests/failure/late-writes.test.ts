import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultyJournal } from '../support/faulty-journal.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { startHarness, until, type Harness, type Reply } from '../support/server.ts';

/** A commit that nobody waits for any more takes place all the same: what it says holds, and what it owes is done. */

const journal = faultyJournal();
let house: Harness;
beforeAll(async () => {
  house = await startHarness({ journalThrough: journal.through });
  const suspend = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
  const made = await house.admin.api('POST', BASE, byHand('acts', [suspend], { severity: 'CRITICAL' }));
  expect(made.status).toBe(201);
});
afterAll(() => house.stop());

const trigger = (userId: string) =>
  house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'acts', userId });

/** What the caller hears of a request whose commit ends when they have gone. */
async function written(request: () => Promise<Reply>): Promise<Reply> {
  // The first write that comes is the one that hangs: nothing of before may still be about to write.
  await until('nothing is owed any more', async () => {
    const { n } = Object(house.database().prepare('select count(*) as n from effects').get()) as { n: number };
    return n === 0 ? true : null;
  });
  journal.ail('hang, then written');
  const reply = await request();
  await journal.heal();
  return reply;
}

describe('a commit that took place unheard', () => {
  it('is told as what nobody knows', async () => {
    const reply = await written(() => house.admin.api('POST', BASE, byHand('late', [NOTIFY])));
    expect([reply.status, reply.body.code]).toEqual([503, 'store_unavailable']);
    expect(reply.body.detail).toContain('it is not known whether this was done');
    expect((await house.admin.api('GET', `${BASE}/late`)).status).toBe(200);
  });

  it('begins the execution that it started', async () => {
    expect((await written(() => trigger('anna'))).status).toBe(503);
    await until('the account is suspended', async () => {
      const { suspended } = Object(await house.sandboxUser('anna')) as { suspended: unknown };
      return suspended ?? null;
    });
    const { body } = await house.admin.api('GET', `${BASE}/executions?userId=anna`);
    expect([body.total, (await house.settled(body.data[0].id)).status]).toEqual([1, 'COMPLETED']);
  });

  it('brings the policy into force that it saved, though another set of them was in memory', async () => {
    const [gate] = POLICY.policyGates;
    const triggers = { actionTypes: ['ACCOUNT_SUSPEND'] };
    const policy = { ...POLICY, policyGates: [{ ...gate, triggers, escalationPath: [] }] };
    expect((await written(() => house.admin.api('POST', `${BASE}/policies`, policy))).status).toBe(503);
    const run = await trigger('bela');
    await house.settled(run.body.data.id);
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${run.body.data.id}`);
    expect(body.total).toBe(1);
  });
});
