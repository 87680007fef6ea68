import { describe, expect, it } from 'vitest';
import type { ActionDeclaration } from '../actions/contract.ts';
import { compilePlaybook, type ParameterFaults } from './compile.ts';
import { toPlaybook } from './playbook.ts';
import { declarationOf, declare } from '../../../tests/support/declarations.ts';

const compile = (
  actions: readonly object[],
  more: object = {},
  declarations: (type: string, connector?: string) => ActionDeclaration | null = declarationOf,
  parameterFaults: ParameterFaults = () => [],
) => {
  const read = toPlaybook({ name: 'P', playbookType: 'CUSTOM', severity: 'LOW', actions, ...more });
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return compilePlaybook(read.value, declarations, parameterFaults);
};

const kill = { actionId: 'kill', actionType: 'FULL_SESSION_KILL' };
const suspend = { actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND' };
const block = { actionId: 'block', actionType: 'IPBLACKLIST_ADD' };
const notify = { actionId: 'notify', actionType: 'USER_NOTIFICATION' };
const reset = { actionId: 'reset', actionType: 'FORCE_PASSWORD_RESET' };

describe('compilePlaybook', () => {
  it('compiles what is good, without a word', () => {
    const { compiled, faults, warnings } = compile([
      kill,
      { ...suspend, stage: 2, condition: 'results.kill.status == "FAILED"' },
    ]);
    expect({ faults, warnings }).toEqual({ faults: [], warnings: [] });
    expect(compiled?.actions.map(({ declaration }) => declaration.type)).toEqual([
      'FULL_SESSION_KILL',
      'ACCOUNT_SUSPEND',
    ]);
  });

  it.each<[string, RegExp, readonly object[], object?]>([
    ['/actions/0/condition', /Known roots/, [{ ...kill, condition: 'x == 1' }]],
    ['/actions/1/condition', /suspend/, [suspend, { ...kill, condition: 'results.suspend.status == "SUCCESS"' }]],
    ['/actions/1/condition', /kill/, [suspend, { ...kill, stage: 2, condition: 'results.kill.status == "SUCCESS"' }]],
    ['/actions/0/condition', /ticket/, [{ ...kill, condition: 'context.tiket == "x"' }], { inputs: ['ticket'] }],
    ['/actions/0/target', /usr/, [{ ...kill, target: '{{usr.id}}' }]],
    ['/actions/0/parameters/a/0', /later/, [{ ...kill, parameters: { a: ['{{results.later.status}}'] } }]],
    ['/actions/0/forEach', /ip/, [{ ...block, forEach: 'accounts' }]],
    ['/actions/0/question', /forEach/, [{ ...kill, forEach: 'accounts', question: { text: 'Q?', roles: ['CISO'] } }]],
    ['/actions/0/ttlMs', /remove ttlMs/, [{ ...kill, ttlMs: 1_000 }]],
    ['/actions/0/approval/fallbackBehavior', /silence/, [{ ...reset, approval: { fallbackBehavior: 'ALLOW_ACTION' } }]],
    ['/actions/0/onlyWhileGated', /stage 1/, [{ ...kill, onlyWhileGated: 'kill' }]],
    [
      '/actions/0/onlyWhileGated',
      /stage 1/,
      [
        { ...kill, onlyWhileGated: 'suspend' },
        { ...suspend, stage: 2 },
      ],
    ],
    [
      '/actions/2/condition',
      /No such key: kill/,
      [
        suspend,
        { ...kill, onlyWhileGated: 'suspend' },
        { ...block, stage: 2, condition: 'results.kill.status == "X"' },
      ],
    ],
  ])('refuses at %s', (pointer, expected, actions, more) => {
    const { compiled, faults } = compile(actions, more);
    expect(compiled).toBeNull();
    expect(faults.map((fault) => fault.pointer)).toEqual([pointer]);
    expect(faults[0]?.detail).toMatch(expected);
  });

  it('refuses an action that no connector offers, and still judges the rest', () => {
    const { faults } = compile([{ ...kill, condition: 'x' }, suspend], {}, () => null);
    expect(faults.map((fault) => fault.pointer)).toEqual([
      '/actions/0/condition',
      '/actions/0/actionType',
      '/actions/1/actionType',
    ]);
  });

  it('asks the connector that an action names, and says it when that one does not offer it', () => {
    const declarations = (type: string, connector = 'test'): ActionDeclaration | null =>
      connector === 'ssh' ? null : declarationOf(type);
    const faults = compile([kill, { ...kill, actionId: 'b', connector: 'ssh' }], {}, declarations).faults;
    expect(faults).toEqual([
      {
        pointer: '/actions/1/connector',
        detail: expect.stringContaining('The connector ssh does not offer FULL_SESSION_KILL'),
      },
    ]);
  });

  it('hands parameters to the connector, but not what it says about texts that are filled in later', () => {
    const faults: ParameterFaults = () => [{ pointer: '/country', detail: 'must be two letters' }];
    const judged = (country: string) =>
      compile([{ ...kill, parameters: { country } }], {}, declarationOf, faults).faults;
    expect(judged('Belgium')).toEqual([{ pointer: '/actions/0/parameters/country', detail: 'must be two letters' }]);
    expect(judged('{{event.country}}')).toEqual([]);
    expect(compile([kill], {}, declarationOf, faults).faults).toHaveLength(1);
  });

  it('lets the detector judge the conditions of its rules', () => {
    const judged = (ruleType: string, conditions: object): string[] =>
      compile([kill], { rules: [{ ruleId: 'r', ruleType, conditions }] }).faults.map((fault) => fault.pointer);
    expect(judged('REPEATED_2FA_BYPASS', { minAttempts: 5, timeWindowMinutes: 60 })).toEqual([]);
    expect(judged('REPEATED_2FA_BYPASS', { minAtempts: 5 })).toEqual(['/rules/0/conditions/minAtempts']);
    expect(judged('DATA_EXFILTRATION', { anything: 5 })).toEqual([]);
  });

  it.each<[string, RegExp, readonly object[], object?]>([
    ['/actions/0', /cannot be taken back/, [notify]],
    ['/actions/0', /a person is asked/, [reset]],
    [
      '/actions/1/onFailure',
      /cannot undo reset/,
      [
        { ...reset, requiresApproval: true },
        { ...suspend, onFailure: 'COMPENSATE' },
      ],
    ],
    ['/rules', /manual trigger/, [kill], { playbookType: 'REPEATED_2FA_BYPASS' }],
    [
      '/actions/0/target',
      /ignored/,
      [{ actionId: 'e', actionType: 'ANALYST_ESCALATION', requiresApproval: true, target: 'x' }],
    ],
  ])('warns at %s', (pointer, expected, actions, more) => {
    const { compiled, warnings } = compile(actions, more);
    expect(compiled).not.toBeNull();
    expect(warnings.map((warning) => warning.pointer)).toEqual([pointer]);
    expect(warnings[0]?.detail).toMatch(expected);
  });

  it('lets what can be undone be allowed by silence', () => {
    expect(compile([{ ...suspend, approval: { fallbackBehavior: 'ALLOW_ACTION' } }]).faults).toEqual([]);
    const lasting = (type: string) =>
      type === 'ACCOUNT_SUSPEND' ? declare('ACCOUNT_SUSPEND', { reversibility: 'irreversible' }) : null;
    expect(compile([{ ...suspend, approval: { fallbackBehavior: 'ALLOW_ACTION' } }], {}, lasting).faults).toHaveLength(
      1,
    );
  });
});
