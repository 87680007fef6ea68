import { describe, expect, it } from 'vitest';
import type { Requirement } from '../playbooks/plan.ts';
import type { Role } from '../vocabulary.ts';
import { countsFor } from './seats.ts';

const PLACE: Requirement = {
  roles: ['CISO', 'SECURITY_ADMIN'],
  k: 1,
  human: true,
  users: { SECURITY_ADMIN: ['ada', 'ben'] },
  standIns: [
    { who: 'user', id: 'cto', afterMs: 1_000 },
    { who: 'role', id: 'LEGAL', afterMs: 2_000 },
  ],
};
const NOT_ESCALATED = -1;

describe('who counts for a place', () => {
  it.each<[string, boolean, string, readonly Role[], number]>([
    ['everybody who has a role for which nobody is named', true, 'zoe', ['CISO'], NOT_ESCALATED],
    ['whoever is named, with the role', true, 'Ada ', ['SECURITY_ADMIN'], NOT_ESCALATED],
    ['not who is named and lost the role', false, 'ada', ['LEGAL'], NOT_ESCALATED],
    ['not who has the role and is not named', false, 'zoe', ['SECURITY_ADMIN'], NOT_ESCALATED],
    ['a stand-in not before the step', false, 'cto', [], NOT_ESCALATED],
    ['a stand-in not before their own step', false, 'zoe', ['LEGAL'], 1_000],
    ['a person from the step on, whatever their roles are', true, 'CTO', [], 1_000],
    ['a role from the step on', true, 'zoe', ['LEGAL'], 2_000],
    ['an earlier stand-in after a later step, too', true, 'cto', ['AUDITOR'], 2_000],
    ['nobody else, however far it was escalated', false, 'zoe', ['IR_LEAD'], 9_000],
    ['not a person whose id reads like a role', false, 'LEGAL', [], 9_000],
  ])('%s', (_what, counts, userId, roles, escalatedMs) => {
    expect(countsFor(PLACE, { userId, roles }, escalatedMs)).toBe(counts);
  });
});
