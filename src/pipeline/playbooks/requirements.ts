import type { RoleName } from '../vocabulary.ts';
import type { Requirement } from './plan.ts';

/**
 * What "k approvers of these roles" means (SEMANTICS, Approvals): k is the total of different people. While k is at
 * least the number of roles, one of each role is needed and the rest may be any of them; else any k of them.
 *
 * The places of the result are disjoint and add up to k. People only: service accounts do not vote.
 */
export function requirementsOf(roles: readonly RoleName[], k: number): readonly Requirement[] {
  const different = [...new Set(roles)].sort();
  if (k < different.length || different.length === 1) return [{ roles: different, k, human: true }];
  const each = different.map((role) => ({ roles: [role], k: 1, human: true }));
  const rest = k - different.length;
  return rest === 0 ? each : [...each, { roles: different, k: rest, human: true }];
}
