import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declaration, gate } from '../../../tests/support/plans.ts';
import type { ActionTarget } from '../actions/contract.ts';
import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { GateExemption } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { answerAutomatically, mayApproveAutomatically } from './automatic.ts';
import { exemptionFrom, exemptionsFor, gateHash, namedGates, type Circumstances } from './exempt.ts';
import { toPolicy, type PolicyInForce } from './policy.ts';

const VALUES: ExpressionValues = { incident: { confidence: 90 }, event: {}, results: {}, context: {}, user: null };
const user = (id: string): ActionTarget => ({ type: 'user', id });
const exemption = (more: Partial<GateExemption> = {}): GateExemption => ({
  id: 'exm_1',
  proposedBy: 'usr_8',
  confirmedBy: 'usr_9',
  accounts: ['usr_8', 'usr_9', 'zoe@acme.example'],
  expiresAt: 1_000,
  ...more,
});
const NOW: Circumstances = { at: 999, targets: [user('anna')], requester: 'engine', subjectIds: ['anna'], revoked: [] };
const found = (
  exemptions: readonly GateExemption[],
  circumstances: Partial<Circumstances> = {},
  values: ExpressionValues | null = VALUES,
): string | null => exemptionFrom(gate({ exemptions }), values, { ...NOW, ...circumstances })?.id ?? null;

describe('an exemption from a gate', () => {
  it('counts until its end, and not after somebody has revoked it', () => {
    expect(found([exemption()])).toBe('exm_1');
    expect(found([exemption()], { at: 1_000 })).toBe(null);
    expect(found([exemption()], { revoked: ['exm_1'] })).toBe(null);
    expect(found([exemption()], { revoked: ['exm_2'] })).toBe('exm_1');
  });

  it('is the first one that counts', () => {
    const both = [exemption({ id: 'exm_a', expiresAt: 1 }), exemption({ id: 'exm_b' }), exemption({ id: 'exm_c' })];
    expect(found(both)).toBe('exm_b');
    expect(found([])).toBe(null);
  });

  it('for certain users counts when everything is done to them', () => {
    const forTwo = [exemption({ userIds: ['anna', 'bela'] })];
    expect(found(forTwo, { targets: [user('ANNA '), user('bela')] })).toBe('exm_1');
    expect(found(forTwo, { targets: [user('anna'), user('carla')] })).toBe(null);
    expect(found(forTwo, { targets: [] })).toBe(null);
    expect(found(forTwo, { targets: [{ type: 'host', id: 'anna' }] })).toBe(null);
    expect(found(forTwo, { targets: [{ type: 'none', id: '' }] })).toBe(null);
  });

  it('with a condition counts when that is true, and not when it cannot be decided', () => {
    const when = (condition: string): readonly GateExemption[] => [exemption({ condition })];
    expect(found(when('incident.confidence >= 90'))).toBe('exm_1');
    expect(found(when('incident.confidence >= 91'))).toBe(null);
    expect(found(when('event.city == "Oslo"'))).toBe(null);
    expect(found(when('incident.confidence >= 90'), {}, null)).toBe(null);
    expect(found([exemption()], {}, null)).toBe('exm_1');
  });

  it.each<[string, Partial<Circumstances>]>([
    ['who proposed it asks for it', { requester: 'usr_8' }],
    ['who confirmed it asks for it', { requester: 'USR_9' }],
    ['it is asked for with a key that one of them made', { requester: 'svc_1', keyMaker: 'usr_8' }],
    ['the incident is about an account of one of them', { subjectIds: ['anna', 'Zoe@acme.example'] }],
    ['it is done to an account of one of them', { targets: [user('anna'), user('zoe@acme.example')] }],
  ])('does not count when %s', (_why, circumstances) => {
    expect(found([exemption()], circumstances)).toBe(null);
  });
});

describe('gates with conditions and exemptions', () => {
  const conditional = (approve: string[], deny: string[]) =>
    gate({ automatic: { approve, deny }, exemptions: [exemption()] });
  const answered = (gates: Parameters<typeof answerAutomatically>[0], mayApprove = true) =>
    answerAutomatically(gates, VALUES, mayApprove, NOW);

  it('are answered by the condition first', () => {
    expect(answered([conditional(['incident.confidence >= 1'], [])]).answers).toMatchObject([
      { condition: 'incident.confidence >= 1' },
    ]);
    expect(answered([conditional([], [])]).answers).toEqual([
      {
        source: 'playbook',
        version: 1,
        gateName: 'gate',
        answer: 'APPROVE',
        exemption: { id: 'exm_1', proposedBy: 'usr_8', confirmedBy: 'usr_9', expiresAt: 1_000 },
      },
    ]);
  });

  it('use no exemption where a condition denies', () => {
    const denied = answered([conditional([], ['incident.confidence >= 1']), gate({ exemptions: [exemption()] })]);
    expect(denied).toMatchObject({ denied: true, answers: [{ answer: 'DENY' }] });
    expect(denied.asks).toHaveLength(1);
  });

  it('are asked, each for itself', () => {
    const { asks, denied } = answered([gate({ exemptions: [exemption()] }), gate({ gateName: 'other' })]);
    expect(asks.map(({ gateName }) => gateName)).toEqual(['other']);
    expect(denied).toBe(false);
  });

  it('are never answered below the floors, whatever the exemption says', () => {
    const targets = fc.array(fc.constantFrom('anna', 'bela', 'CFO@acme.example', 'carla'), { maxLength: 14 });
    const world = fc.record({
      targets,
      reversibility: fc.constantFrom('undo', 'expires', 'selfRecoverable', 'irreversible'),
      contains: fc.boolean(),
      isProtected: fc.boolean(),
      exemptions: fc.array(
        fc.record({ expiresAt: fc.constantFrom(1, 5_000), condition: fc.constantFrom('incident.confidence >= 1') }),
        { minLength: 1, maxLength: 3 },
      ),
    });
    let below = 0;
    let above = 0;
    fc.assert(
      fc.property(world, ({ targets: ids, reversibility, contains, isProtected, exemptions }) => {
        const action = declaration({ reversibility, contains });
        const protectedIdentities = isProtected ? ['cfo@acme.example'] : [];
        const mayApprove = mayApproveAutomatically({ protectedIdentities }, action, ids.map(user));
        const gates = [
          gate({ exemptions: exemptions.map((more, index) => exemption({ ...more, id: `exm_${index}` })) }),
        ];
        const { asks } = answerAutomatically(gates, VALUES, mayApprove, { ...NOW, targets: ids.map(user) });
        const floored =
          reversibility === 'irreversible' ||
          ids.length > 10 ||
          (contains && isProtected && ids.includes('CFO@acme.example'));
        if (floored) {
          below += 1;
          expect(asks).toHaveLength(1);
        } else if (exemptions.some(({ expiresAt }) => expiresAt > NOW.at)) {
          above += 1;
          expect(asks).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
    expect(below).toBeGreaterThan(50);
    expect(above).toBeGreaterThan(50);
  });
});

describe('the exemptions of a plan', () => {
  const role = { approvalRoles: [{ role: 'CISO' }] };
  const policyOf = (timeout: number): PolicyInForce => {
    const gates = [
      { ...role, gateName: 'a', gateId: 'g1', approvalTimeoutMs: timeout },
      { ...role, gateName: 'b' },
    ];
    const read = toPolicy({ name: 'p', policyGates: gates });
    if ('faults' in read) throw new Error(JSON.stringify(read.faults));
    return { policyId: 'pol', version: 1, policy: read.value };
  };
  const policy = policyOf(60_000);
  const [a, b] = policy.policy.policyGates;
  if (a === undefined || b === undefined) throw new Error('the policy has two gates');
  const inForce = (more: Partial<ExemptionInForce>): ExemptionInForce => {
    return { ...exemption(), policyId: 'pol', gateName: 'a', gateHash: gateHash(a), ...more };
  };
  const query = { actionType: 'ACCOUNT_SUSPEND', playbookId: 'travel' } as const;

  it('are those of the gate, the playbook and the action, by id', () => {
    const list = [
      inForce({ id: 'exm_9' }),
      inForce({ id: 'exm_2', playbookIds: ['travel'], actionTypes: ['ACCOUNT_SUSPEND'] }),
      inForce({ id: 'exm_3', playbookIds: ['other'] }),
      inForce({ id: 'exm_4', actionTypes: ['GEO_LOCK'] }),
      inForce({ id: 'exm_5', policyId: 'another' }),
      inForce({ id: 'exm_6', gateName: 'b' }),
    ];
    expect(exemptionsFor(list, policy, a, query)).toEqual([exemption({ id: 'exm_2' }), exemption({ id: 'exm_9' })]);
    expect(exemptionsFor(list, policy, b, query)).toEqual([]);
  });

  it('are none from a gate that reads otherwise than it did', () => {
    const [changed] = policyOf(60_001).policy.policyGates;
    if (changed === undefined) throw new Error('the policy has a gate');
    expect(exemptionsFor([inForce({})], policy, changed, query)).toEqual([]);
    const [same] = policyOf(60_000).policy.policyGates;
    if (same === undefined) throw new Error('the policy has a gate');
    expect(exemptionsFor([inForce({})], policy, same, query)).toHaveLength(1);
  });

  it('name gates of policies in force', () => {
    expect(namedGates([policy], 'pol')).toEqual({
      version: 1,
      gates: [
        { gateId: 'g1', gateName: 'a', gateHash: gateHash(a) },
        { gateId: null, gateName: 'b', gateHash: gateHash(b) },
      ],
    });
    expect(namedGates([policy], 'other')).toBe(null);
  });
});
