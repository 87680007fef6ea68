import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { compileRunbook } from './compile-runbook.ts';
import { readRunbook, type Runbook } from './runbook.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../tests/fixtures/runbooks/${name}.yaml`, import.meta.url), 'utf8');

function read(text: string, format: 'yaml' | 'json' = 'yaml'): Runbook {
  const result = readRunbook(text, format);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

const faultsOf = (text: string, format: 'yaml' | 'json' = 'yaml') => {
  const result = readRunbook(text, format);
  return 'faults' in result
    ? result.faults.map(({ rule, pointer, line, column }) => [rule, pointer, line, column])
    : [];
};

const withSteps = (...steps: readonly object[]): string => stringify({ playbooks: { high: { name: 'P', steps } } });

const compiled = (text: string) => {
  const { playbooks, faults } = compileRunbook(read(text));
  expect(faults).toEqual([]);
  return playbooks[0]?.document.actions ?? [];
};

describe('the runbooks of the seeds', () => {
  it('are compiled to stages, with what they preserve beside the step that follows', () => {
    const { playbooks } = compileRunbook(read(fixture('active-breach-containment')), 'breach');
    expect(playbooks).toHaveLength(1);
    const [playbook] = playbooks;
    if (playbook === undefined) throw new Error('nothing was compiled');
    const { document } = playbook;
    expect(document).toMatchObject({
      playbookId: 'breach.critical',
      name: 'Active Breach Containment',
      playbookType: 'RUNBOOK',
      severity: 'CRITICAL',
    });
    expect(document.actions.map(({ stage, actionId, target }) => [stage, actionId, target])).toEqual([
      [1, 'isolate_network_segment', '{{event.segment_id}}'],
      [2, 'revoke_active_sessions', '{{event.user_id}}'],
      [2, 'isolate_network_segment_artifacts', '{{event.host_id}}'],
      [3, 'trigger_forensic_imaging', '{{event.host_id}}'],
      [4, 'notify_regulatory_contact', undefined],
      [4, 'trigger_forensic_imaging_artifacts', '{{event.host_id}}'],
    ]);
    expect(document.actions[1]).toMatchObject({
      actionType: 'FULL_SESSION_KILL',
      requiresApproval: true,
      approval: { timeoutMs: 900_000 },
      onDenied: 'HALT',
      onFailure: 'HALT',
    });
    expect(document.actions[2]).toMatchObject({
      actionType: 'PRESERVE_ARTIFACTS',
      requiresApproval: false,
      onFailure: 'CONTINUE',
      parameters: { paths: ['/tmp/pcap_capture.pcap', '/tmp/flow_logs.json'] },
    });
    expect(document.actions[4]?.parameters).toEqual({
      channels: ['ENCRYPTED_EMAIL', 'SECURE_PORTAL'],
      deadlineHours: 72,
      regimes: ['GDPR', 'SEC', 'NIS2'],
    });
  });

  it('are read without metadata, and in JSON', () => {
    const runbook = read(fixture('ransomware-containment'));
    const { playbooks } = compileRunbook(runbook);
    expect(playbooks[0]?.document.playbookId).toBe('runbook.critical');
    expect(playbooks[0]?.document.actions.map(({ actionType }) => actionType)).toEqual([
      'ISOLATE_HOST',
      'DISABLE_COMPROMISED_CREDENTIALS',
      'PRESERVE_ARTIFACTS',
      'NOTIFY_CISO_AND_LEGAL',
      'TRIGGER_FULL_DISK_IMAGING',
      'PRESERVE_ARTIFACTS',
    ]);
    const json = '{"playbooks":{"LOW":{"name":"P","steps":[{"action":"NOTIFY_SOC","channels":["slack"]}]}}}';
    expect(compileRunbook(read(json, 'json')).playbooks[0]?.document.actions[0]?.parameters).toEqual({
      channels: ['SLACK'],
    });
  });
});

describe('readRunbook', () => {
  it.each<[string, readonly unknown[], string]>([
    ['an unknown member', ['unknown-member', '/playbooks/high/steps/0/traget', 6, 9], 'traget: x'],
    ['a wrong type', ['wrong-type', '/playbooks/high/steps/0/requires_approval', 6, 28], 'requires_approval: "yes"'],
    ['an empty target', ['empty-target', '/playbooks/high/steps/0/target', 6, 17], 'target: ""'],
    ['a target left out', ['empty-target', '/playbooks/high/steps/0/target', 6, 16], 'target:'],
    ['an unknown channel', ['unknown-channel', '/playbooks/high/steps/0/channels/1', 6, 27], 'channels: [slack, fax]'],
    ['an unknown role', ['unknown-role', '/playbooks/high/steps/0/approvers/0', 6, 21], 'approvers: [boss]'],
    ['a cycle', ['rollback-cycle', '/playbooks/high/steps/0/rollback', 6, 19], 'rollback: isolate_host'],
    ['another inverse', ['rollback-mismatch', '/playbooks/high/steps/0/rollback', 6, 19], 'rollback: geo_unlock'],
    ['no inverse', ['rollback-unknown', '/playbooks/high/steps/0/rollback', 6, 19], 'rollback: pray'],
    ['channels of a deed', ['misplaced-member', '/playbooks/high/steps/0/channels', 6, 9], 'channels: [slack]'],
    ['a deadline of a deed', ['misplaced-member', '/playbooks/high/steps/0/deadline_hours', 6, 9], 'deadline_hours: 1'],
    ['no artefacts', ['misplaced-member', '/playbooks/high/steps/0/artifact_host', 6, 9], 'artifact_host: x'],
    ['a time of 0', ['out-of-range', '/playbooks/high/steps/0/ttl_minutes', 6, 22], 'ttl_minutes: 0'],
    ['a fraction', ['not-recordable', '/playbooks/high/steps/0/ttl_minutes', 6, 22], 'ttl_minutes: 0.5'],
    [
      'a prototype',
      ['forbidden-name', '/playbooks/high/steps/0/parameters/__proto__', 6, 22],
      'parameters: {__proto__: {}}',
    ],
    ['a member twice', ['duplicate-key', '/playbooks/high/steps/0/action', 6, 9], 'action: isolate_host'],
    ['a tab', ['tab', '', 6, 1], '\ttarget: x'],
    ['an unquoted template', ['syntax', '', 6, 18], 'target: {{event.host_id}}'],
  ])('refuses %s at its place', (_name, expected, member) => {
    const text = `playbooks:\n  high:\n    name: P\n    steps:\n      - action: isolate_host\n        ${member}\n`;
    expect(faultsOf(text.replace(' '.repeat(8) + '\t', '\t'))).toContainEqual(expected);
  });

  it('tells all faults at once, a missing action at its step', () => {
    const text = withSteps({ target: 'x' }, { action: 'isolate_hsot' }, { parallel: [{ action: 'notify_soc', a: 1 }] });
    expect(faultsOf(text)).toEqual([
      ['missing-member', '/playbooks/high/steps/0/action', 5, 9],
      ['unknown-action', '/playbooks/high/steps/1/action', 6, 17],
      ['unknown-member', '/playbooks/high/steps/2/parallel/0/a', 9, 13],
    ]);
  });

  it('knows severities in three spellings, each once', () => {
    const playbook = { name: 'P', steps: [{ action: 'notify_soc' }] };
    expect(faultsOf(stringify({ playbooks: { urgent: playbook } }))).toEqual([
      ['unknown-severity', '/playbooks/urgent', 2, 3],
    ]);
    expect(faultsOf(stringify({ playbooks: { high: playbook, High: playbook } }))).toEqual([
      ['duplicate-key', '/playbooks/High', 6, 3],
    ]);
  });

  it('refuses what contradicts itself', () => {
    const faults = faultsOf(
      withSteps(
        { id: 'a', action: 'notify_soc', requires_approval: false, approvers: ['ciso'] },
        { id: 'a', action: 'notify_soc', parameters: { channels: [] } },
      ),
    );
    expect(faults.map(([rule, pointer]) => [rule, pointer])).toEqual([
      ['approval-contradiction', '/playbooks/high/steps/0/approvers'],
      ['duplicate-id', '/playbooks/high/steps/1/id'],
      ['misplaced-member', '/playbooks/high/steps/1/parameters/channels'],
    ]);
  });

  it('names the line of broken JSON', () => {
    expect(faultsOf('{\n  "playbooks": {,}\n}', 'json')).toEqual([['syntax', '', 2, 17]]);
    expect(faultsOf('{\n "playbooks": {},\n "playbooks": {}\n}', 'json')).toEqual([
      ['duplicate-key', '/playbooks', 3, 2],
    ]);
  });
});

describe('compileRunbook', () => {
  it('makes one stage of a parallel block', () => {
    const actions = compiled(
      withSteps(
        { parallel: [{ action: 'isolate_host' }, { action: 'notify_soc' }] },
        { action: 'isolate_host', target: 'b', preserve_artifacts: ['/a'] },
      ),
    );
    expect(actions.map(({ stage, actionId, target }) => [stage, actionId, target])).toEqual([
      [1, 'isolate_host', undefined],
      [1, 'notify_soc', undefined],
      [2, 'isolate_host_2', 'b'],
      [3, 'isolate_host_2_artifacts', 'b'],
    ]);
  });

  it('keeps the ids of other steps when one is put between', () => {
    const ids = (...steps: readonly object[]) => compiled(withSteps(...steps)).map(({ actionId }) => actionId);
    const [first, last] = [{ action: 'isolate_host' }, { action: 'notify_soc' }];
    expect(ids(first, last)).toEqual(['isolate_host', 'notify_soc']);
    expect(ids(first, { id: 'isolate_host_2', action: 'geo_lock' }, { action: 'isolate_host' }, last)).toEqual([
      'isolate_host',
      'isolate_host_2',
      'isolate_host_3',
      'notify_soc',
    ]);
  });

  it('carries every member over', () => {
    const [action] = compiled(
      withSteps({
        action: 'ISOLATE_HOST',
        connector: 'ssh',
        condition: 'incident.confidence > 70',
        approvers: ['ciso', 'LEGAL'],
        required_approvers: 2,
        on_failure: 'rollback',
        ttl_minutes: 30,
        timeout_minutes: 60,
        parameters: { reason: 'x' },
        description: 'D',
        rollback: 'release_host',
      }),
    );
    expect(action).toEqual({
      actionId: 'isolate_host',
      actionType: 'ISOLATE_HOST',
      connector: 'ssh',
      description: 'D',
      stage: 1,
      parameters: { reason: 'x' },
      condition: 'incident.confidence > 70',
      requiresApproval: true,
      approval: { roles: ['CISO', 'LEGAL'], requiredApprovers: 2 },
      onFailure: 'COMPENSATE',
      onDenied: 'HALT',
      timeoutMs: 3_600_000,
      ttlMs: 1_800_000,
    });
  });

  it('leaves out what is too long for a playbook, and says so', () => {
    const steps = Array.from({ length: 40 }, () => ({ action: 'isolate_host', preserve_artifacts: ['/a'] }));
    const { playbooks, faults } = compileRunbook(read(withSteps(...steps)));
    expect(playbooks).toEqual([]);
    expect(faults).toMatchObject([{ rule: 'too-many-steps', pointer: '/playbooks/high/steps', line: 5 }]);
  });

  it('leaves room for imaging that takes hours, and less than a playbook may take', () => {
    const long = compileRunbook(
      read(withSteps(...Array.from({ length: 20 }, () => ({ action: 'trigger_forensic_imaging' })))),
    );
    expect(long.playbooks[0]?.document).toMatchObject({ executionTimeoutMs: 30 * 24 * 3_600_000 });
    const one = compileRunbook(read(withSteps({ action: 'trigger_forensic_imaging' })));
    expect(one.playbooks[0]?.document.actions[0]?.timeoutMs).toBe(24 * 3_600_000);
    expect(one.playbooks[0]?.document.executionTimeoutMs).toBeGreaterThan(24 * 3_600_000);
  });
});
