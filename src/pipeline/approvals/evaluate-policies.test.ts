import { describe, expect, it } from 'vitest';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { evaluatePolicies, type PolicyQuestion } from './evaluate-policies.ts';
import { matchGates } from './match-gates.ts';
import { toPolicy, type Policy, type PolicyInForce } from './policy.ts';

const SUSPEND: PolicyQuestion = {
  actionType: 'ACCOUNT_SUSPEND',
  riskLevel: 'HIGH',
  playbookId: 'travel',
  playbookType: 'CUSTOM',
  reversibility: 'undo',
  targets: [],
  at: 0,
};
const VALUES: ExpressionValues = {
  incident: { confidence: 90, subject: { type: 'user', id: 'anna' } },
  event: null,
  results: {},
  context: {},
  user: null,
};

function policy(policyId: string, gates: readonly object[], more: object = {}): PolicyInForce {
  const policyGates = gates.map((gate, index) => ({
    gateName: `g${index}`,
    approvalRoles: [{ role: 'SECURITY_ADMIN' }],
    ...gate,
  }));
  const read = toPolicy({ name: policyId, policyGates, ...more });
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return { policyId, version: 3, policy: read.value satisfies Policy };
}

function whys(policies: readonly PolicyInForce[], values: ExpressionValues | null = VALUES): unknown {
  const { gates } = evaluatePolicies(policies, SUSPEND, values);
  return (gates as { gateName: string; applies: boolean; why: string }[]).map(({ applies, why }) => [applies, why]);
}

describe('what policies would ask', () => {
  it('is told for every gate with its reason', () => {
    const conditions = ['incident.confidence > 80', 'incident.confidence > 95', 'event.city == "Oslo"'];
    const policies = [
      policy(
        'b',
        conditions.map((condition) => ({ triggers: { condition } })),
      ),
      policy('a', [
        {},
        { requiresApproval: false },
        { triggers: { riskLevels: ['CRITICAL'] } },
        { triggers: { actionTypes: ['GEO_LOCK'] } },
        { triggers: { playbookIds: ['other'] } },
      ]),
      policy('off', [{}], { enabled: false }),
    ];
    expect(whys(policies)).toEqual([
      [true, 'all triggers fit'],
      [false, 'asks for no approval'],
      [false, 'another risk level'],
      [false, 'another action type'],
      [false, 'another playbook'],
      [true, 'all triggers fit'],
      [false, 'the condition is false'],
      [true, 'the condition cannot be decided'],
    ]);
    const undecided = Array.from({ length: 3 }, () => [true, 'the condition cannot be decided']);
    expect((whys(policies, null) as unknown[]).slice(5)).toEqual(undecided);
    const matched = matchGates(policies, SUSPEND, VALUES).map(({ source, gateName }) => `${source} ${gateName}`);
    const { gates } = evaluatePolicies(policies, SUSPEND, VALUES);
    const said = (gates as { policyId: string; gateName: string; applies: boolean }[]).filter(({ applies }) => applies);
    expect(said.map(({ policyId, gateName }) => `${policyId} ${gateName}`)).toEqual(matched);
  });

  it('is one request, the strictest of each', () => {
    const policies = [
      policy('a', [{ requiredApprovers: 2, approvalTimeoutMs: 60_000 }]),
      policy('b', [{ approvalRoles: [{ role: 'CISO' }], approvalTimeoutMs: 30_000, fallbackBehavior: 'DENY_ACTION' }]),
    ];
    expect(evaluatePolicies(policies, SUSPEND, null)).toMatchObject({
      needsApproval: true,
      floor: null,
      approval: {
        requiredApprovers: 3,
        requirements: [
          { roles: ['CISO'], k: 1, human: true },
          { roles: ['SECURITY_ADMIN'], k: 2, human: true },
        ],
        timeoutMs: 30_000,
        fallbackBehavior: 'DENY_ACTION',
      },
    });
  });

  it('is nothing where a condition answers, with what it says, and people where none can', () => {
    const approves = policy('a', [{ autoApproveConditions: 'incident.confidence >= 90' }]);
    const denies = policy('b', [{ autoDenyConditions: ['incident.confidence >= 90'] }]);
    const answers = (source: string, answer: string) => [
      { source, version: 3, gateName: 'g0', answer, condition: 'incident.confidence >= 90' },
    ];
    expect(evaluatePolicies([approves], SUSPEND, VALUES)).toMatchObject({
      needsApproval: false,
      denied: false,
      approval: null,
      automatic: answers('a', 'APPROVE'),
    });
    expect(evaluatePolicies([approves, denies], SUSPEND, VALUES)).toMatchObject({ needsApproval: false, denied: true });
    expect(evaluatePolicies([denies], SUSPEND, VALUES)).toMatchObject({ automatic: answers('b', 'DENY') });
    for (const [policies, question, values] of [
      [[approves], SUSPEND, null],
      [[approves], { ...SUSPEND, reversibility: 'irreversible' as const }, VALUES],
      [[approves, policy('c', [{}])], SUSPEND, VALUES],
    ] as const)
      expect(evaluatePolicies(policies, question, values)).toMatchObject({ needsApproval: true, denied: false });
  });

  it('is nothing without a gate, but for what cannot be undone or is not known', () => {
    expect(evaluatePolicies([], SUSPEND, null)).toMatchObject({ needsApproval: false, approval: null, floor: null });
    for (const reversibility of ['irreversible', null] as const) {
      expect(evaluatePolicies([], { ...SUSPEND, reversibility }, null)).toMatchObject({
        needsApproval: true,
        floor: 'irreversible-action',
        approval: { requiredApprovers: 1, fallbackBehavior: 'ESCALATE_TO_HUMAN' },
      });
    }
    const lenient = [
      policy('a', [{ fallbackBehavior: 'ALLOW_ACTION', triggers: { actionTypes: ['ACCOUNT_SUSPEND'] } }]),
    ];
    const fallbackOf = (reversibility: PolicyQuestion['reversibility']): unknown =>
      evaluatePolicies(lenient, { ...SUSPEND, reversibility }, null)['approval'];
    expect(fallbackOf('undo')).toMatchObject({ fallbackBehavior: 'ALLOW_ACTION' });
    expect(fallbackOf('irreversible')).toMatchObject({ fallbackBehavior: 'ESCALATE_TO_HUMAN' });
    const notice = { ...SUSPEND, actionType: 'USER_NOTIFICATION', reversibility: 'irreversible' } as const;
    expect(evaluatePolicies([], notice, null)).toMatchObject({ needsApproval: false });
  });
});
