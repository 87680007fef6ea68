import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reversibility } from '../actions/contract.ts';
import type { PlanGate } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Role } from '../vocabulary.ts';
import { combineGates } from './gates.ts';
import { matrixTermsOf, underMatrix, type MatrixTerms } from './matrix-gate.ts';

const TERMS: MatrixTerms = {
  cell: 'HIGH/HIGH',
  approvers: ['CISO', 'LEGAL'],
  rule: null,
  provisionalTtlMs: 14_400_000,
  matrix: { version: 3, hash: 'h' },
};
const RULE: MatrixTerms = { ...TERMS, cell: 'HIGH/LOW', approvers: ['IR_LEAD'], rule: 'containReversiblyAndAsk' };
const contains = (reversibility: Reversibility = 'undo') => ({ contains: true, reversibility });

function gate(roles: readonly Role[], k = 1, more: Partial<PlanGate> = {}): PlanGate {
  return {
    source: 'policy_1',
    version: 1,
    gateName: roles.join('|'),
    requirements: requirementsOf(roles, k),
    requiredApprovers: k,
    timeoutMs: 60_000,
    fallbackBehavior: 'DENY_ACTION',
    escalationPath: [],
    riskLevels: [],
    ...more,
  };
}

describe('the gate of a decision', () => {
  it('asks one person of each role of the cell before what contains, and names the matrix', () => {
    const { gates, provisional } = underMatrix([], contains(), TERMS);
    expect(provisional).toBeNull();
    expect(gates).toMatchObject([
      {
        source: 'decision-matrix',
        version: 3,
        gateName: 'HIGH/HIGH',
        requiredApprovers: 2,
        fallbackBehavior: 'ESCALATE_TO_HUMAN',
      },
    ]);
    expect(gates[0]?.requirements.map(({ roles, k }) => [roles, k])).toEqual([
      [['CISO'], 1],
      [['LEGAL'], 1],
    ]);
  });

  it('leaves alone what does not contain, and decisions that bind nobody', () => {
    expect(underMatrix([], { contains: false, reversibility: 'undo' }, TERMS).gates).toEqual([]);
    expect(underMatrix([], contains(), null)).toEqual({ gates: [], provisional: null });
    expect(underMatrix([], contains(), { ...TERMS, approvers: [] }).gates).toEqual([]);
    expect(matrixTermsOf(undefined)).toBeNull();
  });

  it('is left out only where another gate asks for as much, and people answer that', () => {
    const both = gate(['CISO', 'LEGAL'], 2);
    const withIt = (present: PlanGate) => underMatrix([present], contains(), TERMS).gates.length;
    expect(withIt(both)).toBe(1);
    expect(withIt(gate(['CISO', 'LEGAL', 'IR_LEAD'], 3))).toBe(1);
    expect(withIt(gate(['CISO']))).toBe(2);
    // Any two of three may both be no CISO.
    expect(withIt(gate(['CISO', 'LEGAL', 'IR_LEAD'], 2))).toBe(2);
    expect(withIt({ ...both, automatic: { approve: ['true'], deny: [] } })).toBe(2);
    expect(withIt({ ...both, exemptions: [] })).toBe(2);
    expect(withIt({ ...both, external: { service: 's', fallbackBehavior: 'DENY_ACTION' } })).toBe(2);
    expect(withIt({ ...both, fallbackBehavior: 'ALLOW_ACTION' })).toBe(2);
  });

  it('never asks fewer people than the gates without it', () => {
    const roles = fc.uniqueArray(fc.constantFrom<Role>('CISO', 'LEGAL', 'IR_LEAD', 'SECURITY_ADMIN'), {
      minLength: 1,
      maxLength: 3,
    });
    const gates = fc.array(
      fc.tuple(roles, fc.integer({ min: 1, max: 3 })).map(([names, k]) => gate(names, k)),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(gates, roles, (given, approvers) => {
        const { gates: all } = underMatrix(given, contains(), { ...TERMS, approvers });
        const [before, after] = [combineGates(given), combineGates(all)];
        expect(after.requiredApprovers).toBeGreaterThanOrEqual(before.requiredApprovers);
        expect(after.requiredApprovers).toBeGreaterThanOrEqual(approvers.length);
        expect(all.slice(0, given.length)).toEqual(given);
      }),
    );
  });
});

describe('low confidence and high impact', () => {
  it('contains at once what can be undone, for a time, and says by which rule', () => {
    for (const reversibility of ['undo', 'expires'] as const)
      expect(underMatrix([], contains(reversibility), RULE)).toEqual({
        gates: [],
        provisional: { cell: 'HIGH/LOW', matrixVersion: 3, roles: ['IR_LEAD'], ttlMs: 14_400_000 },
      });
  });

  it('asks before anything else that contains', () => {
    for (const reversibility of ['selfRecoverable', 'irreversible'] as const) {
      const { gates, provisional } = underMatrix([], contains(reversibility), RULE);
      expect([provisional, gates.map(({ gateName }) => gateName)]).toEqual([null, ['HIGH/LOW']]);
    }
  });

  it('stands below every gate that people have set', () => {
    const { gates, provisional } = underMatrix([gate(['SECURITY_ADMIN'])], contains(), RULE);
    expect(provisional).toBeNull();
    expect(gates.map(({ source }) => source)).toEqual(['policy_1', 'decision-matrix']);
  });

  it('asks somebody where the cell names nobody', () => {
    const { gates } = underMatrix([], contains('irreversible'), { ...RULE, approvers: [] });
    expect(gates[0]).toMatchObject({ requiredApprovers: 1 });
    expect(gates[0]?.requirements[0]?.roles).toEqual(['INCIDENT_COMMANDER', 'SECURITY_ADMIN']);
  });
});
