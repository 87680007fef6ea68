import { canonicalAccount } from '../access/identities.ts';
import type { Requirement, StandIn } from '../playbooks/plan.ts';
import type { RoleName } from '../vocabulary.ts';

/** An account with which somebody votes, as known at that moment. */
export interface Login {
  readonly userId: string;
  readonly roles: readonly RoleName[];
  /** It counts by its roles only, not where it is named in person. */
  readonly byRoleOnly?: true;
}

/**
 * Whether an account counts for a place. Another account of the same person does not stand for it: who is named is
 * named, and a role belongs to the account that has it.
 *
 * @param escalatedMs delay of the last step by which the request was escalated, in ms; -1 when it was not.
 */
export function countsFor(requirement: Requirement, login: Login, escalatedMs: number): boolean {
  const { roles, users = {}, standIns = [] } = requirement;
  const account = canonicalAccount(login.userId);
  const regular = roles.some((role) => login.roles.includes(role) && (users[role]?.includes(account) ?? true));
  return (
    regular ||
    standInsFor(login, standIns).some((each) => each.afterMs <= escalatedMs && isMeant(each, account, login.roles))
  );
}

function standInsFor({ byRoleOnly }: Login, standIns: readonly StandIn[]): readonly StandIn[] {
  return byRoleOnly === true ? standIns.filter(({ who }) => who === 'role') : standIns;
}

function isMeant({ who, id }: StandIn, account: string, roles: readonly RoleName[]): boolean {
  // Nobody counts for a schedule as such: whoever is on call is named when the request gets that far.
  if (who === 'oncall') return false;
  return who === 'user' ? id === account : roles.some((role) => role === id);
}
