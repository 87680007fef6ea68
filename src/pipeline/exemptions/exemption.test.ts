import { describe, expect, it } from 'vitest';
import type { Json } from '../../platform/canonical-json.ts';
import { foldExemption, inForceOf, proposalHash, statusOf, storedStatusOf, type Terms } from './exemption.ts';

const terms: Terms = {
  policyId: 'pol',
  policyVersion: 2,
  gateName: 'g',
  gateHash: 'h',
  appliesTo: { userIds: ['anna'], playbookIds: ['p'] },
  reason: 'why',
  expiresAt: 1_000,
  lapsesAt: 500,
};
const word = (by: string) => ({ by, issuedBy: by, accounts: [by, `${by}@soc.example`] });
const recordOf = (type: string, at: number, data: object) => ({ type, at, data: data as { [key: string]: Json } });
const proposed = recordOf('exemption.proposed', 1, { exemption: terms, hash: 'x', ...word('usr_2') });
const confirmed = recordOf('exemption.confirmed', 2, { hash: 'x', ...word('usr_1') });
const revoked = recordOf('exemption.revoked', 3, { by: 'usr_3', reason: 'over' });

const fold = (...records: readonly ReturnType<typeof recordOf>[]) => {
  const exemption = foldExemption(records);
  if (exemption === null) throw new Error('nothing was folded');
  return exemption;
};

describe('an exemption', () => {
  it.each<[string, string, readonly (typeof proposed)[], number]>([
    ['PROPOSED', 'PROPOSED', [proposed], 499],
    ['PROPOSED', 'EXPIRED', [proposed], 500],
    ['IN_FORCE', 'IN_FORCE', [proposed, confirmed], 999],
    ['IN_FORCE', 'EXPIRED', [proposed, confirmed], 1_000],
    ['REVOKED', 'REVOKED', [proposed, confirmed, revoked], 5],
    ['REVOKED', 'REVOKED', [proposed, revoked], 5_000],
  ])('is stored as %s and is %s', (stored, status, records, now) => {
    const exemption = fold(...records);
    expect(storedStatusOf(exemption)).toBe(stored);
    expect(statusOf(exemption, now)).toBe(status);
    expect(exemption.version).toBe(records.length);
  });

  it('is nothing without records, and takes none that cannot come', () => {
    expect(foldExemption([])).toBe(null);
    for (const wrong of [[confirmed], [revoked], [proposed, proposed], [proposed, revoked, confirmed]])
      expect(() => foldExemption(wrong)).toThrow('invariant');
  });

  it('knows all accounts of both people in plans', () => {
    expect(inForceOf('exm_1', fold(proposed, confirmed))).toEqual({
      id: 'exm_1',
      policyId: 'pol',
      gateName: 'g',
      gateHash: 'h',
      proposedBy: 'usr_2',
      confirmedBy: 'usr_1',
      accounts: ['usr_1', 'usr_1@soc.example', 'usr_2', 'usr_2@soc.example'],
      expiresAt: 1_000,
      userIds: ['anna'],
      playbookIds: ['p'],
    });
    expect(() => inForceOf('exm_1', fold(proposed))).toThrow('confirmed');
  });

  it('has a hash that names everything that was proposed', () => {
    const hash = proposalHash('exm_1', terms, 'usr_2');
    const others = [
      proposalHash('exm_2', terms, 'usr_2'),
      proposalHash('exm_1', terms, 'usr_1'),
      ...Object.keys(terms).map((member) => proposalHash('exm_1', { ...terms, [member]: 'another' }, 'usr_2')),
    ];
    expect(new Set([hash, ...others]).size).toBe(others.length + 1);
  });
});
