import { FirebreakError, type Fault } from '../../platform/errors.ts';
import type { User } from './access.ts';
import { OPERATION_NAMES, rolesMay, type Operation } from './operations.ts';
import type { Principal } from './principal.ts';
import type { UserInForce } from './user-in-force.ts';

/**
 * What one person may do to another account: only accounts whose roles, before and after, the actor holds too,
 * unless the actor is SECURITY_ADMIN; and never to the own roles, groups, status or linked accounts (those decide who may
 * vote about whom). Roles of groups count as own ones do.
 *
 * @throws FirebreakError `forbidden` with the faulty member.
 */
export function requireMayChange(actor: Principal, before: UserInForce | null, after: UserInForce): void {
  requireMayActOn(actor, before ?? after);
  requireMayActOn(actor, after);
  if (before === null || before.id !== actor.userId) return;
  const faults: Fault[] = [];
  const sameRoles = sameMembers(before.ownRoles, after.ownRoles) && sameMembers(before.roles, after.roles);
  if (!sameRoles) faults.push({ pointer: '/roles', detail: 'nobody changes own roles' });
  if (!sameMembers(idsOf(before.groups), idsOf(after.groups)))
    faults.push({ pointer: '/groups', detail: 'nobody changes own groups' });
  if (before.disabled !== after.disabled) faults.push({ pointer: '/disabled', detail: 'nobody disables themselves' });
  if (!sameMembers(before.linkedAccounts, after.linkedAccounts)) {
    faults.push({ pointer: '/linkedAccounts', detail: 'nobody changes own linked accounts' });
  }
  if (faults.length > 0) throw new FirebreakError('forbidden', 'Somebody else has to make this change', faults);
}

/** @throws FirebreakError `forbidden` when `target` holds a role that `actor` lacks and actor is no SECURITY_ADMIN. */
export function requireMayActOn(actor: Principal, target: Pick<UserInForce, 'roles' | 'grants'>): void {
  if (actor.roles.includes('SECURITY_ADMIN')) return;
  const beyond = target.roles.filter((role) => !actor.roles.includes(role));
  if (beyond.length === 0) return;
  throw new FirebreakError('forbidden', 'Only a SECURITY_ADMIN acts on roles they do not hold', [
    { pointer: '/roles', detail: `not held: ${beyond.join(', ')}` },
  ]);
}

/**
 * An account of an identity provider is a way in, to all that the user's roles allow: a scoped key must not open one.
 *
 * @throws FirebreakError `forbidden`.
 */
export function requireMayLink(actor: Principal, before: User | null, after: User): void {
  if (actor.scopes === null) return;
  const added = after.linkedAccounts.filter((account) => !(before?.linkedAccounts ?? []).includes(account));
  if (!added.some((account) => account.startsWith('oidc:'))) return;
  throw new FirebreakError('forbidden', 'A scoped key cannot link an account with which somebody signs in', [
    { pointer: '/linkedAccounts', detail: 'holds a new account of an identity provider' },
  ]);
}

/** True for those who keep the house open: an enabled person with SECURITY_ADMIN. */
export function isActiveAdmin(user: UserInForce): boolean {
  return user.kind === 'person' && !user.disabled && user.roles.includes('SECURITY_ADMIN');
}

/** The scopes, in table order. @throws FirebreakError `invalid_request` for one that the owner's roles do not allow. */
export function checkedScopes(owner: UserInForce, scopes: readonly Operation[] | null): Operation[] | null {
  if (scopes === null) return null;
  const faults = scopes.flatMap((scope, index) =>
    rolesMay(owner.roles, owner.kind, scope, owner.grants)
      ? []
      : [{ pointer: `/scopes/${index}`, detail: `the roles of ${owner.id} do not allow ${scope}` }],
  );
  if (scopes.length === 0) faults.push({ pointer: '/scopes', detail: 'name at least one, or leave it out for all' });
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The scopes are not valid', faults);
  return OPERATION_NAMES.filter((name) => scopes.includes(name));
}

function idsOf(groups: UserInForce['groups']): readonly string[] {
  return groups.map(({ id }) => id);
}

function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((member) => right.includes(member));
}
