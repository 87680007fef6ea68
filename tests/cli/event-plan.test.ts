import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventPlanCommand } from '../../src/cli/event-plan.ts';
import { triggerPlanCommand } from '../../src/cli/trigger-plan.ts';
import { canonicalJson } from '../../src/platform/canonical-json.ts';
import { contentHash } from '../../src/platform/hash.ts';
import { nothingOwed } from '../support/journal-rows.ts';
import { BASE } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, testIo, until } from '../support/server.ts';

/** Plans for alerts: from the file that would be posted, to exactly what was planned. */

const YAML = { 'content-type': 'application/yaml' };
const RUNBOOK = `metadata:
  compliance_tags: [GDPR, SEC, NOREGIME]
playbooks:
  critical:
    name: Contain a host
    steps:
      - action: isolate_host
        target: '{{event.host_id}}'
        requires_approval: false
        rollback: restore_host
      - action: revoke_active_sessions
        target: '{{event.user_id}}'
        requires_approval: true
        approvers: [ciso]
      - action: notify_regulatory_contact
        channels: [encrypted_email]
        deadline_hours: 48
        requires_approval: false
  low:
    name: Tell the SOC
    steps:
      - action: notify_soc
        requires_approval: false
        condition: 'incident.confidence > 99'
`;
// A number that is no whole one, as sensors send them.
const ALERT = {
  id: 'a1',
  kind: 'alert',
  action: 'edr.ransomware',
  severity: 'critical',
  host_id: 'ws-anna',
  user_id: 'anna',
  score: 0.93,
};

let house: Harness;
let planner: Person;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-event-plans-'));
  house = await startHarness();
  planner = await house.person('SECURITY_ANALYST');
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);

async function plan(name: string, event: object = ALERT, more: { readonly reference?: string } = {}) {
  const io = testIo({ FIREBREAK_API_KEY: planner.key });
  writeFileSync(at('alert.json'), JSON.stringify(event));
  const code = await eventPlanCommand(at('alert.json'), { url: house.url, json: false, out: at(name), ...more }, io);
  const file = readFileSync(at(name), 'utf8');
  const { plan: document, sha256 } = JSON.parse(file);
  return { code, said: io.said(), file, document, sha256 };
}

async function trigger(name: string): Promise<readonly string[]> {
  const io = testIo({ FIREBREAK_API_KEY: planner.key });
  expect(await triggerPlanCommand({ url: house.url, json: false, plan: at(name) }, io)).toBe(0);
  return io.said().trim().split('\n');
}

describe('a plan for an alert', () => {
  it('says that there is no runbook, and that none maps it', async () => {
    expect(await plan('none.json')).toMatchObject({ code: 0, document: { outcome: 'no_runbooks', runs: [] } });
    expect((await house.admin.api('PUT', '/api/runbooks/host', RUNBOOK, YAML)).status).toBe(200);
    const none = await plan('none.json', { ...ALERT, severity: 'high' });
    expect([none.code, none.document.outcome]).toEqual([0, 'no_mapping']);
    expect(none.said).toContain('no_mapping');
    await expect(trigger('none.json')).rejects.toMatchObject({ code: 'conflict' });
    // Mapped, and its only condition is false.
    expect(await plan('idle.json', { ...ALERT, severity: 'low' })).toMatchObject({
      code: 0,
      document: { outcome: 'runbooks' },
    });
  });

  it('says what, to whom, who is asked, what can be undone, which clocks start and what is missing, and stores nothing', async () => {
    await until('nothing is owed', async () => (nothingOwed(house.database()) ? true : null));
    const before = house.counts();
    const { code, said, document } = await plan('shown.json');
    expect(house.counts()).toEqual(before);
    expect(code).toBe(2);
    const clocks = document.deadlines[0];
    for (const part of [
      'host.critical:',
      'ISOLATE_HOST by sandbox on ws-anna',
      'runs; asks nobody; undo',
      'revoke_active_sessions: FULL_SESSION_KILL by sandbox on anna',
      'asks 1: 1 of CISO',
      'begins with aware',
      'hours after the start event aware',
      'runbook-48h',
      'NOREGIME names no regime',
      'missing host.critical revoke_active_sessions: it asks 1 of CISO, and nobody here can answer',
      'missing host.critical notify_regulatory_contact: there is nobody who can be told by encrypted_email',
    ])
      expect(said).toContain(part);
    expect(clocks.clocks.map(({ regime }: { regime: string }) => regime)).toContain('GDPR');
    // Materiality is for people to say: the clock waits for them.
    expect(clocks.clocks.find(({ regime }: { regime: string }) => regime === 'SEC').startedBy).toBeNull();
  });

  it('is the same at every moment, and its hash is that of its canonical JSON; what is missing is not in it', async () => {
    const first = await plan('one.json');
    await house.person('CISO');
    const second = await plan('two.json');
    expect(second.file).toBe(first.file);
    expect(second.said).not.toContain('nobody here can answer');
    expect([first.sha256, first.file]).toEqual([
      contentHash(first.document),
      `${canonicalJson({ plan: first.document, sha256: first.sha256 })}\n`,
    ]);
    expect((await plan('other.json', { ...ALERT, host_id: 'ws-boris' })).sha256).not.toBe(first.sha256);
    // A time of its own is part of it; when it was planned is not.
    const timed = { ...ALERT, time: new Date(Date.now() - 60_000).toISOString() };
    expect((await plan('a.json', timed)).file).toBe((await plan('b.json', timed)).file);
  });

  it('names the target that an alert does not give', async () => {
    const { host_id: _host, ...bare } = ALERT;
    const { code, said } = await plan('bare.json', bare);
    expect([code, said]).toEqual([2, expect.stringContaining('missing host.critical isolate_host: it has no target')]);
  });

  it('is executed exactly, once; approvals show its hash', async () => {
    const { sha256 } = await plan('go.json', ALERT, { reference: 'T-1' });
    const [executionId = '', ...others] = await trigger('go.json');
    expect(others).toEqual([]);
    const execution = await house.settled(executionId);
    expect(execution).toMatchObject({ status: 'AWAITING_APPROVAL', playbookId: 'host.critical' });
    const [approval] = (await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`)).body.data;
    expect(approval).toMatchObject({ planSha256: sha256, target: { id: 'anna' }, requester: planner.id });
    const incident = (await house.admin.api('GET', `/api/incidents/${execution['incidentId']}`)).body.data;
    expect(incident).toMatchObject({ source: 'MANUAL', executions: [{ playbookId: 'host.critical' }] });
    await expect(trigger('go.json')).rejects.toMatchObject({ code: 'conflict' });
    // The alert itself still opens an incident of its own.
    await plan('again.json', ALERT, { reference: 'T-2' });
    expect(await trigger('again.json')).not.toContain(executionId);
  });

  it('is refused when something else would be done now, or its file was changed', async () => {
    await plan('old.json', ALERT, { reference: 'T-3' });
    const changed = RUNBOOK.replace('deadline_hours: 48', 'deadline_hours: 24');
    expect((await house.admin.api('PUT', '/api/runbooks/host', changed, YAML)).status).toBe(200);
    await expect(trigger('old.json')).rejects.toMatchObject({ code: 'stale_version' });
    writeFileSync(at('forged.json'), readFileSync(at('old.json'), 'utf8').replace('ws-anna', 'ws-boris'));
    await expect(trigger('forged.json')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it.each([
    [{ ...ALERT, kind: 'login' }, 'The event is no alert'],
    [{ hello: 'world' }, /cannot be read|no alert/],
    [[ALERT], /body|expected/],
  ])('refuses %j', async (event, message) => {
    await expect(plan('refused.json', event)).rejects.toThrow(message);
  });
});
