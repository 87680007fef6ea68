import {
  applyToUser,
  LIMITS,
  live,
  Refusal,
  userToChange,
  type ActionBlock,
  type Change,
  type EnhancedLogging,
  type GeoLock,
  type Mark,
} from './company.ts';
import { mail } from './messages.ts';

/** What can be done to an account, with the refusals of a real directory (409 when it is already so). */

export function suspend(change: Change, userId: string): { suspended: Mark } {
  const user = userToChange(change, userId);
  if (user.suspended !== null) throw new Refusal(409, 'already_suspended', 'the user is suspended already');
  user.suspended = applyToUser(change, user, 'account.suspend');
  return { suspended: user.suspended };
}

export function unsuspend(change: Change, userId: string): { suspended: null } {
  const user = userToChange(change, userId);
  if (user.suspended === null) throw new Refusal(409, 'not_suspended', 'the user is not suspended');
  applyToUser(change, user, 'account.unsuspend');
  user.suspended = null;
  return { suspended: null };
}

/** The user has to choose a new password, and gets a mail about it. */
export function requirePasswordChange(
  change: Change,
  userId: string,
  body: { sendEmail: boolean },
): { passwordMustChange: Mark } {
  const user = userToChange(change, userId);
  if (user.passwordMustChange !== null)
    throw new Refusal(409, 'already_required', 'a new password is required already');
  if (body.sendEmail) {
    mail(change, user.mail, {
      kind: 'password_reset',
      subject: 'Choose a new password',
      text: 'Your password has to be changed before you can sign in again.',
    });
  }
  user.passwordMustChange = applyToUser(change, user, 'password.reset');
  return { passwordMustChange: user.passwordMustChange };
}

/** The user chose a new password. */
export function changePassword(change: Change, userId: string): { passwordMustChange: null } {
  const user = userToChange(change, userId);
  if (user.passwordMustChange === null) throw new Refusal(409, 'not_required', 'no new password is required');
  applyToUser(change, user, 'password.changed');
  user.passwordMustChange = null;
  return { passwordMustChange: null };
}

/** Password, keys and tokens stop working and are kept, so that they can be given back. */
export function disableCredentials(change: Change, userId: string): { credentialsDisabled: Mark } {
  const user = userToChange(change, userId);
  if (user.credentialsDisabled !== null)
    throw new Refusal(409, 'already_disabled', 'the credentials are disabled already');
  user.credentialsDisabled = applyToUser(change, user, 'credentials.disable');
  return { credentialsDisabled: user.credentialsDisabled };
}

export function enableCredentials(change: Change, userId: string): { credentialsDisabled: null } {
  const user = userToChange(change, userId);
  if (user.credentialsDisabled === null) throw new Refusal(409, 'not_disabled', 'the credentials are not disabled');
  applyToUser(change, user, 'credentials.enable');
  user.credentialsDisabled = null;
  return { credentialsDisabled: null };
}

interface Lifetime {
  readonly expiresInMs?: number | null | undefined;
  readonly expiresAt?: number | null | undefined;
}

/** An end given as a duration (so that a repeat has the same body) or, when something is restored, as a time. */
function endOf(now: number, body: Lifetime): number | null {
  if (typeof body.expiresInMs === 'number') return now + body.expiresInMs;
  if (typeof body.expiresAt !== 'number') return null;
  if (body.expiresAt <= now || body.expiresAt > now + LIMITS.lifetimeMs) {
    throw new Refusal(400, 'invalid_body', 'must lie in the future, within a year', '/expiresAt');
  }
  return body.expiresAt;
}

/** Replaces the lock. Without countries: the user's home country. `owner` is given when a former lock is restored. */
export function setGeoLock(
  change: Change,
  userId: string,
  body: Lifetime & { allowedCountries?: readonly string[] | undefined; owner?: string | null | undefined },
): { geoLock: GeoLock } {
  const user = userToChange(change, userId);
  const expiresAt = endOf(change.now, body);
  const allowedCountries = [...new Set(body.allowedCountries ?? [user.homeCountry])].sort();
  const mark = applyToUser(change, user, 'geo_lock.set');
  user.geoLock = { ...mark, owner: body.owner === undefined ? mark.owner : body.owner, allowedCountries, expiresAt };
  return { geoLock: user.geoLock };
}

export function removeGeoLock(change: Change, userId: string): { geoLock: null } {
  const user = userToChange(change, userId);
  if (live(user.geoLock, change.now) === null) throw new Refusal(409, 'not_locked', 'there is no geo lock');
  applyToUser(change, user, 'geo_lock.remove');
  user.geoLock = null;
  return { geoLock: null };
}

export function setEnhancedLogging(
  change: Change,
  userId: string,
  body: Lifetime & { owner?: string | null | undefined },
): { logging: EnhancedLogging } {
  const user = userToChange(change, userId);
  const expiresAt = endOf(change.now, body);
  const mark = applyToUser(change, user, 'logging.enhance');
  user.logging = { ...mark, owner: body.owner === undefined ? mark.owner : body.owner, expiresAt };
  return { logging: user.logging };
}

export function resetLogging(change: Change, userId: string): { logging: null } {
  const user = userToChange(change, userId);
  if (live(user.logging, change.now) === null)
    throw new Refusal(409, 'not_enhanced', 'logging is at its standard level');
  applyToUser(change, user, 'logging.standard');
  user.logging = null;
  return { logging: null };
}

/** What an attacker (or an administrator) does before ACTION_BLOCK has a reason. */
export function grantPrivilege(
  change: Change,
  userId: string,
  body: { name: string; grantedBy: string },
): { granted: true } {
  const user = userToChange(change, userId);
  if (user.actionBlock !== null) throw new Refusal(409, 'blocked', 'privileged actions of this user are blocked');
  if (user.privileges.has(body.name)) throw new Refusal(409, 'already_granted', 'the privilege is granted already');
  if (user.privileges.size >= LIMITS.perUser) throw new Refusal(409, 'full', 'too many privileges');
  applyToUser(change, user, 'privilege.grant');
  user.privileges.set(body.name, { ...body, grantedAt: change.now });
  return { granted: true };
}

/** Makes every privilege ineffective, forbids new ones, and takes the named grant away. */
export function blockActions(
  change: Change,
  userId: string,
  body: { privilege: string | null },
): { actionBlock: ActionBlock } {
  const user = userToChange(change, userId);
  if (user.actionBlock !== null) throw new Refusal(409, 'already_blocked', 'privileged actions are blocked already');
  const grant = body.privilege === null ? undefined : user.privileges.get(body.privilege);
  const mark = applyToUser(change, user, 'actions.block');
  user.actionBlock = { ...mark, privilege: body.privilege, reverted: grant !== undefined };
  if (grant !== undefined) user.privileges.delete(grant.name);
  return { actionBlock: user.actionBlock };
}

/** Lifts the block and gives the grant back that the block took away. */
export function unblockActions(change: Change, userId: string): { actionBlock: null } {
  const user = userToChange(change, userId);
  const block = user.actionBlock;
  if (block === null) throw new Refusal(409, 'not_blocked', 'privileged actions are not blocked');
  applyToUser(change, user, 'actions.unblock');
  user.actionBlock = null;
  if (block.reverted && block.privilege !== null) {
    const { privilege: name } = block;
    user.privileges.set(name, { name, grantedBy: 'restored', grantedAt: change.now });
  }
  return { actionBlock: null };
}
