import type { Fault } from '../../platform/errors.ts';
import { canonicalAccount } from '../access/identities.ts';
import { rolesMay } from '../access/operations.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { scheduleOf } from './on-call-places.ts';
import type { PolicyGate } from './policy.ts';

type RolesOf = (userId: string) => readonly Role[] | null;
/** Whether there is a schedule by which people are on call. */
type IsSchedule = (scheduleId: string) => boolean;

/** A gate that names fewer people than it needs can never be fulfilled by them. */
export function peopleFaults({ approvalRoles, requiredApprovers }: PolicyGate, pointer: string): readonly Fault[] {
  if (approvalRoles.some(({ users = [] }) => users.length === 0)) return [];
  const named = new Set(approvalRoles.flatMap(({ users = [] }) => users.map(canonicalAccount)));
  if (named.size >= requiredApprovers) return [];
  const detail = `It needs ${requiredApprovers} different people and names ${named.size}: name more, or leave users out of a role.`;
  return [{ pointer: `${pointer}/requiredApprovers`, detail }];
}

/** Who is named and could not answer now. People and roles change, so none of it is refused. */
export function peopleWarnings(
  gate: PolicyGate,
  pointer: string,
  rolesOf: RolesOf,
  isSchedule: IsSchedule,
): readonly Fault[] {
  const cannot = (name: string): string | null => cannotVote(name, rolesOf, isSchedule);
  return [...roleWarnings(gate, pointer, rolesOf, cannot), ...stepWarnings(gate, pointer, cannot)];
}

type Cannot = (name: string) => string | null;

function roleWarnings(
  { approvalRoles }: PolicyGate,
  pointer: string,
  rolesOf: RolesOf,
  cannot: Cannot,
): readonly Fault[] {
  return approvalRoles.flatMap(({ role, users = [], fallbackUsers = [] }, index) => {
    const at = `${pointer}/approvalRoles/${index}`;
    return [
      ...users.flatMap((id, place) => {
        const why =
          scheduleOf(id) !== null || rolesOf(id) === null
            ? cannot(id)
            : rolesOf(id)?.includes(role)
              ? null
              : `${id} could not answer now: the role ${role} is needed.`;
        return why === null ? [] : [{ pointer: `${at}/users/${place}`, detail: why }];
      }),
      ...fallbackUsers.flatMap((id, place) => {
        const why = cannot(id);
        return why === null ? [] : [{ pointer: `${at}/fallbackUsers/${place}`, detail: why }];
      }),
    ];
  });
}

function stepWarnings(gate: PolicyGate, pointer: string, cannot: Cannot): readonly Fault[] {
  const hasFallback = gate.approvalRoles.some(({ fallbackUsers = [] }) => fallbackUsers.length > 0);
  return gate.escalationPath.flatMap(({ escalateTo, delayMs }, index) => {
    const at = `${pointer}/escalationPath/${index}`;
    const why = cannot(escalateTo);
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
function cannotVote(name: string, rolesOf: RolesOf, isSchedule: IsSchedule): string | null {
  const schedule = scheduleOf(name);
  if (schedule !== null)
    return isSchedule(schedule) ? null : `${name} names no on-call schedule here: nobody is on call by it.`;
  const role = ROLES.find((each) => each === name);
  const roles = role === undefined ? rolesOf(name) : [role];
  if (roles === null) return unknown(name);
  return rolesMay(roles, 'person', 'approval.vote') ? null : `${name} may not vote.`;
}

function unknown(id: string): string {
  return `${id} is neither a user id nor a role here.`;
}
