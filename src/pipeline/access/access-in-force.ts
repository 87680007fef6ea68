import { MAX_PAGE_SIZE } from '../../platform/limits.ts';
import type { RoleName } from '../vocabulary.ts';
import type { User } from './access.ts';
import { allUsers, loadUser, type AccessJournal, type Versioned } from './access.store.ts';
import { CUSTOM_ROLE, type CustomRole } from './custom-role.ts';
import { GROUP, type Group } from './group.ts';
import { isBuiltIn } from './role-names.ts';
import { userInForce, type UserInForce } from './user-in-force.ts';

/** The rows of groups and of the organisation's roles, and users with what these give them. */

type OneByOne = Pick<AccessJournal, 'view'>;
type Lists = Pick<AccessJournal, 'listViews'>;

export async function loadGroup(journal: OneByOne, id: string): Promise<Versioned<Group> | null> {
  const view = await journal.view('group', id);
  return view === null ? null : { item: GROUP.parse(view.body), version: view.version };
}

export async function loadCustomRole(journal: OneByOne, name: RoleName): Promise<Versioned<CustomRole> | null> {
  const view = await journal.view('role', name);
  return view === null ? null : { item: CUSTOM_ROLE.parse(view.body), version: view.version };
}

/** All groups, by name. */
export async function allGroups(journal: Lists): Promise<readonly Group[]> {
  const groups = (await everyRow(journal, 'group')).map((body) => GROUP.parse(body));
  return groups.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** All roles of the organisation, by name. */
export async function allCustomRoles(journal: Lists): Promise<ReadonlyMap<RoleName, CustomRole>> {
  const roles = (await everyRow(journal, 'role')).map((body) => CUSTOM_ROLE.parse(body));
  return new Map(roles.sort((left, right) => (left.name < right.name ? -1 : 1)).map((role) => [role.name, role]));
}

/** A user as they stand now. Reads only what they are named in. */
export async function inForce(journal: OneByOne, user: User): Promise<UserInForce> {
  const groups = await Promise.all((user.groups ?? []).map((id) => loadGroup(journal, id)));
  const found = groups.flatMap((group) => group?.item ?? []);
  const names = new Set([...user.roles, ...found.flatMap(({ roles }) => roles)].filter((name) => !isBuiltIn(name)));
  const roles = await Promise.all([...names].map((name) => loadCustomRole(journal, name)));
  return userInForce(
    user,
    new Map(found.map((group) => [group.id, group])),
    new Map(roles.flatMap((role) => (role === null ? [] : [[role.item.name, role.item] as const]))),
  );
}

export async function loadUserInForce(journal: OneByOne, id: string): Promise<UserInForce | null> {
  const user = await loadUser(journal, id);
  return user === null ? null : inForce(journal, user.item);
}

/** All users of a kind and status, or all there are, as they stand now. */
export async function allUsersInForce(
  journal: Lists,
  filter: { readonly status?: string; readonly type?: string } = {},
): Promise<readonly UserInForce[]> {
  const [users, groups, roles] = await Promise.all([
    allUsers(journal, filter),
    allGroups(journal),
    allCustomRoles(journal),
  ]);
  const byId = new Map(groups.map((group) => [group.id, group]));
  return users.map((user) => userInForce(user, byId, roles));
}

/** All people who are enabled, as they stand now. */
export function enabledPeople(journal: Lists): Promise<readonly UserInForce[]> {
  return allUsersInForce(journal, { type: 'person', status: 'active' });
}

async function everyRow(journal: Lists, kind: 'group' | 'role') {
  const bodies = [];
  for (;;) {
    const { items, total } = await journal.listViews({ kind, limit: MAX_PAGE_SIZE, skip: bodies.length });
    bodies.push(...items.map(({ body }) => body));
    if (items.length === 0 || bodies.length >= total) return bodies;
  }
}
