import type { Fault } from '../../platform/errors.ts';
import { canonicalAccount } from '../access/identities.ts';
import { grantsOf } from '../access/custom-role.ts';
import { rolesMay, type Operation } from '../access/operations.ts';
import { isBuiltIn, ROLE_NAME, roleFaults, unknownRole } from '../access/role-names.ts';
import { ROLES, type RoleName } from '../vocabulary.ts';
import { scheduleOf } from './on-call-places.ts';
import type { PolicyGate } from './policy.ts';

/** What is known of people and roles when a policy is saved. */
export interface KnownPeople {
  /** The roles with which somebody could vote: none for who is disabled or no person, null for an id that is not known. */
  readonly rolesOf: (userId: string) => readonly RoleName[] | null;
  /** Whether there is an on-call schedule of this id. Absent: there is none. */
  readonly isSchedule?: (scheduleId: string) => boolean;
  /** The organisation's roles, with what each allows. */
  readonly customRoles: ReadonlyMap<RoleName, { readonly operations: Operation[] }>;
}

/** A gate that names fewer people than it needs can never be fulfilled by them. */
export function peopleFaults({ approvalRoles, requiredApprovers }: PolicyGate, pointer: string): readonly Fault[] {
  if (approvalRoles.some(({ users = [] }) => users.length === 0)) return [];
  const named = new Set(approvalRoles.flatMap(({ users = [] }) => users.map(canonicalAccount)));
  if (named.size >= requiredApprovers) return [];
  const detail = `It needs ${requiredApprovers} different people and names ${named.size}: name more, or leave users out of a role.`;
  return [{ pointer: `${pointer}/requiredApprovers`, detail }];
}

/** A gate that asks people of a role that there is not would ask nobody. */
export function unknownRoleFaults(
  { approvalRoles }: PolicyGate,
  pointer: string,
  known: KnownPeople,
): readonly Fault[] {
  const names = approvalRoles.map(({ role }) => role);
  return roleFaults(names, [...known.customRoles.keys()], (index) => `${pointer}/approvalRoles/${index}/role`);
}

/** The organisation's roles that the gate means: those of its places, and those that its steps go to. */
export function customRolesIn({ approvalRoles, escalationPath }: PolicyGate, known: KnownPeople): readonly RoleName[] {
  const named = [...approvalRoles.map(({ role }) => role), ...escalationPath.map(({ escalateTo }) => escalateTo)];
  return named.filter((name) => !isBuiltIn(name) && known.customRoles.has(name));
}

/** Who is named and could not answer now. People and roles change, so none of it is refused. */
export function peopleWarnings(gate: PolicyGate, pointer: string, known: KnownPeople): readonly Fault[] {
  return [
    ...voteWarnings(gate, pointer, known),
    ...roleWarnings(gate, pointer, known),
    ...stepWarnings(gate, pointer, known),
  ];
}

/** Holding the role of a gate is one thing, voting at all another. */
function voteWarnings({ approvalRoles }: PolicyGate, pointer: string, { customRoles }: KnownPeople): readonly Fault[] {
  return approvalRoles.flatMap(({ role }, index) => {
    const operations = customRoles.get(role)?.operations;
    if (operations === undefined || operations.includes('approval.vote')) return [];
    const detail = `${role} does not include approval.vote: its people answer only where another role of theirs does.`;
    return [{ pointer: `${pointer}/approvalRoles/${index}/role`, detail }];
  });
}

function roleWarnings({ approvalRoles }: PolicyGate, pointer: string, known: KnownPeople): readonly Fault[] {
  return approvalRoles.flatMap(({ role, users = [], fallbackUsers = [] }, index) => {
    const at = `${pointer}/approvalRoles/${index}`;
    return [
      ...users.flatMap((id, place) => {
        const why = scheduleOf(id) === null ? cannotFill(id, role, known) : cannotVote(id, known);
        return why === null ? [] : [{ pointer: `${at}/users/${place}`, detail: why }];
      }),
      ...fallbackUsers.flatMap((id, place) => {
        const why = cannotVote(id, known);
        return why === null ? [] : [{ pointer: `${at}/fallbackUsers/${place}`, detail: why }];
      }),
    ];
  });
}

/** Why somebody who is named for a role could not fill its place, or null. */
function cannotFill(userId: string, role: RoleName, { rolesOf }: KnownPeople): string | null {
  const roles = rolesOf(userId);
  if (roles === null) return unknown(userId);
  return roles.includes(role) ? null : `${userId} could not answer now: the role ${role} is needed.`;
}

function stepWarnings(gate: PolicyGate, pointer: string, known: KnownPeople): readonly Fault[] {
  const hasFallback = gate.approvalRoles.some(({ fallbackUsers = [] }) => fallbackUsers.length > 0);
  return gate.escalationPath.flatMap(({ escalateTo, delayMs }, index) => {
    const at = `${pointer}/escalationPath/${index}`;
    const why = cannotVote(escalateTo, known);
    const instead = hasFallback
      ? 'the fallback users stand in.'
      : 'it has no fallback users either, so this step adds nobody.';
    const late = `It comes after the time to answer (${gate.approvalTimeoutMs} ms) is over, so never.`;
    return [
      ...(why === null ? [] : [{ pointer: `${at}/escalateTo`, detail: `${why} Until then ${instead}` }]),
      ...(delayMs < gate.approvalTimeoutMs ? [] : [{ pointer: `${at}/delayMs`, detail: late }]),
    ];
  });
}

/** Why a person, the people of a role, or those of a schedule could not vote at all, or null. */
function cannotVote(name: string, { rolesOf, customRoles, isSchedule }: KnownPeople): string | null {
  const schedule = scheduleOf(name);
  if (schedule !== null)
    return isSchedule?.(schedule) === true ? null : `${name} names no on-call schedule here: nobody is on call by it.`;
  const isRole = isBuiltIn(name) || customRoles.has(name);
  const roles = isRole ? [name] : rolesOf(name);
  if (roles === null)
    return ROLE_NAME.test(name)
      ? `${unknown(name)} ${unknownRole(name, [...ROLES, ...customRoles.keys()])}`
      : unknown(name);
  return rolesMay(roles, 'person', 'approval.vote', grantsOf(roles, customRoles)) ? null : `${name} may not vote.`;
}

function unknown(id: string): string {
  return `${id} is neither a user id nor a role here.`;
}
