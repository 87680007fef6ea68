import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import type { Programs } from '../../torture/programs.ts';
import { VERSION } from '../../src/version.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { canBeKilled, settledAt, startReplicas, type Replica, type Replicas, type Staff } from '../support/replicas.ts';
import { until, type Person } from '../support/server.ts';

/**
 * Two versions side by side on one database. The newer one stands for a release that adds an optional member to the
 * records of executions: what the older one does not know it must leave alone.
 */

const shared = sharedCluster();
afterAll(() => shared.remove());

const EXECUTIONS = `${BASE}/executions`;
const ONE_VOTE = { requiresApproval: true, approval: { roles: ['INCIDENT_COMMANDER'], requiredApprovers: 1 } };
const NEWER = [
  { file: 'version.js', find: `'${VERSION}'`, replace: `'${VERSION}-next'` },
  {
    file: 'pipeline/executions/change.js',
    find: 'const data = { facts: decision.facts, input };',
    replace: `const data = { facts: decision.facts, input, remark: 'by the next version' };`,
  },
];

describe.skipIf(shared.skip !== null || !canBeKilled)('an older and a newer version on one database', () => {
  let house: Replicas;
  let staff: Staff;
  let starter: Person;
  let commander: Person;
  let journal: Journal;
  let next: Programs;

  beforeAll(async () => {
    house = await startReplicas(shared);
    next = house.changed(NEWER);
  });
  afterAll(async () => {
    await journal?.close();
    await house?.remove();
  });

  async function waiting(replica: Replica, userId: string): Promise<string> {
    await house.company.seed([{ id: userId, homeCountry: 'DE', sessions: [] }]);
    const api = replica.apiOf(starter.key);
    const reply = await api('POST', `${EXECUTIONS}/trigger`, { playbookId: 'asked', userId });
    expect(reply.status).toBe(201);
    const { executionId } = reply.body.data;
    expect(await settledAt(api, executionId)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    return executionId;
  }

  async function finished(replica: Replica, executionId: string): Promise<void> {
    const api = replica.apiOf(commander.key);
    const { body } = await api('GET', `${BASE}/approvals?executionId=${executionId}`);
    const [{ _id: id, intentHash }] = body.data;
    expect(await api('POST', `${BASE}/approvals/${id}/approve`, { intentHash })).toMatchObject({ status: 200 });
    const done = await settledAt(api, executionId);
    expect(done).toMatchObject({ status: 'COMPLETED', failedActions: [] });
  }

  const remarksOn = async (executionId: string) => {
    const records = await journal.readStream(`execution/${executionId}`);
    return records.map(({ record }) => ('remark' in record.data ? 'newer' : 'older'));
  };

  it('finish what the other one began, while both live and when either is gone', async () => {
    const old = await house.process();
    staff = await house.setUp(old);
    starter = await staff.person('INCIDENT_COMMANDER');
    commander = await staff.person('INCIDENT_COMMANDER');
    const playbook = byHand('asked', [
      { ...SUSPEND, ...ONE_VOTE, stage: 1 },
      { ...NOTIFY, stage: 2 },
    ]);
    expect((await staff.admin.api('POST', BASE, playbook)).status).toBe(201);
    journal = await house.open();

    const newer = await house.process({ programs: next });
    const [byOld, byOldLater, byNewer, byNewerLater] = [
      await waiting(old, 'one@soc.example'),
      await waiting(old, 'two@soc.example'),
      await waiting(newer, 'three@soc.example'),
      await waiting(newer, 'four@soc.example'),
    ];
    // Side by side, each with what the other one began.
    await finished(newer, byOld);
    await finished(old, byNewer);
    for (const id of [byOld, byNewer]) expect(new Set(await remarksOn(id))).toEqual(new Set(['older', 'newer']));
    // The older one ends; the newer one goes on with what waited there.
    await old.stop();
    await finished(newer, byOldLater);
    // And the way back: the newer one is taken away again.
    const back = await house.process();
    await newer.stop();
    await finished(back, byNewerLater);
    expect((await remarksOn(byNewerLater)).at(0)).toBe('newer');
    expect((await remarksOn(byNewerLater)).at(-1)).toBe('older');
    const reply = await back.apiOf(staff.admin.key)('GET', EXECUTIONS);
    expect(reply.body.total).toBe(4);
    await until('the log has everything', async () => ((await journal.log.unsequenced(1)).length === 0 ? true : null));
    expect(await house.verified()).toMatchObject({ code: 0 });
  });
});
