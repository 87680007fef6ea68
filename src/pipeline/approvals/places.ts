import { canonicalAccount } from '../access/identities.ts';
import type { PlanGate, Requirement, StandIn } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import { ROLES, type RoleName } from '../vocabulary.ts';
import { scheduleOf } from './on-call-places.ts';
import type { PolicyGate } from './policy.ts';

type Step = PlanGate['escalationPath'][number];

/** To whom the step goes that a gate with fallback users has even if it names none. */
const FALLBACK_USERS = 'fallback users';

/**
 * A gate's places as plans keep them, with the people whom the gate names. `users` of a role are the only ones of it who count.
 * Whoever an escalation step names may fill any place from then on, and a role's `fallbackUsers` the places of that role from the
 * first step on: they are asked when nobody else has answered. Whom nobody knows cannot vote, so a step to somebody unknown leaves
 * the fallback users.
 *
 * @param customRoles roles of the organisation that the policy meant when it was saved: such a name of a step is a role, not a person.
 */
export function placesOf(gate: PolicyGate, customRoles: readonly RoleName[] = []): readonly Requirement[] {
  const roles = gate.approvalRoles.map(({ role }) => role);
  const steps = stepsOf(gate);
  return requirementsOf(roles, gate.requiredApprovers).map((place) => {
    const users = usersOf(gate, place.roles);
    const standIns = standInsOf(gate, place.roles, { steps, customRoles });
    return {
      ...place,
      ...serviceOf(gate),
      ...(Object.keys(users).length === 0 ? {} : { users }),
      ...(standIns.length === 0 ? {} : { standIns }),
    };
  });
}

/** One approver, and nobody said that it must be a person: the service that is asked may be it. */
function serviceOf({
  externalApproval,
  requiredApprovers,
}: PolicyGate): Partial<Pick<Requirement, 'human' | 'services'>> {
  if (externalApproval === undefined || requiredApprovers > 1 || externalApproval.human === true) return {};
  return { human: false, services: [externalApproval.service] };
}

/** A gate's escalation steps, soonest first; one half way to the end of its time where it names fallback users and no step. */
export function stepsOf({ escalationPath, approvalRoles, approvalTimeoutMs }: PolicyGate): readonly Step[] {
  const hasFallback = approvalRoles.some(({ fallbackUsers = [] }) => fallbackUsers.length > 0);
  if (escalationPath.length === 0 && hasFallback)
    return [{ level: 1, delayMs: Math.floor(approvalTimeoutMs / 2), escalateTo: FALLBACK_USERS }];
  return escalationPath
    .map(({ escalationLevel, delayMs, escalateTo }) => ({ level: escalationLevel, delayMs, escalateTo }))
    .sort((left, right) => left.delayMs - right.delayMs || left.level - right.level);
}

function usersOf({ approvalRoles }: PolicyGate, roles: readonly RoleName[]): NonNullable<Requirement['users']> {
  const named = approvalRoles.filter(({ role, users = [] }) => roles.includes(role) && users.length > 0);
  return Object.fromEntries(named.map(({ role, users = [] }) => [role, canonical(users)]));
}

interface Escalating {
  readonly steps: readonly Step[];
  readonly customRoles: readonly RoleName[];
}

function standInsOf(
  { approvalRoles }: PolicyGate,
  roles: readonly RoleName[],
  { steps, customRoles }: Escalating,
): readonly StandIn[] {
  const [first] = steps;
  if (first === undefined) return [];
  const fallback = approvalRoles
    .filter(({ role }) => roles.includes(role))
    .flatMap(({ fallbackUsers = [] }) => canonical(fallbackUsers))
    .map((id): StandIn => ({ afterMs: first.delayMs, ...whoIs(id) }));
  const escalated = steps
    .filter(({ escalateTo }) => escalateTo !== FALLBACK_USERS)
    .map(({ delayMs, escalateTo }): StandIn => {
      const isRole = [...ROLES, ...customRoles].includes(escalateTo);
      return { afterMs: delayMs, ...(isRole ? { id: escalateTo, who: 'role' } : whoIs(escalateTo)) };
    });
  // Of each the earliest.
  const all = new Map<string, StandIn>();
  for (const each of [...fallback, ...escalated]) {
    const known = all.get(`${each.who} ${each.id}`);
    if (known === undefined || known.afterMs > each.afterMs) all.set(`${each.who} ${each.id}`, each);
  }
  return [...all.values()].sort((left, right) => left.afterMs - right.afterMs || (left.id < right.id ? -1 : 1));
}

/** A person, or whoever is on call. */
function whoIs(name: string): Pick<StandIn, 'id' | 'who'> {
  const schedule = scheduleOf(name);
  return schedule === null ? { id: canonicalAccount(name), who: 'user' } : { id: schedule, who: 'oncall' };
}

function canonical(users: readonly string[]): readonly string[] {
  return [...new Set(users.map(canonicalAccount))].sort();
}
