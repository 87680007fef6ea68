import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand } from '../support/playbooks.ts';
import { type Body, type Harness, type Person, startHarness, verified } from '../support/server.ts';
import { startCompany, type SshCompany } from '../support/ssh-company.ts';
import { note, whyNoHosts } from '../support/ssh-world.ts';

/** The two documents that Firebreak was asked for with, unchanged, on real hosts. */
const textOf = (name: string) => readFileSync(new URL(`../fixtures/runbooks/${name}.yaml`, import.meta.url), 'utf8');
const RANSOMWARE = textOf('ransomware-containment');
const BREACH = textOf('active-breach-containment');
const YAML = { 'content-type': 'application/yaml' };
const EXECUTIONS = `${BASE}/executions`;

const missing = whyNoHosts();
/** How long a connection that works may take, and how long one that is cut is waited for, in ms. */
const SOON = 3_000;
const CUT = 400;

/** What the documents collect, as it lies on `web-1`. */
const FILES = new Map([
  ['/tmp/host_snapshot.mem', randomBytes(300_000)],
  ['/tmp/network_connections.log', Buffer.from('tcp ESTAB 10.0.0.1:443\n')],
  ['/tmp/pcap_capture.pcap', randomBytes(70_000)],
  ['/tmp/flow_logs.json', Buffer.from('{"flows":[]}')],
  ['/evidence/disk_image.raw', randomBytes(2_000_000)],
  ['/evidence/memory_dump.mem', randomBytes(900_000)],
]);

describe.skipIf(missing !== null)(`the seeds' runbooks on real hosts${note(missing)}`, () => {
  let company: SshCompany;
  let house: Harness;
  let commander: Person;
  beforeAll(async () => {
    company = await startCompany();
    for (const [path, content] of FILES) company.web.write(path, content);
    for (const [index, name] of ['rita', 'bert', 'fay', 'hal'].entries()) company.web.addAccount(name, 5_001 + index);
    const env = { SSH_HOSTS_FILE: company.hostsFile, SSH_KEY: company.world.userKey };
    house = await startHarness({ withoutSandbox: true, env });
    commander = await house.person('INCIDENT_COMMANDER');
  });
  afterAll(async () => {
    await house?.stop();
    company?.close();
  });

  async function put(id: string, text: string): Promise<void> {
    const { body } = await house.admin.api('GET', '/api/runbooks');
    for (const each of body.data) await house.admin.api('DELETE', `/api/runbooks/${each.id}`);
    const saved = await house.admin.api('PUT', `/api/runbooks/${id}`, text, YAML);
    expect([saved.status, saved.text]).toEqual([200, expect.anything()]);
  }

  /** A critical alert about an account of `web-1`, and the execution that answers it. */
  async function alert(account: string, hostId = 'web-1'): Promise<string> {
    const subject = `${account}@web-1`;
    const fields = { host_id: hostId, segment_id: 'dmz', user_account: subject, user_id: subject };
    const event = { id: `alert-${account}`, kind: 'alert', action: 'edr.alert', severity: 'critical', ...fields };
    const sent = await house.admin.api('POST', '/api/events?format=firebreak', event);
    expect([sent.status, sent.text]).toEqual([200, expect.stringContaining('"accepted":1')]);
    const { body } = await house.admin.api('GET', `/api/incidents?userId=${encodeURIComponent(subject)}`);
    const incident = await house.admin.api('GET', `/api/incidents/${body.data[0].id}`);
    expect(incident.body.data.executions).toHaveLength(1);
    return incident.body.data.executions[0].id;
  }

  async function approve(id: string): Promise<NonNullable<Body['data']>> {
    const { approvals } = await house.settled(id);
    const approvalId = approvals.at(-1);
    const { body } = await commander.api('GET', `${BASE}/approvals/${approvalId}`);
    const { intentHash } = body.data;
    const reply = await commander.api('POST', `${BASE}/approvals/${approvalId}/approve`, {
      intentHash,
      comment: 'seen',
    });
    expect([reply.status, reply.text]).toEqual([200, expect.anything()]);
    return house.settled(id);
  }

  async function takeBack(id: string): Promise<NonNullable<Body['data']>> {
    const body = { compensate: true, reason: 'contained' };
    expect((await house.admin.api('POST', `${EXECUTIONS}/${id}/cancel`, body)).status).toBe(200);
    return house.settled(id);
  }

  async function keptOf(executionId: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const { body } = await house.admin.api('GET', `/api/evidence?executionId=${executionId}`);
    const kept = body.data as readonly Kept[]; // as `shownEvidence` has it
    return new Map(
      kept.map(({ source, integrity }) => [
        source.location,
        [integrity.complete, integrity.sha256, integrity.sha512].map(String),
      ]),
    );
  }
  interface Kept {
    readonly source: { readonly location: string };
    readonly integrity: { readonly complete: boolean; readonly sha256: string; readonly sha512: string };
  }
  const whole = (bytes: Buffer): readonly string[] => [
    'true',
    ...['sha256', 'sha512'].map((name) => createHash(name).update(bytes).digest('hex')),
  ];
  /** Each of these was kept whole, with the hashes that it has on the host. */
  const wholeFiles = (...paths: string[]) =>
    paths.map((path) => [path, whole(FILES.get(path) ?? Buffer.alloc(0))] as const);

  const shadowOf = (name: string): string =>
    readFileSync(`${company.web.etc}/shadow`, 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`)) ?? '';

  it('ransomware: cuts the host off, keeps what it has, locks the account, images the disk, and takes all of it back', async () => {
    await put('ransomware', RANSOMWARE);
    const before = shadowOf('rita');
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    const id = await alert('rita');
    expect(await house.settled(id)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    expect(await company.managementReachesWeb(CUT)).toBe(false);
    expect(await keptOf(id)).toEqual(new Map(wholeFiles('/tmp/host_snapshot.mem', '/tmp/network_connections.log')));
    expect(shadowOf('rita')).toBe(before);

    expect(await approve(id)).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(shadowOf('rita')).toMatch(/^rita:!/);
    await expect(company.signIn('rita')).rejects.toThrow('authentication');

    expect(await approve(id)).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    const kept = await keptOf(id);
    expect([...kept.keys()].toSorted()).toHaveLength(4);
    expect([...kept.values()]).toContainEqual(whole(company.disk));
    expect([...kept]).toEqual(expect.arrayContaining(wholeFiles('/evidence/disk_image.raw')));

    expect(await takeBack(id)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    expect(shadowOf('rita')).toBe(before);
    expect(await keptOf(id)).toEqual(kept);
  });

  it('breach: cuts the segment off, ends the sessions, images disk and memory, starts 72 hours, and takes all of it back', async () => {
    await put('breach', BREACH);
    const session = await company.signIn('bert');
    const id = await alert('bert');
    const waiting = await house.settled(id);
    expect(waiting).toMatchObject({ status: 'AWAITING_APPROVAL' });
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    // Management still looks at what is inside.
    expect(await company.managementReachesWeb(SOON)).toBe(true);
    expect(await keptOf(id)).toEqual(new Map(wholeFiles('/tmp/pcap_capture.pcap', '/tmp/flow_logs.json')));
    expect(session.isOpen()).toBe(true);

    await approve(id);
    await session.ended;
    expect(await approve(id)).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    const kept = await keptOf(id);
    expect(kept.size).toBe(6);
    expect([...kept.values()]).toContainEqual(whole(company.disk));
    expect([...kept]).toEqual(
      expect.arrayContaining(wholeFiles('/evidence/disk_image.raw', '/evidence/memory_dump.mem')),
    );

    const { incidentId } = waiting;
    const clocks = await house.admin.api('GET', `/api/deadlines?incidentId=${incidentId}`);
    const own = clocks.body.data.find(({ regime }: { regime: string }) => regime === 'RUNBOOK');
    expect(Date.parse(own.nextDueAt) - Date.parse(waiting.startedAt)).toBe(72 * 3_600_000);
    const drafts = await house.admin.api('GET', `/api/notification-drafts?incidentId=${incidentId}`);
    const regimes = drafts.body.data.map(({ regime }: { regime: string }) => regime);
    expect(regimes.toSorted()).toEqual(['GDPR', 'NIS2', 'SEC']);

    expect(await takeBack(id)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    // Whoever was signed out signs in again.
    (await company.signIn('bert')).leave();
  });

  it('breach, where the disk is gone: stops there, stays contained, and is taken back by people', async () => {
    await put('breach', BREACH);
    const id = await alert('fay', 'web-2');
    await approve(id);
    expect(await approve(id)).toMatchObject({ failedActions: ['trigger_forensic_imaging'] });
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    expect(await takeBack(id)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
  });

  it('breach, where the disk is gone and a failure rolls back: takes itself back', async () => {
    const step = '- action: "trigger_forensic_imaging"';
    await put('breach', BREACH.replace(step, `${step}\n        on_failure: rollback`));
    const id = await alert('hal', 'web-2');
    await approve(id);
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    expect(await approve(id)).toMatchObject({ status: 'ROLLED_BACK', failedActions: ['trigger_forensic_imaging'] });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    expect(company.world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
  });

  /** Runs one action on the segment. */
  async function onSegment(playbookId: string, ...types: string[]): Promise<NonNullable<Body['data']>> {
    const actions = types.map((actionType, index) => ({
      actionId: actionType.toLowerCase(),
      actionType,
      target: '{{event.segment_id}}',
      stage: index + 1,
    }));
    const saved = await house.admin.api('POST', BASE, byHand(playbookId, actions));
    expect([saved.status, saved.text]).toEqual([201, expect.anything()]);
    const body = { playbookId, userId: 'nobody', triggerEvent: { segment_id: 'dmz' } };
    const started = await house.admin.api('POST', `${EXECUTIONS}/trigger`, body);
    return house.settled(started.body.data.executionId);
  }

  it('keeps a segment cut off until the last of two lets go, also when somebody restores it meanwhile', async () => {
    const first = await onSegment('first', 'ISOLATE_NETWORK_SEGMENT');
    const second = await onSegment('second', 'ISOLATE_NETWORK_SEGMENT');
    expect(second).toMatchObject({ status: 'SKIPPED' });
    const early = await onSegment('early', 'RESTORE_NETWORK_SEGMENT');
    expect(early).toMatchObject({ status: 'FAILED', failedActions: ['restore_network_segment'] });
    const audits = await house.admin.api('GET', `${BASE}/audits?executionId=${early.executionId}`);
    expect(audits.text).toContain('still_held');
    for (const { executionId } of [first, second]) expect(audits.text).toContain(executionId);
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    expect(await takeBack(first.executionId)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(CUT)).toBe(false);
    expect(await takeBack(second.executionId)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    // Its own is no other's: a playbook may open what it has cut off.
    const both = await onSegment('both', 'ISOLATE_NETWORK_SEGMENT', 'RESTORE_NETWORK_SEGMENT');
    expect(both).toMatchObject({ status: 'COMPLETED', failedActions: [] });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
    expect(await takeBack(both.executionId)).toMatchObject({ status: 'ROLLED_BACK' });
    expect(await company.officeReachesWeb(SOON)).toBe(true);
  });

  it('leaves a record that verifies', async () => {
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, intact: true });
  });
});
