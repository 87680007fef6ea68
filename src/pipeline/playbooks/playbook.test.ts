import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { BUILTIN_PLAYBOOKS } from './builtin/builtins.ts';
import { parsePlaybook, SEED_DEFAULTS, toPlaybook } from './playbook.ts';

/** Written as people write it: only what is needed. */
const MINIMAL = {
  name: 'Test Playbook',
  playbookType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  severity: 'HIGH',
  rules: [{ ruleId: 'r1', ruleType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', conditions: {} }],
  actions: [{ actionId: 'a1', actionType: 'USER_NOTIFICATION', stage: 1, parameters: {} }],
};

const saved = (document: unknown) => {
  const result = toPlaybook(document);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.value;
};

const faults = (document: unknown): Record<string, string> => {
  const result = toPlaybook(document);
  return 'faults' in result ? Object.fromEntries(result.faults.map((fault) => [fault.pointer, fault.detail])) : {};
};

const withAction = (action: object) => ({ ...MINIMAL, actions: [{ ...MINIMAL.actions[0], ...action }] });

describe('toPlaybook', () => {
  it('takes the smallest document and fills in the defaults', () => {
    expect(saved(MINIMAL)).toEqual({
      ...MINIMAL,
      enabled: true,
      inputs: [],
      executionTimeoutMs: 300_000,
      actions: [
        {
          actionId: 'a1',
          actionType: 'USER_NOTIFICATION',
          stage: 1,
          parameters: {},
          requiresApproval: false,
          onFailure: 'CONTINUE',
          onDenied: 'CONTINUE',
          retry: { maxRetries: 3, backoffMs: 1_000, backoffMultiplier: 2 },
          timeoutMs: 30_000,
        },
      ],
    });
  });

  it('takes an action with nothing but its id and type', () => {
    const [action] = saved({ ...MINIMAL, actions: [{ actionId: 'a', actionType: 'ANALYST_ESCALATION' }] }).actions;
    expect(action).toMatchObject({ stage: 1, parameters: {}, requiresApproval: false });
  });

  it('saving the result again changes nothing, and it can be recorded', () => {
    for (const document of [MINIMAL, ...BUILTIN_PLAYBOOKS]) {
      expect(saved(saved(document))).toEqual(saved(document));
      expect(() => canonicalJson(saved(document))).not.toThrow();
    }
  });

  it('uses the configured defaults', () => {
    const configured = { executionTimeoutMs: 1_000, backoffMs: 5, approvalTimeoutMs: 7_000 };
    const result = toPlaybook(withAction({ requiresApproval: true }), configured);
    expect(result).toMatchObject({
      value: { executionTimeoutMs: 1_000, actions: [{ retry: { backoffMs: 5 }, approval: { timeoutMs: 7_000 } }] },
    });
  });

  it('stores one spelling of an action type', () => {
    const types = ['full_session_kill', 'FULL_SESSION_KILL', 'revoke_active_sessions', 'Revoke_Active_Sessions'];
    for (const actionType of types)
      expect(saved(withAction({ actionType })).actions[0]?.actionType).toBe('FULL_SESSION_KILL');
  });

  it('says who approves when the document does not, and halts runbooks that are denied', () => {
    expect(saved(withAction({ requiresApproval: true })).actions[0]?.approval).toEqual({
      roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'],
      requiredApprovers: 1,
      timeoutMs: SEED_DEFAULTS.approvalTimeoutMs,
      fallbackBehavior: 'ESCALATE_TO_HUMAN',
    });
    expect(saved(withAction({ approval: { roles: ['CISO'] } })).actions[0]).toMatchObject({ requiresApproval: true });
    expect(saved({ ...MINIMAL, playbookType: 'RUNBOOK' }).actions[0]?.onDenied).toBe('HALT');
  });

  it('reads _id and maxExecutionTimeMs as the other names they are', () => {
    const playbook = saved({ ...MINIMAL, _id: 'p-1', maxExecutionTimeMs: 600_000 });
    expect(playbook).toMatchObject({ playbookId: 'p-1', executionTimeoutMs: 600_000 });
    expect(playbook).not.toHaveProperty('_id');
    expect(playbook).not.toHaveProperty('maxExecutionTimeMs');
    expect(Object.keys(faults({ ...MINIMAL, _id: 'a', playbookId: 'b' }))).toEqual(['/_id']);
    expect(Object.keys(faults({ ...MINIMAL, executionTimeoutMs: 1_000, maxExecutionTimeMs: 2_000 }))).toEqual([
      '/maxExecutionTimeMs',
    ]);
  });

  it('names each unknown member by its pointer, with those that are known', () => {
    const found = faults({ ...withAction({ stages: 1, retry: { tries: 1 } }), sevrity: 'HIGH' });
    expect(Object.keys(found).sort()).toEqual(['/actions/0/retry/tries', '/actions/0/stages', '/sevrity']);
    expect(found['/actions/0/stages']).toMatch(/stage/);
    expect(found['/actions/0/retry/tries']).toMatch(/maxRetries/);
    expect(found['/sevrity']).toMatch(/severity/);
  });

  it.each<[string, object]>([
    ['/actions/0/stage', withAction({ stage: 0 })],
    ['/actions/0/stage', withAction({ stage: 1.5 })],
    ['/actions/0/actionType', withAction({ actionType: 'NUKE' })],
    ['/actions/0/actionId', withAction({ actionId: '' })],
    ['/actions/0/actionId', withAction({ actionId: '../x' })],
    ['/actions/0/actionId', withAction({ actionId: 'constructor' })],
    ['/playbookId', { ...MINIMAL, playbookId: 'metrics' }],
    ['/actions/0/retry/maxRetries', withAction({ retry: { maxRetries: 11 } })],
    ['/actions/0/retry', withAction({ retry: { maxRetries: 10, backoffMs: 86_400_000, backoffMultiplier: 10 } })],
    ['/actions/0/retry/backoffMultiplier', withAction({ retry: { backoffMultiplier: 1.5 } })],
    ['/actions/0/approval', withAction({ requiresApproval: false, approval: { roles: ['CISO'] } })],
    ['/actions/0/approval/roles/0', withAction({ approval: { roles: ['BOSS'] } })],
    ['/actions/0/approval/requiredApprovers', withAction({ approval: { requiredApprovers: 0 } })],
    ['/actions/0/parameters/ratio', withAction({ parameters: { ratio: 0.5 } })],
    ['/actions/0/parameters/text', withAction({ parameters: { text: 'a\u0000' } })],
    [
      '/actions/0/parameters/__proto__',
      JSON.parse(
        JSON.stringify(withAction({ parameters: {} })).replace('"parameters":{}', '"parameters":{"__proto__":{}}'),
      ),
    ],
    ['/actions/0/forEach', withAction({ forEach: 'hosts' })],
    ['/actions', { ...MINIMAL, actions: [] }],
    [
      '/actions',
      {
        ...MINIMAL,
        actions: Array.from({ length: 65 }, (_, index) => ({ actionId: `a${index}`, actionType: 'GEO_LOCK' })),
      },
    ],
    ['/actions/1/actionId', { ...MINIMAL, actions: [MINIMAL.actions[0], MINIMAL.actions[0]] }],
    ['/rules/1/ruleId', { ...MINIMAL, rules: [MINIMAL.rules[0], MINIMAL.rules[0]] }],
    ['/inputs/0', { ...MINIMAL, inputs: ['a-b'] }],
    ['/name', { ...MINIMAL, name: ' ' }],
    ['/severity', { ...MINIMAL, severity: 'high' }],
  ])('refuses what is wrong at %s', (pointer, document) => {
    expect(Object.keys(faults(document))).toEqual([pointer]);
  });

  it('is total for anything', () => {
    const loop: Record<string, unknown> = {};
    loop['loop'] = loop;
    for (const value of [null, undefined, 1, 'x', [], () => 1, new Date(0), loop, [[[[]]]], Symbol('x'), 1n]) {
      expect(Object.keys(faults(value)).length).toBeGreaterThan(0);
    }
  });
});

describe('parsePlaybook', () => {
  it('gives the same object for JSON and YAML', () => {
    for (const document of [MINIMAL, ...BUILTIN_PLAYBOOKS]) {
      const json = parsePlaybook(JSON.stringify(document), 'json');
      expect(json).toEqual({ value: saved(document) });
      expect(parsePlaybook(stringify(document), 'yaml')).toEqual(json);
    }
  });

  it('reads anchors', () => {
    const text = `name: N
playbookType: CUSTOM
severity: LOW
actions:
  - { actionId: a, actionType: user_notification, retry: &few { maxRetries: 1 } }
  - { actionId: b, actionType: user_notification, retry: *few }
`;
    expect(parsePlaybook(text, 'yaml')).toMatchObject({ value: { actions: [{}, { retry: { maxRetries: 1 } }] } });
  });

  it.each<['json' | 'yaml', string, string]>([
    ['yaml', 'name: a\nname: b\n', 'given twice'],
    ['json', '{"name": "a", "name": "b"}', 'given twice'],
    ['json', '{"a": {"b": 1, "b": 2}}', 'given twice'],
    ['yaml', 'a: [\n', 'Line 2'],
    ['yaml', '{'.repeat(500_000), 'deeper'],
    ['yaml', '- '.repeat(400_000), 'levels'],
    ['yaml', 'a: 1\n'.repeat(100_000), 'parts'],
    ['yaml', '%a\n'.repeat(1_000), 'directives'],
    ['yaml', `a:\n${' '.repeat(300)}b: 1\n`, 'indented'],
    ['json', '{', 'not valid JSON'],
    ['yaml', 'a: 1\n---\nb: 2\n', 'multiple documents'],
    ['yaml', 'a: !!js/function x\n', 'tag'],
    ['yaml', '? [1]\n: 2\n', 'strings'],
    ['yaml', `a: &a [1]\nb: [${Array.from({ length: 101 }, () => '*a').join(',')}]\n`, 'Anchors'],
    [
      'yaml',
      'a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n',
      'alias',
    ],
    ['json', `"${'x'.repeat(1024 * 1024)}"`, 'larger'],
    ['yaml', 'a: .nan\n', 'whole numbers'],
    ['yaml', `a: ${'['.repeat(20)}${']'.repeat(20)}\n`, 'deeper'],
  ])('refuses %s %j', (format, text, expected) => {
    const result = parsePlaybook(text, format);
    expect('faults' in result ? result.faults.map((fault) => fault.detail).join(' ') : '').toMatch(
      new RegExp(expected, 'i'),
    );
  });
});
