import { describe, expect, it } from 'vitest';
import { POLICY } from '../../../tests/support/seed-bodies.ts';
import { placesOf, stepsOf } from './places.ts';
import { toPolicy, type PolicyGate } from './policy.ts';

function gateOf(more: object): PolicyGate {
  const gate = { gateName: 'g', approvalRoles: [{ role: 'CISO' }], approvalTimeoutMs: 60_000, ...more };
  const read = toPolicy({ name: 'N', policyGates: [gate] });
  if ('faults' in read || read.value.policyGates[0] === undefined) throw new Error(JSON.stringify(read));
  return read.value.policyGates[0];
}

const step = (delayMs: number, escalateTo: string, escalationLevel = 1) => ({ delayMs, escalateTo, escalationLevel });

describe('the places of a gate', () => {
  it('are as before where nobody is named', () => {
    expect(placesOf(gateOf({}))).toEqual([{ roles: ['CISO'], k: 1, human: true }]);
    expect(placesOf(gateOf({ approvalRoles: [{ role: 'CISO', users: [], fallbackUsers: [] }] }))).toEqual([
      { roles: ['CISO'], k: 1, human: true },
    ]);
  });

  it('name for each role who counts, in one form', () => {
    const approvalRoles = [{ role: 'CISO', users: ['usr_B ', 'usr_a', 'USR_A'] }, { role: 'LEGAL' }];
    expect(placesOf(gateOf({ approvalRoles }))).toEqual([
      { roles: ['CISO', 'LEGAL'], k: 1, human: true, users: { CISO: ['usr_a', 'usr_b'] } },
    ]);
    expect(placesOf(gateOf({ approvalRoles, requiredApprovers: 2 }))).toEqual([
      { roles: ['CISO'], k: 1, human: true, users: { CISO: ['usr_a', 'usr_b'] } },
      { roles: ['LEGAL'], k: 1, human: true },
    ]);
  });

  it('let whoever a step names stand in from then on, of each from the first time', () => {
    const escalationPath = [step(30_000, 'LEGAL', 2), step(10_000, 'usr_Cto'), step(40_000, 'usr_cto', 3)];
    const gate = gateOf({ escalationPath });
    expect(stepsOf(gate).map(({ delayMs }) => delayMs)).toEqual([10_000, 30_000, 40_000]);
    expect(placesOf(gate)[0]?.standIns).toEqual([
      { who: 'user', id: 'usr_cto', afterMs: 10_000 },
      { who: 'role', id: 'LEGAL', afterMs: 30_000 },
    ]);
  });

  it('let fallback users stand in for their role from the first step on', () => {
    const approvalRoles = [{ role: 'CISO', fallbackUsers: ['usr_f'] }, { role: 'LEGAL' }];
    const escalationPath = [step(30_000, 'usr_cto'), step(20_000, 'nobody')];
    const [ciso, legal] = placesOf(gateOf({ approvalRoles, escalationPath, requiredApprovers: 2 }));
    const steps = [
      { who: 'user', id: 'nobody', afterMs: 20_000 },
      { who: 'user', id: 'usr_cto', afterMs: 30_000 },
    ];
    expect(ciso?.standIns).toEqual([steps[0], { who: 'user', id: 'usr_f', afterMs: 20_000 }, steps[1]]);
    expect(legal?.standIns).toEqual(steps);
  });

  it('let them stand in half way where the gate has no steps', () => {
    const gate = gateOf({ approvalRoles: [{ role: 'CISO', fallbackUsers: ['usr_f'] }] });
    expect(stepsOf(gate)).toEqual([{ level: 1, delayMs: 30_000, escalateTo: 'fallback users' }]);
    expect(placesOf(gate)[0]?.standIns).toEqual([{ who: 'user', id: 'usr_f', afterMs: 30_000 }]);
  });

  it('take the requested policy as it is written', () => {
    const read = toPolicy(POLICY);
    if ('faults' in read || read.value.policyGates[0] === undefined) throw new Error(JSON.stringify(read));
    const standIns = [{ who: 'user', id: 'cto_user_id', afterMs: 1_800_000 }];
    expect(placesOf(read.value.policyGates[0])).toEqual([
      { roles: ['INCIDENT_COMMANDER'], k: 1, human: true, standIns },
      { roles: ['SECURITY_ADMIN'], k: 1, human: true, standIns },
    ]);
  });
});
