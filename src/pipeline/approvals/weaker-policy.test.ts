import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTION_TYPES, SEVERITIES, type RoleName } from '../vocabulary.ts';
import type { PlanGate, Requirement } from '../playbooks/plan.ts';
import { matchGates } from './match-gates.ts';
import { toPolicy, type Policy } from './policy.ts';
import { coversRequirements } from './quorum.ts';
import { weakenings } from './weaker-policy.ts';

const ROLE_NAMES = ['SECURITY_ADMIN', 'CISO', 'LEGAL', 'FRAUD_LEAD'];
const USERS = ['usr_1', 'usr_2', 'usr_3'];
const TYPES = ACTION_TYPES.slice(0, 2);

const read = (document: unknown): Policy => {
  const result = toPolicy(document);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.value;
};
const gate = (more: object = {}): object => ({
  gateName: 'g',
  approvalRoles: [
    { role: 'SECURITY_ADMIN', fallbackUsers: ['usr_1'] },
    { role: 'CISO', users: ['usr_2'] },
  ],
  requiredApprovers: 2,
  approvalTimeoutMs: 3_600_000,
  triggers: { riskLevels: ['HIGH'], actionTypes: [...TYPES] },
  escalationPath: [{ escalationLevel: 1, delayMs: 60_000, escalateTo: 'LEGAL' }],
  autoApproveConditions: ['incident.confidence > 90'],
  autoDenyConditions: ['incident.confidence < 5'],
  ...more,
});
const policy = (gates: readonly object[], more: object = {}): Policy =>
  read({ name: 'p', policyGates: gates, ...more });
const lost = (after: Policy, before: Policy | null = policy([gate()])) =>
  weakenings(before === null ? null : { policy: before }, { policy: after });

describe('what takes nothing away', () => {
  it.each([
    ['the same', policy([gate()])],
    ['other words', policy([gate({ description: 'said better' })], { name: 'q', priority: 7, description: 'd' })],
    ['another name of the gate', policy([gate({ gateName: 'h' })])],
    [
      'one gate more',
      policy([gate(), gate({ gateName: 'h', approvalRoles: [{ role: 'LEGAL' }], requiredApprovers: 1 })]),
    ],
    ['one person more', policy([gate({ requiredApprovers: 3 })])],
    ['less time', policy([gate({ approvalTimeoutMs: 1_800_000 })])],
    ['a more careful end', policy([gate({ fallbackBehavior: 'DENY_ACTION' })])],
    ['no condition that approves', policy([gate({ autoApproveConditions: undefined })])],
    ['one more that denies', policy([gate({ autoDenyConditions: ['incident.confidence < 5', 'true'] })])],
    ['more risk levels', policy([gate({ triggers: { riskLevels: ['HIGH', 'LOW'], actionTypes: [...TYPES] } })])],
    ['every case', policy([gate({ triggers: {} })])],
  ])('%s', (_, after) => {
    expect(lost(after)).toEqual([]);
  });

  it('a policy where there was none, or was none in force', () => {
    expect(lost(policy([gate()]), null)).toEqual([]);
    expect(lost(policy([gate()]), policy([gate({ triggers: {} })], { enabled: false }))).toEqual([]);
    expect(lost(policy([gate()]), policy([gate({ requiresApproval: false })]))).toEqual([]);
  });
});

describe('what takes something away', () => {
  const role = (more: object) => [
    { role: 'SECURITY_ADMIN', fallbackUsers: ['usr_1'], ...more },
    { role: 'CISO', users: ['usr_2'] },
  ];
  it.each([
    ['fewer people', gate({ requiredApprovers: 1 })],
    [
      'another role',
      gate({ approvalRoles: [{ role: 'SECURITY_ADMIN', fallbackUsers: ['usr_1'] }, { role: 'LEGAL' }] }),
    ],
    ['a role instead of its named people', gate({ approvalRoles: [{ role: 'SECURITY_ADMIN' }, { role: 'CISO' }] })],
    ['a longer list of stand-ins', gate({ approvalRoles: role({ fallbackUsers: ['usr_1', 'usr_3'] }) })],
    ['other named people', gate({ approvalRoles: role({ users: ['usr_3'] }) })],
    ['an earlier step', gate({ escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'LEGAL' }] })],
    [
      'a step to somebody else',
      gate({ escalationPath: [{ escalationLevel: 1, delayMs: 60_000, escalateTo: 'CISO' }] }),
    ],
    ['more time', gate({ approvalTimeoutMs: 3_600_001 })],
    ['a new condition that approves', gate({ autoApproveConditions: ['incident.confidence > 90', 'true'] })],
    ['another text of it', gate({ autoApproveConditions: ['incident.confidence > 91'] })],
    ['no condition that denies', gate({ autoDenyConditions: undefined })],
    ['fewer risk levels', gate({ triggers: { riskLevels: ['LOW'], actionTypes: [...TYPES] } })],
    ['fewer action types', gate({ triggers: { riskLevels: ['HIGH'], actionTypes: [TYPES[0]] } })],
    ['only one playbook', gate({ triggers: { riskLevels: ['HIGH'], playbookIds: ['one'] } })],
    ['a condition', gate({ triggers: { condition: 'false' } })],
    ['silence that allows', gate({ fallbackBehavior: 'ALLOW_ACTION' })],
    ['no approval', gate({ requiresApproval: false })],
    ['another channel', gate({ channels: ['WEBHOOK'] })],
  ])('%s', (_, changed) => {
    expect(lost(policy([changed]))).not.toEqual([]);
  });

  it('a policy out of force, a gate gone, a policy whose silence is less careful', () => {
    expect(lost(policy([gate()], { enabled: false }))).toEqual(['the gate "g" does not ask any more']);
    expect(lost(policy([gate({ gateName: 'h', approvalRoles: [{ role: 'LEGAL' }] })]))).not.toEqual([]);
    expect(lost(policy([gate()]), policy([gate()], { fallbackBehavior: 'DENY_ACTION' }))).not.toEqual([]);
  });

  it('a new gate whose silence allows: it could end the wait of others sooner', () => {
    expect(lost(policy([gate({ fallbackBehavior: 'ALLOW_ACTION' })]), null)).toEqual([
      'the gate "g" allows when nobody answers',
    ]);
  });

  it('a vote that needs no passkey any more', () => {
    const signed = policy([gate({ requirePasskey: true })]);
    expect(lost(policy([gate()]), signed)).toEqual(['the gate "g" needs no passkey any more']);
    expect(lost(policy([gate({ requirePasskey: false })]), signed)).not.toEqual([]);
    expect(lost(signed, policy([gate()]))).toEqual([]);
    expect(lost(signed, signed)).toEqual([]);
  });

  it.each([
    ['is not asked any more', undefined],
    ['is another one', { service: 'cab-2', fallbackBehavior: 'DENY_ACTION' }],
    ['says less by its silence', { service: 'cab', fallbackBehavior: 'ESCALATE_TO_HUMAN' }],
  ])('a service beside people that %s', (_, externalApproval) => {
    const asking = policy([gate({ externalApproval: { service: 'cab', fallbackBehavior: 'DENY_ACTION' } })]);
    expect(lost(policy([gate({ externalApproval })]), asking)).toEqual([
      'the gate "g" does not ask the same service, or its silence does less',
    ]);
  });

  it('the silence of a service that counts as its approval from now on', () => {
    const alone = (fallbackBehavior: string) =>
      policy([
        gate({
          approvalRoles: [{ role: 'CISO' }],
          requiredApprovers: 1,
          externalApproval: { service: 'cab', fallbackBehavior },
        }),
      ]);
    expect(lost(alone('ALLOW_ACTION'), alone('ESCALATE_TO_HUMAN'))).not.toEqual([]);
    expect(lost(alone('DENY_ACTION'), alone('ESCALATE_TO_HUMAN'))).toEqual([]);
    expect(lost(alone('DENY_ACTION'), alone('DENY_ACTION'))).toEqual([]);
  });

  it('a name of a step that means a role from now on', () => {
    const named = policy([
      gate({ escalationPath: [{ escalationLevel: 1, delayMs: 60_000, escalateTo: 'FRAUD_LEAD' }] }),
    ]);
    expect(weakenings({ policy: named }, { policy: named })).toEqual([]);
    expect(weakenings({ policy: named }, { policy: named, customRoles: ['FRAUD_LEAD'] })).not.toEqual([]);
  });
});

const gates = fc.record({
  gateName: fc.constantFrom('g', 'h'),
  requiresApproval: fc.boolean(),
  approvalRoles: fc.subarray(ROLE_NAMES, { minLength: 1, maxLength: 2 }).chain((roles) =>
    fc.tuple(
      ...roles.map((role) =>
        fc.record({
          role: fc.constant(role),
          users: fc.constantFrom([], ['usr_1'], ['usr_1', 'usr_2', 'usr_3']),
          fallbackUsers: fc.constantFrom([], ['usr_3']),
        }),
      ),
    ),
  ),
  requiredApprovers: fc.integer({ min: 1, max: 3 }),
  approvalTimeoutMs: fc.constantFrom(60_000, 120_000),
  triggers: fc.record({
    riskLevels: fc.constantFrom([], ['HIGH'], ['HIGH', 'LOW']),
    actionTypes: fc.subarray([...TYPES]),
  }),
  escalationPath: fc.constantFrom([], [{ escalationLevel: 1, delayMs: 5_000, escalateTo: 'LEGAL' }]),
  autoApproveConditions: fc.constantFrom(undefined, ['true'], ['true', 'false']),
  fallbackBehavior: fc.constantFrom('DENY_ACTION', 'ESCALATE_TO_HUMAN'),
});
const documents = fc
  .record({
    policyGates: fc.uniqueArray(gates, { minLength: 1, maxLength: 2, selector: (each) => each.gateName }),
    enabled: fc.boolean(),
  })
  .map((given) => policy(given.policyGates, { enabled: given.enabled }));
/** The same policy with one member of its first gate taken from another: most pairs of any two are weaker. */
const changes = fc
  .tuple(documents, documents, fc.constantFrom(...Object.keys(gate()), 'all'))
  .map(([before, other, member]) => {
    const [first, ...rest] = before.policyGates;
    const taken = other.policyGates[0];
    if (member === 'all' || first === undefined || taken === undefined) return { before, after: other };
    const changed = { ...first, ...(member in taken ? { [member]: taken[member as 'gateName'] } : {}) };
    const others = rest.filter(({ gateName }) => gateName !== changed.gateName);
    return {
      before: { ...before, policyGates: [first, ...others] },
      after: { ...before, policyGates: [changed, ...others] },
    };
  });
const people = fc.array(fc.record({ userId: fc.constantFrom(...USERS), roles: fc.subarray(ROLE_NAMES) }), {
  maxLength: 4,
});

describe('a change that takes nothing away', () => {
  /** The gates that people are asked by: those whose own condition does not answer them. */
  const asked = (of: Policy, riskLevel: (typeof SEVERITIES)[number], actionType: (typeof TYPES)[number]) => {
    const query = { riskLevel, actionType, playbookId: 'p' } as Query;
    const gatesThen = matchGates([{ policyId: 'pol_1', version: 1, policy: of }], query, null);
    return gatesThen.filter(({ automatic }) => automatic?.approve.includes('true') !== true);
  };
  type Query = Parameters<typeof matchGates>[1];
  const fulfilled = (
    all: readonly PlanGate[],
    who: readonly { userId: string; roles: RoleName[] }[],
    afterMs: number,
  ) =>
    all.every(
      ({ requirements, requiredApprovers }) => who.length >= requiredApprovers && covers(requirements, who, afterMs),
    );
  const covers = (
    needed: readonly Requirement[],
    who: readonly { userId: string; roles: RoleName[] }[],
    afterMs: number,
  ) =>
    coversRequirements(
      needed,
      who.map((login) => ({ logins: [login], human: true })),
      afterMs,
    );

  it('is fulfilled by nobody who would not have fulfilled what was asked before, wherever it was asked', () => {
    let judged = 0;
    fc.assert(
      fc.property(changes, people, fc.constantFrom(-1, 5_000, 60_000), ({ before, after }, who, afterMs) => {
        if (lost(after, before).length > 0) return;
        judged += 1;
        for (const risk of ['HIGH', 'LOW'] as const)
          for (const type of TYPES) {
            const [were, are] = [asked(before, risk, type), asked(after, risk, type)];
            expect(are.length > 0 || were.length === 0).toBe(true);
            if (fulfilled(are, who, afterMs)) expect(fulfilled(were, who, afterMs)).toBe(true);
          }
      }),
      { numRuns: 2_000 },
    );
    expect(judged).toBeGreaterThan(200);
  });

  it('goes on taking nothing away, step by step', () => {
    fc.assert(
      fc.property(documents, documents, documents, (one, two, three) => {
        if (lost(two, one).length === 0 && lost(three, two).length === 0) expect(lost(three, one)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
    fc.assert(
      fc.property(documents, (one) => {
        expect(lost(one, one)).toEqual([]);
      }),
    );
  });
});
