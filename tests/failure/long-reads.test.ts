import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError, type Journal } from '../../src/journal/journal.ts';
import { BASE, byHand, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, until, type Harness } from '../support/server.ts';

/**
 * Lists and figures are read beside everything else: whatever becomes of those reads, what is sent is taken in, what was
 * decided is done, and what one asks for by its id is shown.
 */

const LISTS = [
  `${BASE}/executions?severity=HIGH`,
  `${BASE}/approvals`,
  `${BASE}/audits`,
  `${BASE}/metrics`,
  '/api/incidents?userId=nobody',
];

let becomeWell = (): void => undefined;
/** Rejects, or resolves when long reads may be answered. */
let state: Promise<unknown>;
let house: Harness;

const through = (journal: Journal): Journal => ({
  ...journal,
  longReads: {
    listViews: (query) => state.then(() => journal.longReads.listViews(query)),
    leafHashes: (from, to) => state.then(() => journal.longReads.leafHashes(from, to)),
  },
});

beforeEach(async () => {
  state = Promise.resolve();
  house = await startHarness({ journalThrough: through });
  const suspend = { ...SUSPEND, requiresApproval: false };
  const asks = { ...SUSPEND_APPROVED, approval: { ...SUSPEND_APPROVED.approval, requiredApprovers: 1 } };
  for (const playbook of [byHand('acts', [suspend]), byHand('asks', [asks])])
    expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterEach(async () => {
  becomeWell();
  await house.stop();
});

const trigger = async (playbookId: string, userId: string, { api } = house.admin): Promise<string> =>
  (await api('POST', `${BASE}/executions/trigger`, { playbookId, userId })).body.data._id;

describe('long reads of a server', () => {
  it('are waited for by who asked for them and by nothing else', async () => {
    const [voter, requester] = [await house.person('SECURITY_ADMIN'), await house.person('INCIDENT_COMMANDER')];
    state = new Promise<void>((resolve) => (becomeWell = resolve));
    const answered: string[] = [];
    const lists = LISTS.map(async (path) => {
      const reply = await house.admin.api('GET', path);
      answered.push(path);
      return reply.status;
    });

    const time = new Date().toISOString();
    const alert = { id: 'a1', kind: 'alert', action: 'edr.alert', severity: 'HIGH', subject: 'anna', time };
    const taken = await house.admin.api('POST', '/api/events', alert);
    expect([taken.status, taken.body.data?.accepted]).toEqual([200, 1]);
    const acting = await trigger('acts', 'anna');
    expect(await house.settled(acting)).toMatchObject({ status: 'COMPLETED' });
    const asking = await trigger('asks', 'bela', requester);
    const pending = house.database().prepare<[], { id: string }>(`select id from views where kind = 'approval'`);
    const { id } = await until('somebody is asked', async () => pending.get() ?? null);
    expect((await voter.api('POST', `${BASE}/approvals/${id}/approve`, {})).status).toBe(200);
    const busy = ['INITIATED', 'RUNNING', 'WAITING_APPROVAL', 'PENDING_APPROVAL'];
    expect(await house.settled(asking, busy)).toMatchObject({ status: 'COMPLETED' });
    expect((await house.anonymous('GET', '/readyz')).status).toBe(200);

    expect(answered).toEqual([]);
    becomeWell();
    expect(await Promise.all(lists)).toEqual(LISTS.map(() => 200));
  });

  it('are refused with the time to come back when too many wait, and nothing else is', async () => {
    const acting = await trigger('acts', 'anna');
    state = Promise.reject(new StoreUnavailableError('too many long reads wait for the journal', false));
    state.catch(() => undefined);
    for (const path of LISTS) {
      const { status, headers, body } = await house.admin.api('GET', path);
      expect([path, status, headers.get('retry-after'), body.code]).toEqual([path, 503, '5', 'store_unavailable']);
    }
    expect(await house.settled(acting)).toMatchObject({ status: 'COMPLETED' });
    expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
  });
});
