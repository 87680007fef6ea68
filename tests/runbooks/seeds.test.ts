import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BASE } from '../support/playbooks.ts';
import { type Body, type Harness, type Person, startHarness, until, verified } from '../support/server.ts';

/** The two documents that Firebreak was asked for with, unchanged, from an alert to the end. */
const textOf = (name: string) => readFileSync(new URL(`../fixtures/runbooks/${name}.yaml`, import.meta.url), 'utf8');
const RANSOMWARE = textOf('ransomware-containment');
const BREACH = textOf('active-breach-containment');
const YAML = { 'content-type': 'application/yaml' };

let house: Harness;
let commander: Person;
let ciso: Person;

beforeAll(async () => {
  house = await startHarness();
  commander = await house.person('INCIDENT_COMMANDER');
  ciso = await house.person('CISO');
});
afterEach(async () => {
  const { body } = await house.admin.api('GET', '/api/runbooks');
  for (const { id } of body.data) await house.admin.api('DELETE', `/api/runbooks/${id}`);
});
afterAll(() => house.stop());

const put = (id: string, text: string, query = '') => house.admin.api('PUT', `/api/runbooks/${id}${query}`, text, YAML);

let alerts = 0;

type Fields = Awaited<ReturnType<typeof seedHost>>;

/** Sends an alert and gives its incident. */
async function alert(severity: string | null, fields: Fields): Promise<NonNullable<Body['data']>> {
  alerts += 1;
  const event = { id: `alert-${alerts}`, kind: 'alert', action: 'edr.alert', ...fields };
  const sent = await house.admin.api(
    'POST',
    '/api/events?format=firebreak',
    severity === null ? event : { ...event, severity },
  );
  expect([sent.status, sent.text]).toEqual([200, expect.stringContaining('"accepted":1')]);
  const { body } = await house.admin.api('GET', `/api/incidents?userId=${fields.user_id}`);
  return (await house.admin.api('GET', `/api/incidents/${body.data[0].id}`)).body.data;
}

/** A user with a session, and a host in a segment with what the runbooks collect. */
async function seedHost(name: string) {
  const user = `user-${name}`;
  await house.sandbox.seed([{ id: user, sessions: [{ ip: '198.51.100.7', country: 'DE' }] }]);
  const files = [
    { path: '/tmp/host_snapshot.mem', size: 100_000 },
    { path: '/tmp/network_connections.log', text: `ESTABLISHED ${name}` },
    { path: '/tmp/pcap_capture.pcap', size: 70_000 },
    { path: '/tmp/flow_logs.json', text: '{}' },
    { path: '/evidence/disk_image.raw', size: 200_000 },
    { path: '/evidence/memory_dump.mem', size: 90_000 },
  ];
  const host = { id: `host-${name}`, segmentId: `seg-${name}`, files };
  await house.sandbox.call('POST', '/seed', { segments: [{ id: `seg-${name}` }], hosts: [host] });
  return { host_id: host.id, segment_id: host.segmentId, user_account: user, user_id: user };
}

interface Company {
  readonly host: { readonly isolated: unknown };
  readonly segment: { readonly isolated: unknown };
  readonly user: { readonly credentialsDisabled: unknown; readonly sessions: readonly unknown[] };
}

/** What the sandbox company shows of them. */
async function companyOf({ host_id, segment_id, user_id }: Fields): Promise<Company> {
  const parts = await Promise.all([
    house.sandbox.call('GET', `/hosts/${host_id}`),
    house.sandbox.call('GET', `/segments/${segment_id}`),
    house.sandbox.call('GET', `/users/${user_id}`),
  ]);
  return Object.assign({}, ...parts) as Company; // the sandbox's own shapes
}

const EXECUTIONS = `${BASE}/executions`;
const settled = (id: string) => house.settled(id, ['INITIATED', 'RUNNING', 'COMPENSATING']);
const viewOf = async (id: string) => (await house.admin.api('GET', `${EXECUTIONS}/${id}?view=runbook`)).body.data;

/** Votes on what the execution waits for, and gives the execution when it waits again or has ended. */
async function vote(id: string, verb: 'approve' | 'deny', person = commander) {
  const { approvals, timeline } = await settled(id);
  const approvalId = approvals.at(-1);
  expect(timeline.length).toBeGreaterThan(0);
  const { body } = await person.api('GET', `${BASE}/approvals/${approvalId}`);
  const { intentHash } = body.data;
  const reply = await person.api('POST', `${BASE}/approvals/${approvalId}/${verb}`, { intentHash, comment: 'seen' });
  expect([reply.status, reply.text]).toEqual([200, expect.anything()]);
  return settled(id);
}

interface Kept {
  readonly source: { readonly location: string };
  readonly acquisition: { readonly startedAt: string };
  readonly integrity: { readonly complete: boolean; readonly sha256: string };
}

/** Locations of what is kept whole of an execution, in order. */
async function keptOf(executionId: string): Promise<readonly string[]> {
  const { body } = await house.admin.api('GET', `/api/evidence?executionId=${executionId}`);
  const kept = body.data as readonly Kept[]; // as `shownEvidence` has it
  expect(kept.every(({ integrity }) => integrity.complete && /^[0-9a-f]{64}$/.test(integrity.sha256))).toBe(true);
  return kept.map(({ source }) => source.location).toSorted();
}

describe('ransomware containment & forensics', () => {
  it('runs from the alert to the end, and is rolled back', async () => {
    expect((await put('ransomware', RANSOMWARE)).status).toBe(200);
    const fields = await seedHost('ransom');
    const { executions, severity } = await alert('critical', fields);
    expect([severity, executions.length]).toEqual(['CRITICAL', 1]);
    const [{ id, playbookId }] = executions;
    expect(playbookId).toBe('ransomware.critical');

    // At once, without a person: the host is cut off, and what it would lose is kept.
    expect(await settled(id)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await companyOf(fields)).toMatchObject({ host: { isolated: {} }, user: { credentialsDisabled: null } });
    expect(await keptOf(id)).toEqual(['/tmp/host_snapshot.mem', '/tmp/network_connections.log']);

    expect(await vote(id, 'approve')).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await companyOf(fields)).toMatchObject({ user: { credentialsDisabled: {} } });
    const told = await ciso.api('GET', '/api/notifications');
    expect(told.text).toContain('execution.told');
    expect(told.text).toContain('CISO and Legal are told of an incident');

    expect(await vote(id, 'approve')).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    expect(await keptOf(id)).toEqual([
      '/evidence/disk_image.raw',
      '/tmp/host_snapshot.mem',
      '/tmp/network_connections.log',
      'images/disk',
    ]);
    const view = await viewOf(id);
    expect(Object.keys(view).sort()).toEqual(['event_id', 'status', 'steps']);
    expect(view).toMatchObject({ event_id: `alert-${alerts}`, status: 'completed' });
    expect(view.steps.map(({ step, status }: { step: string; status: string }) => `${step} ${status}`)).toEqual([
      'isolate_host executed',
      'disable_compromised_credentials executed',
      'preserve_artifacts executed',
      'notify_ciso_and_legal executed',
      'trigger_full_disk_imaging executed',
      'preserve_artifacts executed',
    ]);

    await house.admin.api('POST', `${EXECUTIONS}/${id}/cancel`, { compensate: true, reason: 'a false alarm' });
    expect(await settled(id)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await companyOf(fields)).toMatchObject({ host: { isolated: null }, user: { credentialsDisabled: null } });
    // What was kept stays kept.
    expect(await keptOf(id)).toHaveLength(4);
  });

  it('halts where people say no, and starts nothing more', async () => {
    await put('ransomware', RANSOMWARE);
    const fields = await seedHost('denied');
    const { executions } = await alert('CRITICAL', fields);
    const [{ id }] = executions;
    expect(await vote(id, 'deny')).toMatchObject({ status: 'HALTED_BY_APPROVAL' });
    const view = await viewOf(id);
    expect(view.status).toBe('halted_by_approval');
    expect(view.steps.map(({ step, status }: { step: string; status: string }) => `${step} ${status}`)).toEqual([
      'isolate_host executed',
      'disable_compromised_credentials denied',
      'preserve_artifacts executed',
    ]);
    // What contains stays until people take it back.
    expect(await companyOf(fields)).toMatchObject({ host: { isolated: {} }, user: { credentialsDisabled: null } });
  });
});

describe('active breach containment', () => {
  it('runs from the alert to the 72-hour clock, and the segment is restored by its rollback', async () => {
    const saved = await put('breach', BREACH);
    expect(saved.body.data).toMatchObject({
      owner: 'security-ir-team',
      declaredVersion: '2.1',
      complianceTags: ['GDPR', 'SEC', 'NIS2'],
    });
    const fields = await seedHost('breach');
    const { executions } = await alert('critical', fields);
    const [{ id }] = executions;
    const waiting = await settled(id);
    expect(await companyOf(fields)).toMatchObject({ segment: { isolated: {} }, user: { sessions: [{}] } });
    expect(await keptOf(id)).toEqual(['/tmp/flow_logs.json', '/tmp/pcap_capture.pcap']);
    const { body } = await commander.api('GET', `${BASE}/approvals/${waiting.approvals[0]}`);
    expect(Date.parse(body.data.expiresAt) - Date.parse(body.data.requestedAt)).toBe(15 * 60_000);

    await vote(id, 'approve');
    expect(await companyOf(fields)).toMatchObject({ user: { sessions: [] } });
    expect(await vote(id, 'approve')).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    expect(await keptOf(id)).toEqual([
      '/evidence/disk_image.raw',
      '/evidence/memory_dump.mem',
      '/tmp/flow_logs.json',
      '/tmp/pcap_capture.pcap',
      'images/disk',
      'images/memory',
    ]);

    // The 72 hours run, and so do those of each regime that the runbook names.
    const incidentId = (await settled(id)).incidentId;
    const clocks = await house.admin.api('GET', `/api/deadlines?incidentId=${incidentId}`);
    const own = clocks.body.data.find(({ regime }: { regime: string }) => regime === 'RUNBOOK');
    expect(Date.parse(own.nextDueAt) - Date.parse(waiting.startedAt)).toBe(72 * 3_600_000);
    const regimes = new Set(clocks.body.data.map(({ regime }: { regime: string }) => regime));
    expect([...regimes].toSorted()).toEqual(['GDPR', 'NIS2', 'RUNBOOK', 'SEC']);
    // A draft for each, and people hear that no contact could be told, for none is named yet.
    const drafts = await house.admin.api('GET', `/api/notification-drafts?incidentId=${incidentId}`);
    expect(drafts.body.data.map(({ regime }: { regime: string }) => regime).toSorted()).toEqual([
      'GDPR',
      'NIS2',
      'SEC',
    ]);
    const heard = await house.admin.api('GET', '/api/notifications');
    expect(heard.text).toContain('No regulatory contact could be told');

    await house.admin.api('POST', `${EXECUTIONS}/${id}/cancel`, { compensate: true, reason: 'contained' });
    expect(await settled(id)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await companyOf(fields)).toMatchObject({ segment: { isolated: null }, user: { sessions: [] } });
  });

  it('both answer to the same alert', async () => {
    await put('ransomware', RANSOMWARE);
    await put('breach', BREACH);
    const { executions } = await alert('critical', await seedHost('both'));
    expect(executions.map(({ playbookId }: { playbookId: string }) => playbookId).sort()).toEqual([
      'breach.critical',
      'ransomware.critical',
    ]);
  });

  it('fails the step whose value the alert does not have, by name, and nothing is guessed', async () => {
    await put('breach', BREACH);
    const { segment_id: _left, ...fields } = await seedHost('lacking');
    const { executions } = await alert('critical', fields as Fields);
    expect(await settled(executions[0].id)).toMatchObject({ failedActions: ['isolate_network_segment'] });
  });

  it('is started by hand', async () => {
    await put('breach', BREACH);
    const fields = await seedHost('hand');
    const trigger = { playbookId: 'breach.critical', userId: fields.user_id, triggerEvent: fields };
    const started = await house.admin.api('POST', `${EXECUTIONS}/trigger`, trigger);
    expect(started.status).toBe(201);
    expect(await settled(started.body.data.executionId)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await companyOf(fields)).toMatchObject({ segment: { isolated: {} } });
  });
});

describe('an alert that no runbook maps', () => {
  it.each([
    ['low', 'low'],
    ['of no severity, which is low', null],
    ['high', 'high'],
  ])('of severity %s is skipped, and says why', async (name, severity) => {
    await put('breach', BREACH);
    const { executions } = await alert(severity, await seedHost(`skipped-${name.slice(0, 4)}`));
    expect(executions).toHaveLength(1);
    const [{ id }] = executions;
    expect(await settled(id)).toMatchObject({ status: 'SKIPPED', reason: 'no_mapping', stages: [] });
    expect(await viewOf(id)).toEqual({
      event_id: `alert-${alerts}`,
      steps: [],
      status: 'skipped',
      reason: 'no_mapping',
    });
  });

  it('runs what maps it when it gets graver, and is not skipped a second time', async () => {
    await put('breach', BREACH);
    const fields = await seedHost('graver');
    await alert('low', fields);
    expect((await alert('medium', fields)).executions).toHaveLength(1);
    const { executions } = await alert('critical', fields);
    expect(executions.map(({ playbookId }: { playbookId: string }) => playbookId)).toEqual([
      'runbook.no_mapping',
      'breach.critical',
    ]);
  });

  it('opens an incident and nothing else where there are no runbooks, and where they are not enabled', async () => {
    expect((await alert('critical', await seedHost('none'))).executions).toEqual([]);
    await put('breach', BREACH, '?enabled=false');
    expect((await alert('critical', await seedHost('off'))).executions).toEqual([]);
  });
});

describe('the guide', () => {
  it('holds a runbook that can be put, and an alert that it answers', async () => {
    const guide = readFileSync(new URL('../../docs/guides/runbooks.md', import.meta.url), 'utf8');
    const [, text = ''] = /^```yaml\n(.*?)^```$/ms.exec(guide) ?? [];
    const [, event = ''] = /-d '(\{.*?\})'/s.exec(guide) ?? [];
    expect((await put('contain-host', text)).status).toBe(200);
    const sent = await house.admin.api('POST', '/api/events?format=firebreak', event);
    expect(sent.status).toBe(200);
    const { body } = await house.admin.api('GET', '/api/incidents?userId=anna');
    const { data } = (await house.admin.api('GET', `/api/incidents/${body.data[0].id}`)).body;
    const [{ id, playbookId }] = data.executions;
    expect(playbookId).toBe('contain-host.critical');
    expect(await settled(id)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await house.sandbox.call('GET', '/hosts/ws-anna')).toMatchObject({ host: { isolated: {} } });
  });
});

describe('the record of all of it', () => {
  it('verifies', async () => {
    expect(await verified(house.dataDir)).toMatchObject({ code: 0 });
  });
});

describe('nobody answers', () => {
  it('is no approval: when the time is over the run halts, and what was contained stays so', async () => {
    // While people are asked, accelerated time runs at 60 times the wall's: a minute instead of the 15 is a second here.
    const shorter = BREACH.replace('approval_timeout_minutes: 15', 'approval_timeout_minutes: 1');
    const quick = await startHarness({ accelerated: true });
    try {
      await quick.admin.api('PUT', '/api/runbooks/breach', shorter, YAML);
      const event = {
        id: 'silence',
        kind: 'alert',
        severity: 'critical',
        host_id: 'ws-anna',
        segment_id: 'seg-office',
        user_id: 'anna',
      };
      await quick.admin.api('POST', '/api/events?format=firebreak', event);
      const { body } = await quick.admin.api('GET', '/api/incidents?userId=anna');
      const { data } = (await quick.admin.api('GET', `/api/incidents/${body.data[0].id}`)).body;
      const [{ id }] = data.executions;
      const approval = await until('the approval is over', async () => {
        const listed = await quick.admin.api('GET', `${BASE}/approvals?executionId=${id}&status=EXPIRED`);
        return listed.body.data?.[0] ?? null;
      });
      expect(Date.parse(approval.expiresAt) - Date.parse(approval.requestedAt)).toBe(60_000);
      expect(await quick.sandboxUser('anna')).toMatchObject({ sessions: [{}] });
      expect(await quick.sandbox.call('GET', '/segments/seg-office')).toMatchObject({ segment: { isolated: {} } });
      expect(await quick.settled(id)).toMatchObject({ status: 'HALTED_BY_APPROVAL' });
    } finally {
      await quick.stop();
    }
  });
});
