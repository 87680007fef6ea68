import { existing, requireAnotherAdmin, requireFreeEmail } from './access-change.ts';
import { allCustomRoles, allGroups, inForce } from './access-in-force.ts';
import { applyUserInput, type Given, type User, type UserInput } from './access.ts';
import { isActiveAdmin, requireMayChange, requireMayLink } from './may-change.ts';
import { loadUser, userWrite, type AccessJournal, type AccessWrite } from './access.store.ts';
import { presentActor } from './actor.ts';
import { endSessionsOf } from './end-sessions.ts';
import { MAX_GROUPS_OF_ONE } from './group.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { CallContext } from './principal.ts';
import type { UserInForce } from './user-in-force.ts';

/** What is written, and the account as it stands then. */
export interface ChangedUser {
  readonly writes: readonly AccessWrite[];
  readonly answer: UserInForce;
}

/** A new account. @throws FirebreakError as `changedUser` does. */
export async function newUser(
  journal: AccessJournal,
  { principal, now }: CallContext,
  blank: User,
  input: UserInput,
): Promise<ChangedUser> {
  const actor = await presentActor(journal, principal, 'user.manage');
  const stored = applyUserInput(blank, input, await givenBy(journal, input));
  const user = await inForce(journal, stored);
  requireMayChange(actor, null, user);
  requireMayLink(actor, null, stored);
  requireFewGroups(stored);
  await requireFreeEmail(journal, stored);
  return { writes: [userWrite(stored, 0, principal.userId, now)], answer: user };
}

/**
 * A change of an account, with all rules about who may make it. Roles count as they are in force: a group that gives one is the
 * same as the role itself. @throws FirebreakError `not_found`, `invalid_request`, `forbidden`, `conflict`.
 */
export async function changedUser(
  journal: AccessJournal,
  { principal, now }: CallContext,
  id: string,
  inputFor: (before: User) => UserInput,
): Promise<ChangedUser> {
  const actor = await presentActor(journal, principal, 'user.manage');
  const before = await existing(loadUser(journal, id), 'user');
  const input = inputFor(before.item);
  const stored = applyUserInput(before.item, input, await givenBy(journal, input));
  const [was, user] = await Promise.all([inForce(journal, before.item), inForce(journal, stored)]);
  requireMayChange(actor, was, user);
  requireMayLink(actor, before.item, stored);
  if (input.groups !== undefined) requireFewGroups(stored);
  if (stored.email !== before.item.email) await requireFreeEmail(journal, stored);
  if (isActiveAdmin(was) && !isActiveAdmin(user)) await requireAnotherAdmin(journal, [id]);
  const by = principal.userId;
  const cause = { end: 'user_disabled', by, at: now } as const;
  const ended = stored.disabled && !before.item.disabled ? await endSessionsOf(journal, { id }, cause) : [];
  return { writes: [userWrite(stored, before.version, by, now), ...ended], answer: user };
}

function requireFewGroups({ groups = [] }: User): void {
  if (groups.length <= MAX_GROUPS_OF_ONE) return;
  throw new FirebreakError('conflict', `Nobody is in more than ${MAX_GROUPS_OF_ONE} groups`);
}

/** Reads only what the input names a kind of. */
async function givenBy(journal: AccessJournal, { roles, groups }: UserInput): Promise<Given> {
  return {
    customRoles: roles === undefined ? [] : [...(await allCustomRoles(journal)).keys()],
    groups: groups === undefined ? [] : (await allGroups(journal)).map(({ id }) => id),
  };
}
