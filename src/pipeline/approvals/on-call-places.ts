import { canonicalAccount } from '../access/identities.ts';
import type { Plan, PlanGate, Requirement, StandIn } from '../playbooks/plan.ts';
import type { OnCall } from './approval.ts';

/**
 * A gate names a schedule where it may name a person: `oncall:<schedule>`. Who that is, is said when the request gets that far and
 * stands in the record; whoever was named so stays named, also after their shift.
 */

/** How a gate says that it means whoever is on call. */
const PREFIX = 'oncall:';

/** The schedule that a name in a gate means, in canonical form; null where it means a person or a role. */
export function scheduleOf(name: string): string | null {
  const canonical = canonicalAccount(name);
  return canonical.startsWith(PREFIX) ? canonical.slice(PREFIX.length) : null;
}

/** Ids of the schedules that the gates of a plan name, each once, sorted. */
export function schedulesIn({ stages }: Pick<Plan, 'stages'>): readonly string[] {
  const known = SCHEDULES.get(stages);
  if (known !== undefined) return known;
  const gates = stages.flatMap(({ actions }) => actions.flatMap((action) => action.gates));
  const found = [...new Set(gates.flatMap(schedulesOfGate))].sort();
  SCHEDULES.set(stages, found);
  return found;
}

/** A plan never changes, and is asked for each of its inputs. */
const SCHEDULES = new WeakMap<Plan['stages'], readonly string[]>();

function schedulesOfGate({ requirements }: PlanGate): readonly string[] {
  return requirements.flatMap(({ users = {}, standIns = [] }) => [
    ...Object.values(users).flatMap((ids = []) => ids.flatMap((id) => scheduleOf(id) ?? [])),
    ...standIns.flatMap(({ who, id }) => (who === 'oncall' ? [id] : [])),
  ]);
}

/** The requirements with the people on call in place of the schedules that `users` name. Where nobody is, nobody is named. */
export function withPeopleOnCall(requirements: readonly Requirement[], onCall: OnCall): readonly Requirement[] {
  return requirements.map((requirement) => {
    const { users } = requirement;
    if (users === undefined || !Object.values(users).some((ids = []) => ids.some((id) => scheduleOf(id) !== null)))
      return requirement;
    const named = Object.entries(users).map(([role, ids = []]) => [role, peopleOf(ids, onCall)]);
    return { ...requirement, users: Object.fromEntries(named) };
  });
}

function peopleOf(ids: readonly string[], onCall: OnCall): readonly string[] {
  const people = ids.flatMap((id) => {
    const schedule = scheduleOf(id);
    return schedule === null ? [id] : onCallBy(schedule, onCall);
  });
  return [...new Set(people)].sort();
}

/** Who is on call by the schedules that these places name for `users`; null: they name none. */
export function onCallForUsers(requirements: readonly Requirement[], onCall: OnCall): OnCall | null {
  const schedules = requirements.flatMap(({ users = {} }) =>
    Object.values(users).flatMap((ids = []) => ids.flatMap((id) => scheduleOf(id) ?? [])),
  );
  return namedBy(schedules, onCall);
}

/** Who is on call by the schedules whose time has come when it is escalated by `delayMs`; null: none has. */
export function onCallOfStep(requirements: readonly Requirement[], delayMs: number, onCall: OnCall): OnCall | null {
  const opened = requirements.flatMap(({ standIns = [] }) => standIns.filter((each) => isOpened(each, delayMs)));
  return namedBy(
    opened.map(({ id }) => id),
    onCall,
  );
}

function namedBy(schedules: readonly string[], onCall: OnCall): OnCall | null {
  const ids = [...new Set(schedules)].sort();
  return ids.length === 0 ? null : Object.fromEntries(ids.map((id) => [id, onCallBy(id, onCall)]));
}

/** The places with the people on call among the stand-ins, from the time of their schedule on. A schedule without anybody stays. */
export function withStandInsOnCall(
  requirements: readonly Requirement[],
  delayMs: number,
  onCall: OnCall,
): readonly Requirement[] {
  return requirements.map((requirement) => {
    const { standIns = [] } = requirement;
    const opened = standIns.filter((each) => isOpened(each, delayMs) && onCallBy(each.id, onCall).length > 0);
    if (opened.length === 0) return requirement;
    const people = opened.flatMap(({ id, afterMs }) =>
      onCallBy(id, onCall).map((user): StandIn => ({ who: 'user', id: user, afterMs })),
    );
    return { ...requirement, standIns: earliestOf([...standIns.filter((each) => !opened.includes(each)), ...people]) };
  });
}

function isOpened({ who, afterMs }: StandIn, delayMs: number): boolean {
  return who === 'oncall' && afterMs <= delayMs;
}

/** Of each the earliest. */
function earliestOf(standIns: readonly StandIn[]): readonly StandIn[] {
  const all = new Map<string, StandIn>();
  for (const each of standIns) {
    const known = all.get(`${each.who} ${each.id}`);
    if (known === undefined || known.afterMs > each.afterMs) all.set(`${each.who} ${each.id}`, each);
  }
  return [...all.values()].sort((left, right) => left.afterMs - right.afterMs || (left.id < right.id ? -1 : 1));
}

function onCallBy(schedule: string, onCall: OnCall): readonly string[] {
  return Object.hasOwn(onCall, schedule) ? (onCall[schedule] ?? []) : [];
}
