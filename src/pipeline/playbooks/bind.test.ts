import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { bindPlan, type GateQuery } from './bind.ts';
import { compilePlaybook } from './compile.ts';
import type { Plan, PlanAction, PlanGate } from './plan.ts';
import { toPlaybook } from './playbook.ts';
import { declarationOf } from '../../../tests/support/declarations.ts';

const GATE: PlanGate = {
  source: 'policy_1',
  version: 3,
  gateName: 'G',
  requirements: [{ roles: ['CISO'], k: 1, human: true }],
  requiredApprovers: 1,
  timeoutMs: 1_000,
  fallbackBehavior: 'ALLOW_ACTION',
  escalationPath: [],
  riskLevels: ['CRITICAL'],
};

const bind = (actions: readonly object[], policyGates: (query: GateQuery) => readonly PlanGate[] = () => []): Plan => {
  const read = toPlaybook({ name: 'P', playbookType: 'CUSTOM', severity: 'LOW', actions });
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  const { compiled, faults } = compilePlaybook(read.value, declarationOf, () => []);
  if (compiled === null) throw new Error(JSON.stringify(faults));
  return bindPlan(compiled, { playbookId: 'p', playbookVersion: 2, riskLevel: 'HIGH', policyGates });
};

const only = (action: object, policyGates?: (query: GateQuery) => readonly PlanGate[]): PlanAction | undefined =>
  bind([action], policyGates).stages[0]?.actions[0];

describe('bindPlan', () => {
  it('orders stages by number and keeps the order of the document inside', () => {
    const plan = bind([
      { actionId: 'c', actionType: 'GEO_LOCK', stage: 7 },
      { actionId: 'a', actionType: 'ACCOUNT_SUSPEND', stage: 2 },
      { actionId: 'b', actionType: 'FULL_SESSION_KILL', stage: 2 },
    ]);
    expect(plan.stages.map(({ stage, actions }) => [stage, ...actions.map((each) => each.actionId)])).toEqual([
      [2, 'a', 'b'],
      [7, 'c'],
    ]);
    expect(plan).toMatchObject({ planVersion: 1, playbookId: 'p', playbookVersion: 2, executionTimeoutMs: 300_000 });
    expect(() => canonicalJson(plan)).not.toThrow();
  });

  it('fills in targets by type, and keeps those that are given', () => {
    const target = (action: object): string | undefined => only({ actionId: 'a', ...action })?.target;
    expect(target({ actionType: 'FULL_SESSION_KILL' })).toBe('{{incident.subject.id}}');
    expect(target({ actionType: 'FULL_SESSION_KILL', forEach: 'accounts' })).toBe('{{user.id}}');
    expect(target({ actionType: 'IPBLACKLIST_ADD' })).toBe('{{incident.sourceIps[0]}}');
    expect(target({ actionType: 'ANALYST_ESCALATION' })).toBe('');
    expect(target({ actionType: 'ACCOUNT_SUSPEND', target: '{{event.user_account}}' })).toBe('{{event.user_account}}');
  });

  it('asks the policies with what they match on, and keeps every gate', () => {
    const asked: GateQuery[] = [];
    const action = only({ actionId: 'a', actionType: 'ACCOUNT_SUSPEND', requiresApproval: true }, (query) => {
      asked.push(query);
      return [GATE, { ...GATE, gateName: 'H' }];
    });
    expect(asked).toEqual([
      { actionType: 'ACCOUNT_SUSPEND', riskLevel: 'HIGH', playbookId: 'p', playbookType: 'CUSTOM' },
    ]);
    expect(action?.gates.map((gate) => gate.gateName)).toEqual(['a', 'G', 'H']);
    expect(action?.gates[0]).toMatchObject({ source: 'playbook', version: 2, requiredApprovers: 1 });
    expect(action?.gates[1]?.fallbackBehavior).toBe('ALLOW_ACTION');
  });

  it('never lets what cannot be undone run without a person, notifications apart', () => {
    expect(only({ actionId: 'a', actionType: 'FORCE_PASSWORD_RESET' })?.gates).toMatchObject([
      { gateName: 'irreversible-action', requiredApprovers: 1, fallbackBehavior: 'ESCALATE_TO_HUMAN' },
    ]);
    expect(only({ actionId: 'a', actionType: 'USER_NOTIFICATION' })?.gates).toEqual([]);
    expect(only({ actionId: 'a', actionType: 'FULL_SESSION_KILL' })?.gates).toEqual([]);
    const gated = only({ actionId: 'a', actionType: 'FORCE_PASSWORD_RESET' }, () => [GATE]);
    expect(gated?.gates).toMatchObject([{ gateName: 'G', fallbackBehavior: 'ESCALATE_TO_HUMAN' }]);
  });

  it('keeps a stand-in only while the action it stands in for has a gate', () => {
    const actions = [
      { actionId: 'kill', actionType: 'FULL_SESSION_KILL' },
      { actionId: 'meanwhile', actionType: 'SELECTIVE_TOKEN_REVOKE', onlyWhileGated: 'kill' },
    ];
    const ids = (plan: Plan): (string | undefined)[] =>
      plan.stages.flatMap((stage) => stage.actions.map((each) => each.actionId));
    expect(ids(bind(actions))).toEqual(['kill']);
    expect(ids(bind(actions, ({ actionType }) => (actionType === 'FULL_SESSION_KILL' ? [GATE] : [])))).toEqual([
      'kill',
      'meanwhile',
    ]);
  });

  it('waits as long as the action, its question or its challenge says', () => {
    const wait = (action: object): number | undefined =>
      only({ actionId: 'a', actionType: 'STEP_UP_CHALLENGE', ...action })?.waitMs;
    expect(wait({})).toBe(900_000);
    expect(wait({ parameters: { expirationMinutes: 5 } })).toBe(300_000);
    expect(wait({ parameters: { expirationMinutes: 5 }, waitMs: 1_000 })).toBe(1_000);
    expect(wait({ question: { text: 'Q?', roles: ['CISO'], timeoutMs: 60_000 } })).toBe(60_000);
  });

  it('gives a question its requirements', () => {
    const question = { text: 'Q?', roles: ['CISO', 'LEGAL'], requiredApprovers: 2 };
    expect(only({ actionId: 'a', actionType: 'ANALYST_ESCALATION', question })?.question).toEqual({
      text: 'Q?',
      requirements: [
        { roles: ['CISO'], k: 1, human: true },
        { roles: ['LEGAL'], k: 1, human: true },
      ],
      requiredApprovers: 2,
      timeoutMs: 3_600_000,
    });
  });
});
