import { inOrder, isBuiltIn } from './role-names.ts';
import type { RoleName } from '../vocabulary.ts';
import type { User } from './access.ts';
import { grantsOf, type CustomRole } from './custom-role.ts';
import type { Group } from './group.ts';
import type { Operation } from './operations.ts';

/**
 * A user with all that groups and roles of the organisation give them at this moment: what every check of rights reads. What is
 * stored (`User`) names own roles and groups only, and neither can be taken for the other.
 */
export interface UserInForce extends Omit<User, 'roles' | 'groups'> {
  /** The own ones and those of the groups. */
  readonly roles: readonly RoleName[];
  readonly ownRoles: readonly RoleName[];
  readonly groups: readonly Pick<Group, 'id' | 'name'>[];
  /** What roles of the organisation allow them, beside what the table gives to built-in roles. */
  readonly grants: readonly Operation[];
}

/** A group or a role that there is not says nothing. */
export function userInForce(
  { roles: ownRoles, groups: groupIds = [], ...user }: User,
  groups: ReadonlyMap<string, Group>,
  customRoles: ReadonlyMap<RoleName, CustomRole>,
): UserInForce {
  const joined = groupIds.flatMap((id) => groups.get(id) ?? []);
  const named = [...ownRoles, ...joined.flatMap((group) => group.roles)];
  const roles = inOrder(named.filter((name) => isBuiltIn(name) || customRoles.has(name)));
  const grants = grantsOf(roles, customRoles);
  return { ...user, roles, ownRoles, groups: joined.map(({ id, name }) => ({ id, name })), grants };
}
