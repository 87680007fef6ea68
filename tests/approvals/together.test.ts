import { afterAll, describe, expect, it } from 'vitest';
import { replayCommand } from '../../src/cli/replay.ts';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { sharedCluster } from '../support/postgres.ts';
import { settledAt, startReplicas } from '../support/replicas.ts';
import { startHarness, testIo, verified, type Api, type Person } from '../support/server.ts';

/** Fifty approvals of one execution, voted on at the same moment by eight people with keys of their own, over real HTTP. */

const APPROVALS = 50;
const CLIENTS = 8;
const NEEDED = 2;
/** In ms; many times what it takes where nothing else runs. */
const PATIENCE_MS = 240_000;
const ROLE = 'INCIDENT_COMMANDER';
const EXECUTIONS = `${BASE}/executions`;
/** Of these everybody denies one; the others everybody approves. */
const isDisputed = (index: number): boolean => index % 5 === 0;

const PLAYBOOK = byHand(
  'fifty',
  Array.from({ length: APPROVALS }, (_, index) => ({
    ...NOTIFY,
    actionId: `notify${index}`,
    parameters: { title: `Look ${index}` },
    requiresApproval: true,
    approval: { roles: [ROLE], requiredApprovers: NEEDED },
  })),
);

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly intentHash: string;
  readonly votes: readonly { readonly userId: string; readonly decision: string }[];
}

/** A reply to one vote. */
interface Told {
  readonly approvalId: string;
  readonly userId: string;
  readonly status: number;
  readonly code: string | undefined;
  /** The store was too slow for an answer, so it was sent again: the first may have been counted all the same. */
  readonly repeated: boolean;
}

async function asked(starter: Api, reader: Api): Promise<{ executionId: string; waiting: readonly Shown[] }> {
  const run = await starter('POST', `${EXECUTIONS}/trigger`, { playbookId: 'fifty', userId: 'anna' });
  expect(run.status).toBe(201);
  const { executionId } = run.body.data;
  await settledAt(reader, executionId);
  return { executionId, waiting: await shownTo(reader, executionId, 'PENDING') };
}

async function shownTo(api: Api, executionId: string, status: string): Promise<readonly Shown[]> {
  const { body } = await api('GET', `${BASE}/approvals?executionId=${executionId}&status=${status}&limit=200`);
  return body.data;
}

/** Everybody votes on everything, all at once; who denies what is spread over them. */
function voteOn(waiting: readonly Shown[], clients: readonly Person[]): Promise<readonly Told[]> {
  const votes = clients.flatMap((client, place) =>
    waiting.map(async ({ id, intentHash }, index): Promise<Told> => {
      const denies = isDisputed(index) && index % CLIENTS === place;
      const path = `${BASE}/approvals/${id}/${denies ? 'deny' : 'approve'}`;
      const send = () => client.api('POST', path, { intentHash, comment: `${place}` });
      let reply = await send();
      const repeated = reply.status === 503;
      while (reply.status === 503) reply = await send();
      return { approvalId: id, userId: client.id, status: reply.status, code: reply.body.code, repeated };
    }),
  );
  return Promise.all(votes);
}

/** Each approval has one decision, which is what its votes say, and each vote was answered with what became of it. */
async function expectDecided(api: Api, executionId: string, told: readonly Told[]): Promise<void> {
  const decided = (await Promise.all(['APPROVED', 'DENIED'].map((status) => shownTo(api, executionId, status)))).flat();
  expect(decided.length).toBe(APPROVALS);
  for (const { id, status, votes } of decided) {
    const denials = votes.filter(({ decision }) => decision === 'DENY').length;
    expect([id, status, denials]).toEqual([id, denials > 0 ? 'DENIED' : 'APPROVED', denials > 0 ? 1 : 0]);
    if (denials === 0) expect(new Set(votes.map(({ userId }) => userId)).size).toBe(NEEDED);
    const heard = told.filter((each) => each.approvalId === id);
    expect(heard.length).toBe(CLIENTS);
    const voted = new Set(votes.map(({ userId }) => userId));
    for (const { userId, status: answered, code, repeated } of heard) {
      if (answered !== 200)
        expect([answered, code]).toEqual([409, repeated && voted.has(userId) ? code : 'already_decided']);
      if (!repeated) expect([userId, voted.has(userId)]).toEqual([userId, answered === 200]);
    }
  }
  const records = await recordsOf(api, executionId);
  const facts = records.flatMap(({ data }) => data.facts);
  const decisions = facts.flatMap((fact) => (fact.type === 'approval.decided' ? [fact.approvalId] : []));
  expect([decisions.length, new Set(decisions).size]).toEqual([APPROVALS, APPROVALS]);
  // Every vote is on record, also those that came too late.
  const inputs = records.filter(({ data }) => data.input.type === 'vote').length;
  if (told.some(({ repeated }) => repeated)) expect(inputs).toBeGreaterThanOrEqual(APPROVALS * CLIENTS);
  else expect(inputs).toBe(APPROVALS * CLIENTS);
  const started = facts.flatMap((fact) => (fact.type === 'attempt.started' ? [fact.actionId] : []));
  const approved = decided.filter(({ status }) => status === 'APPROVED').length;
  expect([new Set(started).size, started.length]).toEqual([approved, approved]);
}

interface Recorded {
  readonly data: {
    readonly input: { readonly type: string };
    readonly facts: readonly { readonly type: string; readonly approvalId?: string; readonly actionId?: string }[];
  };
}

async function recordsOf(api: Api, executionId: string): Promise<readonly Recorded[]> {
  const all: Recorded[] = [];
  for (;;) {
    const path = `${BASE}/audits/${executionId}/records?limit=200&skip=${all.length}`;
    const { data, total = 0 } = (await api('GET', path)).body;
    all.push(...data.map(({ record }: { record: Recorded }) => record));
    if (data.length === 0 || all.length >= total) return all;
  }
}

async function replayed(execution: string, data: string, env: Readonly<Record<string, string>>): Promise<number> {
  return replayCommand({ execution, data, json: true }, testIo(env));
}

describe('fifty approvals of one execution, voted on at once', () => {
  it(
    'are each decided once, on one server',
    async () => {
      const house = await startHarness();
      try {
        const starter = await house.person('SECURITY_ADMIN');
        const clients = await Promise.all(Array.from({ length: CLIENTS }, () => house.person(ROLE)));
        expect((await house.admin.api('POST', BASE, PLAYBOOK)).status).toBe(201);
        const { executionId, waiting } = await asked(starter.api, house.admin.api);
        expect(waiting.length).toBe(APPROVALS);
        const told = await voteOn(waiting, clients);
        await house.settled(executionId);
        await expectDecided(house.admin.api, executionId, told);
        await house.halt();
        expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
        expect(await replayed(executionId, house.dataDir, {})).toBe(0);
      } finally {
        await house.stop();
      }
    },
    PATIENCE_MS,
  );
});

const shared = sharedCluster();
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('fifty approvals of one execution, on two servers that share a database', () => {
  it(
    'are each decided once, whichever of them is asked',
    async () => {
      const house = await startReplicas(shared);
      try {
        const [first, second] = await Promise.all([house.inProcess(), house.inProcess()]);
        const staff = await house.setUp(first);
        const starter = await staff.person('SECURITY_ADMIN');
        const clients: Person[] = [];
        for (let place = 0; place < CLIENTS; place += 1) {
          const person = await staff.person(ROLE);
          clients.push(place % 2 === 0 ? person : { ...person, api: second.apiOf(person.key) });
        }
        expect((await staff.admin.api('POST', BASE, PLAYBOOK)).status).toBe(201);
        const { executionId, waiting } = await asked(starter.api, staff.admin.api);
        expect(waiting.length).toBe(APPROVALS);
        const told = await voteOn(waiting, clients);
        await settledAt(staff.admin.api, executionId);
        for (const api of [staff.admin.api, second.apiOf(staff.admin.key)]) await expectDecided(api, executionId, told);
        await Promise.all([first.stop(), second.stop()]);
        const { code, said } = await house.verified();
        expect([code, said]).toEqual([0, expect.stringContaining('intact')]);
        expect(await replayed(executionId, '', house.environment)).toBe(0);
      } finally {
        await house.remove();
      }
    },
    PATIENCE_MS,
  );
});
