import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreUnavailableError, type Journal } from '../../src/journal/journal.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

/** What people set over all playbooks is told to whoever answers for it. */

const HOUR = 3_600_000;

let house: Harness;
let commander: Person;
let officer: Person;
let alias: Person;
let analyst: Person;
/** While set, no notice can be raised: as if the process had died right after the commit of what it is about. */
let mute = false;

beforeAll(async () => {
  house = await startHarness({ journalThrough: silenced, env: { LOG_LEVEL: 'error' } });
  await house.sandbox.seed(['g1', 'g2', 'g3'].map((id) => ({ id, sessions: [] })));
  [commander, officer, alias, analyst] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('CISO'),
    house.person('CISO', { linkedAccounts: ['ada@soc.example'] }),
    house.person('SECURITY_ANALYST'),
  ]);
});
afterAll(() => house.stop());

function silenced(journal: Journal): Journal {
  return {
    ...journal,
    commit: (changes) =>
      mute && changes.some(({ appends }) => appends.some(({ stream }) => stream.startsWith('notice/')))
        ? Promise.reject(new StoreUnavailableError('no notices in this test', false))
        : journal.commit(changes),
  };
}

/** What somebody was told of these kinds, the oldest first, once there are so many. */
async function told(person: Person, kinds: string, count: number) {
  const ask = async () => {
    const { body } = await person.api('GET', '/api/notifications?limit=200');
    const of: readonly { readonly kind: string }[] = body.data;
    const wanted = of.filter(({ kind }) => kind.startsWith(kinds)).reverse();
    return wanted.length >= count ? wanted : null;
  };
  const all = count === 0 ? ((await ask()) ?? []) : await until(`${kinds} is told`, ask);
  expect(all.map(({ kind }) => kind)).toHaveLength(count);
  // oxlint-disable-next-line typescript/no-explicit-any -- looked at below
  return all as readonly any[];
}

describe('the pause', () => {
  it('is told to who may lift it, and a word to resume to the others who may', async () => {
    expect((await commander.api('POST', '/api/guards/pause', { reason: 'it runs wild' })).status).toBe(200);
    const [paused] = await told(officer, 'guard.', 1);
    expect(paused).toMatchObject({
      kind: 'guard.paused',
      title: 'Everything is paused: it runs wild',
      notice: { severity: 'HIGH' },
    });
    expect(paused.notice.facts).toContainEqual({ label: 'By', value: commander.id });
    expect((await house.admin.api('POST', '/api/guards/resume', { reason: 'it is off' })).status).toBe(200);
    expect((await told(officer, 'guard.', 2))[1]).toMatchObject({
      kind: 'guard.resume_proposed',
      about: { id: 'pause' },
    });
    expect(await told(commander, 'guard.', 2)).toMatchObject([{}, { kind: 'guard.resume_proposed' }]);
    expect((await officer.api('POST', '/api/guards/resume', { reason: 'I see it too' })).status).toBe(200);
    const [, , resumed] = await told(officer, 'guard.', 3);
    expect(resumed).toMatchObject({ kind: 'guard.resumed', title: 'Everything goes on: I see it too' });
    expect(resumed.notice.facts).toContainEqual({ label: 'Proposed by', value: house.admin.id });
    // Neither who proposed nor their other account is asked: they would be refused.
    for (const each of [house.admin, alias])
      expect(await told(each, 'guard.', 2)).toMatchObject([{ kind: 'guard.paused' }, { kind: 'guard.resumed' }]);
    expect(await told(analyst, 'guard.', 0)).toEqual([]);
  });

  it('is told by the next start where the process ended before it could', async () => {
    mute = true;
    expect((await commander.api('POST', '/api/guards/pause', { reason: 'in the dark' })).status).toBe(200);
    expect(await told(officer, 'guard.', 3)).toHaveLength(3);
    await house.restart(() => {
      mute = false;
    });
    const all = await told(officer, 'guard.', 4);
    expect(all[3]).toMatchObject({ kind: 'guard.paused', title: 'Everything is paused: in the dark' });
    for (const each of [house.admin, officer]) await each.api('POST', '/api/guards/resume', { reason: 'enough' });
    expect(await told(officer, 'guard.resumed', 2)).toHaveLength(2);
  });
});

describe('a guard', () => {
  it('that is changed is told with what is different, what is let go first', async () => {
    const set = (ids: readonly string[]) =>
      house.admin.api('PUT', '/api/guards/protected-identities', {
        identities: ids.map((id) => ({ id, reason: 'break-glass' })),
      });
    expect((await set(['root', 'ceo'])).status).toBe(200);
    expect((await set(['root', 'cfo'])).status).toBe(200);
    const [first, second] = await told(commander, 'guard.changed', 2);
    expect(first.notice.lines).toEqual(['Protected now: ceo', 'Protected now: root']);
    expect(second.notice.lines).toEqual(['Not protected any more: ceo', 'Protected now: cfo']);
    const limits = [{ actionType: 'ACCOUNT_SUSPEND', perHour: 1 }];
    expect((await house.admin.api('PUT', '/api/guards/blast-radius', { limits })).status).toBe(200);
    const [, , third] = await told(commander, 'guard.changed', 3);
    expect(third.notice.lines).toEqual(['ACCOUNT_SUSPEND: 1 an hour']);
    expect(await told(analyst, 'guard.', 0)).toEqual([]);
  });

  it('that is full is told once an hour to who runs the installation, and each request to who may answer', async () => {
    const playbook = byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]);
    expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
    for (const userId of ['g1', 'g2', 'g3']) {
      const run = await commander.api('POST', `${BASE}/executions/trigger`, { playbookId: 'suspends', userId });
      await house.settled(run.body.data.executionId);
    }
    const { body } = await house.admin.api('GET', `${BASE}/approvals`);
    expect(body.total).toBe(2);
    const [full] = await told(house.admin, 'guard.limit_reached', 1);
    expect(full).toMatchObject({ title: 'The limit of an hour for ACCOUNT_SUSPEND is reached' });
  });
});

describe('an exemption', () => {
  it('is told to the others who may confirm it, and what comes of it to all who may', async () => {
    const gate = {
      gateName: 'suspensions',
      triggers: { actionTypes: ['ACCOUNT_SUSPEND'] },
      approvalRoles: [{ role: 'CISO' }],
    };
    const policy = { name: 'p', scope: 'ACTION_TYPE_BASED', policyGates: [gate] };
    const { body } = await house.admin.api('POST', `${BASE}/policies`, policy);
    const definition = {
      policyId: body.data.id,
      gateName: 'suspensions',
      appliesTo: { userIds: ['g1'] },
      reason: 'a test of the week',
      expiresAt: new Date(Date.now() + HOUR).toISOString(),
    };
    const proposed = (await house.admin.api('POST', '/api/exemptions', definition)).body.data;
    const [asked] = await told(officer, 'exemption.', 1);
    expect(asked).toMatchObject({ kind: 'exemption.proposed', about: { type: 'exemption', id: proposed.id } });
    expect(asked.notice.facts).toContainEqual({ label: 'Hash', value: proposed.hash });
    const confirmed = await officer.api('POST', `/api/exemptions/${proposed.id}/confirm`, { hash: proposed.hash });
    expect(confirmed.status).toBe(200);
    expect((await house.admin.api('POST', `/api/exemptions/${proposed.id}/revoke`, { reason: 'over' })).status).toBe(
      200,
    );
    expect(await told(house.admin, 'exemption.', 2)).toMatchObject([
      { kind: 'exemption.confirmed', title: expect.stringContaining('an exemption is in force') },
      { kind: 'exemption.revoked', notice: { lines: ['over'] } },
    ]);
    expect(await told(alias, 'exemption.', 2)).toHaveLength(2);
    expect(await told(commander, 'exemption.', 2)).toHaveLength(2);
    expect(await told(analyst, 'exemption.', 0)).toEqual([]);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });
});
