import { describe, expect, it } from 'vitest';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { toPolicy } from './policy.ts';

const GATE = { gateName: 'G', approvalRoles: [{ role: 'CISO' }] };

/** Pointers of the faults of a policy with this in its one gate. */
function faultsOf(gate: object, more: object = {}): readonly string[] {
  const read = toPolicy({ name: 'N', policyGates: [{ ...GATE, ...gate }], ...more });
  return 'faults' in read ? read.faults.map(({ pointer }) => pointer) : [];
}

describe('an exemption of a policy', () => {
  const exempt = (change: object): readonly string[] =>
    faultsOf({ exemptions: [{ reason: 'drill of the team', expiresAt: 1, ...change }] });

  it('gives a reason of up to as much text as a person reads', () => {
    expect(exempt({})).toEqual([]);
    expect(exempt({ reason: 'x'.repeat(MAX_TEXT_LENGTH) })).toEqual([]);
    for (const reason of ['', '   ', 'x'.repeat(MAX_TEXT_LENGTH + 1), 7, undefined]) {
      expect(exempt({ reason })).toEqual(['/policyGates/0/exemptions/0/reason']);
    }
  });

  it('ends', () => {
    for (const expiresAt of [0, -1, 1.5, '2027-01-01', undefined]) {
      expect(exempt({ expiresAt })).toEqual(['/policyGates/0/exemptions/0/expiresAt']);
    }
  });
});

describe('the numbers of a gate', () => {
  it.each([
    ['requiredApprovers', [1, 10], [0, 1.5, 11, '2']],
    ['approvalTimeoutMs', [1_000, 86_400_000], [0, 999, 1_000.5, '1000']],
  ])('%s', (member, fine, wrong) => {
    for (const value of fine) expect(faultsOf({ [member]: value })).toEqual([]);
    for (const value of wrong) expect(faultsOf({ [member]: value })).toEqual([`/policyGates/0/${member}`]);
  });

  it.each([
    ['escalationLevel', [1, 10], [0, 1.5, 11]],
    ['delayMs', [1_000, 86_400_000], [0, 999]],
  ])('of an escalation: %s', (member, fine, wrong) => {
    const step = (value: number): readonly string[] =>
      faultsOf({ escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'x', [member]: value }] });
    for (const value of fine) expect(step(value)).toEqual([]);
    for (const value of wrong) expect(step(value)).toEqual([`/policyGates/0/escalationPath/0/${member}`]);
  });

  it('and the priority of a policy', () => {
    for (const priority of [0, 1_000]) expect(faultsOf({}, { priority })).toEqual([]);
    for (const priority of [-1, 0.5, 1_001]) expect(faultsOf({}, { priority })).toEqual(['/priority']);
  });
});
