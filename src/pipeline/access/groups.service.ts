import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { requireVersion, type IfMatch } from '../service.ts';
import { applyAccessChange, existing, requireAnotherAdmin } from './access-change.ts';
import { allCustomRoles, allGroups, loadGroup } from './access-in-force.ts';
import { type User } from './access.ts';
import { isActiveAdmin, requireMayActOn, requireMayChange } from './may-change.ts';
import { allUsers, loadUser, type AccessJournal } from './access.store.ts';
import { presentActor } from './actor.ts';
import { changedUser } from './change-user.ts';
import { applyGroupInput, groupKey, MAX_GROUPS, type Group, type GroupChange, type GroupInput } from './group.ts';
import { groupDeleted, groupWrite } from './group.store.ts';
import { requireOperation, type CallContext, type Principal } from './principal.ts';
import type { RandomBytes } from './secret.ts';
import { userInForce, type UserInForce } from './user-in-force.ts';

/** Groups of people. Whatever a group gives counts as if each of its people had it themselves, and is guarded in the same way. */
export interface GroupService {
  /** By name. */
  list(ctx: CallContext): Promise<readonly Group[]>;
  /** With the ids of its people. */
  get(ctx: CallContext, id: string): Promise<{ readonly group: Group; readonly members: readonly string[] }>;
  /** @throws FirebreakError `invalid_request`, `forbidden` for roles that the caller lacks, `conflict` for a name that is taken. */
  create(ctx: CallContext, input: GroupInput): Promise<Group>;
  /** @throws FirebreakError also `forbidden` where it would change the caller's own roles, `conflict` for the last administrator. */
  change(ctx: CallContext, id: string, input: GroupChange, ifMatch: IfMatch): Promise<Group>;
  /** @throws FirebreakError `conflict` as long as somebody is in it. */
  remove(ctx: CallContext, id: string, ifMatch: IfMatch): Promise<Group>;
  /** Puts a person in; who is in it already stays. */
  addMember(ctx: CallContext, id: string, userId: string): Promise<UserInForce>;
  removeMember(ctx: CallContext, id: string, userId: string): Promise<UserInForce>;
}

export function createGroupService(journal: AccessJournal, randomBytes: RandomBytes): GroupService {
  async function membersOf(id: string): Promise<readonly User[]> {
    return (await allUsers(journal)).filter(({ groups = [] }) => groups.includes(id));
  }

  /** Judges a change of the group as a change of each of its people. */
  async function requireMayChangeAll(actor: Principal, before: Group, after: Group): Promise<void> {
    const roles = await allCustomRoles(journal);
    const groups = new Map((await allGroups(journal)).map((group) => [group.id, group]));
    const changes = (await membersOf(before.id)).map((user) => ({
      was: userInForce(user, groups, roles),
      is: userInForce(user, new Map(groups).set(after.id, after), roles),
    }));
    for (const { was, is } of changes) requireMayChange(actor, was, is);
    const leaving = changes.filter(({ was, is }) => isActiveAdmin(was) && !isActiveAdmin(is));
    if (leaving.length > 0)
      await requireAnotherAdmin(
        journal,
        leaving.map(({ is }) => is.id),
      );
  }

  async function requireFreeName(group: Group): Promise<void> {
    const taken = (await allGroups(journal)).some(
      ({ id, name }) => id !== group.id && groupKey(name) === groupKey(group.name),
    );
    if (!taken) return;
    throw new FirebreakError('conflict', 'Another group is called so', [{ pointer: '/name', detail: 'is taken' }]);
  }

  /** @throws FirebreakError `not_found`; `invalid_request` where a group stands for a person. */
  async function member(ctx: CallContext, id: string, userId: string, groupsFor: (before: User) => readonly string[]) {
    return applyAccessChange(journal, ctx, async () => {
      await presentActor(journal, ctx.principal, 'user.manage');
      await existing(loadGroup(journal, id), 'group');
      if ((await loadGroup(journal, userId)) !== null)
        throw new FirebreakError('invalid_request', 'A group holds people, no other groups', [
          { pointer: '/userId', detail: 'is a group' },
        ]);
      const before = (await loadUser(journal, userId))?.item.groups ?? [];
      const changed = await changedUser(journal, ctx, userId, (user) => ({ groups: groupsFor(user) }));
      const isSame = changed.answer.groups.map((group) => group.id).join() === before.join();
      return isSame ? { writes: [], answer: changed.answer } : changed;
    });
  }

  return {
    async list({ principal }) {
      requireOperation(principal, 'user.read');
      return allGroups(journal);
    },

    async get({ principal }, id) {
      requireOperation(principal, 'user.read');
      const { item: group } = await existing(loadGroup(journal, id), 'group');
      return { group, members: (await membersOf(id)).map((user) => user.id).sort() };
    },

    async create(ctx, input) {
      const id = derivedId('grp', Buffer.from(randomBytes(16)).toString('hex'));
      const by = ctx.principal.userId;
      const times = { createdAt: ctx.now, updatedAt: ctx.now };
      const blank = { id, name: '', description: '', roles: [], version: 1, ...times, savedBy: by, rolesSetBy: by };
      return applyAccessChange(journal, ctx, async () => {
        const actor = await presentActor(journal, ctx.principal, 'user.manage');
        const group = applyGroupInput(blank, input, [...(await allCustomRoles(journal)).keys()]);
        requireMayGive(actor, group);
        await requireFreeName(group);
        if ((await allGroups(journal)).length >= MAX_GROUPS)
          throw new FirebreakError('conflict', `There are ${MAX_GROUPS} groups already: delete one first`);
        return { writes: [groupWrite(group, 0)], answer: group };
      });
    },

    change: (ctx, id, input, ifMatch) =>
      applyAccessChange(journal, ctx, async () => {
        const actor = await presentActor(journal, ctx.principal, 'user.manage');
        const before = await existing(loadGroup(journal, id), 'group');
        requireVersion(ifMatch, before.item.version);
        const given = applyGroupInput(before.item, input, [...(await allCustomRoles(journal)).keys()]);
        const by = ctx.principal.userId;
        const isSame = given.roles.join() === before.item.roles.join();
        const saved = { version: before.item.version + 1, updatedAt: ctx.now, savedBy: by };
        const group: Group = { ...given, ...saved, rolesSetBy: isSame ? before.item.rolesSetBy : by };
        requireMayGive(actor, before.item);
        requireMayGive(actor, group);
        if (!isSame) await requireMayChangeAll(actor, before.item, group);
        return { writes: [groupWrite(group, before.version)], answer: group };
      }),

    remove: (ctx, id, ifMatch) =>
      applyAccessChange(journal, ctx, async () => {
        const actor = await presentActor(journal, ctx.principal, 'user.manage');
        const before = await existing(loadGroup(journal, id), 'group');
        requireVersion(ifMatch, before.item.version);
        requireMayGive(actor, before.item);
        const members = await membersOf(id);
        if (members.length > 0)
          throw new FirebreakError('conflict', `${members.length} are in it, ${members[0]?.id} for one: take them out`);
        const gone = groupDeleted(before.item, before.version, ctx.principal.userId, ctx.now);
        return { writes: [gone], answer: before.item };
      }),

    addMember: (ctx, id, userId) => member(ctx, id, userId, ({ groups = [] }) => [...groups, id]),
    removeMember: (ctx, id, userId) =>
      member(ctx, id, userId, ({ groups = [] }) => groups.filter((each) => each !== id)),
  };
}

/** Nobody gives what they lack, nor takes it. */
function requireMayGive(actor: Principal, { roles }: Group): void {
  requireMayActOn(actor, { roles, grants: [] });
}
