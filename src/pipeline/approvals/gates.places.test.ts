import { describe, expect, it } from 'vitest';
import { gate } from '../../../tests/support/plans.ts';
import type { PlanGate, Requirement } from '../playbooks/plan.ts';
import type { Role } from '../vocabulary.ts';
import { combineGates } from './gates.ts';

const ADMIN = ['SECURITY_ADMIN'] as const;
const EITHER = ['INCIDENT_COMMANDER', 'SECURITY_ADMIN'] as const;

function needs(gateName: string, ...places: readonly (readonly Role[])[]): PlanGate {
  const requirements: readonly Requirement[] = places.map((roles) => ({ roles, k: 1, human: true }));
  return gate({ gateName, requirements, requiredApprovers: places.length });
}

function placesOf(...gates: readonly PlanGate[]): readonly string[] {
  return combineGates(gates)
    .requirements.flatMap(({ roles, k }) => Array.from({ length: k }, () => [...roles].sort().join('|')))
    .sort();
}

describe('the places of several gates', () => {
  it('are filled by as few people as fill each gate: equal places are one', () => {
    const both = [EITHER.join('|'), ADMIN.join('|')].sort();
    // The administrator of the second gate is the one of the first, not a second one beside its commander.
    expect(placesOf(needs('a', EITHER, ADMIN), needs('b', ADMIN))).toEqual(both);
    expect(placesOf(needs('a', ADMIN, EITHER), needs('b', ADMIN))).toEqual(both);
    expect(placesOf(needs('a', ADMIN), needs('b', ADMIN, EITHER))).toEqual(both);
    for (const order of [
      [EITHER, ADMIN],
      [ADMIN, EITHER],
    ]) {
      expect(placesOf(needs('a', ...order), needs('b', EITHER))).toEqual(both);
      expect(placesOf(needs('a', ...order), needs('b', ...order))).toEqual(both);
    }
  });

  it('make the narrower one of two that one person can fill', () => {
    expect(placesOf(needs('a', EITHER), needs('b', ADMIN))).toEqual(['SECURITY_ADMIN']);
    expect(placesOf(needs('a', ADMIN), needs('b', EITHER))).toEqual(['SECURITY_ADMIN']);
  });

  it('stay apart where nobody could fill both', () => {
    expect(placesOf(needs('a', ADMIN), needs('b', ['LEGAL']))).toEqual(['LEGAL', 'SECURITY_ADMIN']);
    expect(placesOf(needs('a', ['LEGAL', 'SECURITY_ADMIN']), needs('b', EITHER))).toHaveLength(2);
  });
});
