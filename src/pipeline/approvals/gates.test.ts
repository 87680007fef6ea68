import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanGate, Requirement } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { combineGates } from './gates.ts';
import { intentHash, type Intent } from './intent.ts';
import { coversRequirements } from './quorum.ts';

const gate = (roles: readonly Role[], k: number, more: Partial<PlanGate> = {}): PlanGate => ({
  source: 'policy',
  version: 1,
  gateName: `${roles.join('+')}:${k}`,
  requirements: requirementsOf(roles, k),
  requiredApprovers: k,
  timeoutMs: 1_000,
  fallbackBehavior: 'ALLOW_ACTION',
  escalationPath: [],
  riskLevels: [],
  ...more,
});

describe('requirementsOf', () => {
  it('needs one of each role while k reaches, and any of them otherwise', () => {
    const one = (roles: readonly Role[], k = 1) => ({ roles, k, human: true });
    expect(requirementsOf(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 2)).toEqual([
      one(['INCIDENT_COMMANDER']),
      one(['SECURITY_ADMIN']),
    ]);
    expect(requirementsOf(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 1)).toEqual([
      one(['INCIDENT_COMMANDER', 'SECURITY_ADMIN']),
    ]);
    expect(requirementsOf(['LEGAL', 'CISO'], 3)).toEqual([one(['CISO']), one(['LEGAL']), one(['CISO', 'LEGAL'])]);
    expect(requirementsOf(['CISO'], 2)).toEqual([one(['CISO'], 2)]);
    expect(requirementsOf(['CISO', 'CISO'], 2)).toEqual([one(['CISO'], 2)]);
  });

  it('always asks for k people in all', () => {
    fc.assert(
      fc.property(fc.subarray([...ROLES], { minLength: 1 }), fc.integer({ min: 1, max: 10 }), (roles, k) => {
        expect(requirementsOf(roles, k).reduce((sum, each) => sum + each.k, 0)).toBe(k);
      }),
    );
  });
});

describe('combineGates', () => {
  it('keeps one gate as it is', () => {
    const steps = [{ level: 1, delayMs: 5, escalateTo: 'x' }];
    const only = gate(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 2, { escalationPath: steps });
    expect(combineGates([only])).toEqual({
      requirements: only.requirements,
      requiredApprovers: 2,
      timeoutMs: 1_000,
      fallbackBehavior: 'ALLOW_ACTION',
      escalationPath: steps,
      requirePasskey: false,
    });
  });

  it('takes the shortest time, the most careful fallback and every escalation', () => {
    const combined = combineGates([
      gate(['CISO'], 1, { timeoutMs: 500, escalationPath: [{ level: 2, delayMs: 9, escalateTo: 'b' }] }),
      gate(['CISO'], 1, {
        fallbackBehavior: 'ESCALATE_TO_HUMAN',
        escalationPath: [{ level: 1, delayMs: 5, escalateTo: 'a' }],
      }),
      gate(['CISO'], 1, {
        fallbackBehavior: 'DENY_ACTION',
        escalationPath: [{ level: 2, delayMs: 9, escalateTo: 'b' }],
      }),
    ]);
    expect(combined).toMatchObject({ timeoutMs: 500, fallbackBehavior: 'DENY_ACTION', requiredApprovers: 1 });
    expect(combined.escalationPath.map((step) => step.escalateTo)).toEqual(['a', 'b']);
  });

  it('lets one person answer for the wider and the narrower of two gates, but not for two roles', () => {
    const playbook = gate(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 1);
    const policy = gate(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 2);
    expect(combineGates([playbook, policy])).toMatchObject({ requiredApprovers: 2, requirements: policy.requirements });
    expect(combineGates([gate(['CISO'], 1), gate(['LEGAL'], 1)])).toMatchObject({
      requiredApprovers: 2,
      requirements: [
        { roles: ['CISO'], k: 1 },
        { roles: ['LEGAL'], k: 1 },
      ],
    });
    expect(combineGates([gate(['CISO'], 2), gate(['CISO'], 3)])).toMatchObject({
      requiredApprovers: 3,
      requirements: [{ roles: ['CISO'], k: 3 }],
    });
  });

  it('asks two people where the roles of two gates only overlap, since one of them need not hold the shared role', () => {
    const combined = combineGates([gate(['CISO', 'LEGAL'], 1), gate(['LEGAL', 'IR_LEAD'], 1)]);
    expect(combined).toMatchObject({
      requiredApprovers: 2,
      requirements: [{ roles: ['CISO', 'LEGAL'] }, { roles: ['IR_LEAD', 'LEGAL'] }],
    });
  });

  it('whoever fulfils the combination fulfils each gate, and order does not matter', () => {
    const few = ROLES.slice(0, 4);
    const names = ['ada', 'ben', 'cleo', 'dora'];
    const escalated = fc.constantFrom(-1, 0, 10, 20);
    const user = fc.record({
      who: fc.constant('user' as const),
      id: fc.constantFrom(...names),
      afterMs: fc.constantFrom(0, 10, 20),
    });
    const role = fc.record({
      who: fc.constant('role' as const),
      id: fc.constantFrom<string>(...few),
      afterMs: fc.constantFrom(0, 10),
    });
    const standIns = fc.uniqueArray(fc.oneof(user, role), { selector: ({ who, id }) => `${who} ${id}`, maxLength: 3 });
    const named = fc.option(fc.subarray(names, { minLength: 1 }), { nil: null, freq: 2 });
    const gates = fc.array(
      fc
        .record({ roles: fc.subarray(few, { minLength: 1 }), k: fc.integer({ min: 1, max: 3 }), named, standIns })
        .map((asked) => {
          const plain = gate(asked.roles, asked.k);
          const requirements = plain.requirements.map((place): Requirement => {
            const [first] = place.roles;
            const users = asked.named === null || first === undefined ? {} : { users: { [first]: asked.named } };
            return { ...place, ...users, ...(asked.standIns.length === 0 ? {} : { standIns: asked.standIns }) };
          });
          return { ...plain, requirements };
        }),
      { minLength: 1, maxLength: 4 },
    );
    const people = fc
      .array(fc.subarray(few), { maxLength: 8 })
      .map((all) =>
        all.map((roles, index) => ({ logins: [{ userId: names[index] ?? `p${index}`, roles }], human: true })),
      );
    let fulfilled = 0;
    fc.assert(
      fc.property(gates, people, escalated, (all, who, escalatedMs) => {
        const combined = combineGates(all);
        expect(combineGates([...all].reverse())).toEqual(combined);
        expect(combined.requiredApprovers).toBeGreaterThanOrEqual(
          Math.max(...all.map((each) => each.requiredApprovers)),
        );
        if (!coversRequirements(combined.requirements, who, escalatedMs)) return;
        fulfilled += 1;
        for (const each of all) expect(coversRequirements(each.requirements, who, escalatedMs)).toBe(true);
      }),
      { numRuns: 4_000 },
    );
    expect(fulfilled).toBeGreaterThan(200);
  });

  it('lets stand in only who may stand in for both gates, from the later time on', () => {
    const cto = (afterMs: number) => ({ who: 'user' as const, id: 'cto', afterMs });
    const ciso = { who: 'role' as const, id: 'CISO', afterMs: 5 };
    const place = (roles: readonly Role[], more: object = {}): PlanGate =>
      gate(roles, 1, { requirements: [{ roles, k: 1, human: true, ...more }] });
    const combined = (...gates: readonly PlanGate[]) => combineGates(gates).requirements;
    const plain = { roles: ['LEGAL'], k: 1, human: true };
    expect(combined(place(['LEGAL'], { standIns: [cto(5)] }), place(['LEGAL']))).toEqual([plain]);
    expect(combined(place(['LEGAL'], { standIns: [cto(5)] }), place(['LEGAL'], { standIns: [cto(9)] }))).toEqual([
      { ...plain, standIns: [cto(9)] },
    ]);
    // Of the other gate they need not stand in: they may answer it anyway.
    expect(combined(place(['LEGAL'], { standIns: [ciso] }), place(['CISO', 'LEGAL']))).toEqual([
      { ...plain, standIns: [ciso] },
    ]);
    const named = place(['CISO', 'LEGAL'], { users: { CISO: ['ada'], LEGAL: ['ben'] } });
    expect(combined(place(['LEGAL'], { standIns: [ciso] }), named)).toHaveLength(2);
  });

  it('makes one place of a role and of some people of it', () => {
    const named = { roles: ['LEGAL' as const], k: 1, human: true, users: { LEGAL: ['ada', 'ben'] } };
    const one = { ...named, users: { LEGAL: ['ada'] } };
    const of = (...requirements: Requirement[]) => gate(['LEGAL'], requirements.length, { requirements });
    expect(combineGates([gate(['LEGAL'], 1), of(named)]).requirements).toEqual([named]);
    expect(combineGates([of(named), of(one)]).requirements).toEqual([one]);
    expect(combineGates([of({ ...named, users: { LEGAL: ['cleo'] } }), of(one)]).requiredApprovers).toBe(2);
  });

  it('has nothing to say about no gates', () => {
    expect(() => combineGates([])).toThrow(/no gate/);
  });
});

describe('intentHash', () => {
  const intent: Intent = {
    executionId: 'exe_1',
    playbookId: 'p',
    playbookVersion: 1,
    actions: [
      {
        actionId: 'a',
        actionType: 'ACCOUNT_SUSPEND',
        connector: 'sandbox',
        targets: [
          { type: 'user', id: 'x' },
          { type: 'user', id: 'y' },
        ],
        parameters: { reason: 'r' },
      },
      {
        actionId: 'b',
        actionType: 'GEO_LOCK',
        connector: 'sandbox',
        targets: [{ type: 'user', id: 'x' }],
        parameters: {},
      },
    ],
    gates: [gate(['CISO'], 1), gate(['LEGAL'], 1)],
    question: null,
    expiresAt: 99,
  };
  const [first, second] = intent.actions;
  if (first === undefined || second === undefined) throw new Error('fixture');

  it('does not depend on any order', () => {
    const turned = {
      ...intent,
      actions: [second, { ...first, targets: [...first.targets].reverse() }],
      gates: [...intent.gates].reverse(),
    };
    expect(intentHash(turned)).toBe(intentHash(intent));
    expect(intentHash(intent)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, Intent]>([
    ['execution', { ...intent, executionId: 'exe_2' }],
    ['playbook', { ...intent, playbookId: 'q' }],
    ['playbook version', { ...intent, playbookVersion: 2 }],
    ['an action less', { ...intent, actions: [first] }],
    ['action type', { ...intent, actions: [{ ...first, actionType: 'FULL_SESSION_KILL' }, second] }],
    ['connector', { ...intent, actions: [{ ...first, connector: 'okta' }, second] }],
    [
      'target',
      {
        ...intent,
        actions: [
          {
            ...first,
            targets: [
              { type: 'user', id: 'z' },
              { type: 'user', id: 'y' },
            ],
          },
          second,
        ],
      },
    ],
    [
      'a target more',
      { ...intent, actions: [{ ...first, targets: [...first.targets, { type: 'user', id: 'z' }] }, second] },
    ],
    ['target type', { ...intent, actions: [first, { ...second, targets: [{ type: 'ip', id: 'x' }] }] }],
    ['parameters', { ...intent, actions: [{ ...first, parameters: { reason: 's' } }, second] }],
    ['gate version', { ...intent, gates: [gate(['CISO'], 1, { version: 2 }), gate(['LEGAL'], 1)] }],
    ['a gate less', { ...intent, gates: [gate(['CISO'], 1)] }],
    ['question', { ...intent, question: 'Q?' }],
    ['expiry', { ...intent, expiresAt: 100 }],
  ])('changes with the %s', (_, changed) => {
    expect(intentHash(changed)).not.toBe(intentHash(intent));
  });
});
