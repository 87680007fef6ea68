import type { UserInForce } from '../../access/user-in-force.ts';
import { scheduleOf } from '../../approvals/on-call-places.ts';
import type { PlannedAction } from './planned-actions.ts';

/** What stands in the way of a plan at this moment: people, contacts, targets. It is no part of the plan, which must not change by the hour. */

/** Who and what there is now. */
export interface Present {
  readonly people: readonly UserInForce[];
  /** Ids of the people on call by a schedule; empty: nobody. */
  onCall(scheduleId: string): readonly string[];
  /** Whether a contact can be told by this channel. */
  canReach(channel: string): boolean;
  /** Playbooks of runbooks that are enabled and map the severity, and that cannot be run here. */
  readonly unusable: readonly string[];
  readonly requesterId: string;
}

/** In sentences, each with the action that it is about. Pure. */
export function missingOf(actions: readonly PlannedAction[], present: Present): readonly string[] {
  return [
    ...present.unusable.map(
      (id) => `${id}: it cannot be run here: a connector of one of its actions is not configured`,
    ),
    ...actions.flatMap((action) =>
      [...targetsMissing(action), ...approversMissing(action, present), ...contactsMissing(action, present)].map(
        (sentence) => `${action.playbookId} ${action.actionId}: ${sentence}`,
      ),
    ),
  ];
}

function targetsMissing({ targets, missing }: PlannedAction): readonly string[] {
  return [...(Array.isArray(targets) ? [] : [`it has no target: ${targets.unresolved}`]), ...missing];
}

function approversMissing({ approval }: PlannedAction, present: Present): readonly string[] {
  if (approval === null || !approval.needsApproval) return [];
  return approval.requirements.flatMap(({ roles, k, users = {} }) => {
    const able = present.people.filter(
      ({ id, roles: held }) =>
        id !== present.requesterId &&
        roles.some((role) => held.some((each) => each === role) && isNamed(id, users[role], present)),
    );
    const schedules = Object.values(users).flatMap((names) => names.flatMap((name) => scheduleOf(name) ?? []));
    const off = schedules.filter((schedule) => present.onCall(schedule).length === 0);
    const few =
      able.length < k
        ? [
            `it asks ${k} of ${roles.join(' or ')}, and ${able.length === 0 ? 'nobody' : `only ${able.length}`} here can answer`,
          ]
        : [];
    return [...few, ...off.map((schedule) => `nobody is on call by ${schedule}`)];
  });
}

/** Whether a person counts for a role: everybody who has it does, or only those who are named. */
function isNamed(id: string, names: readonly string[] | undefined, { onCall }: Present): boolean {
  if (names === undefined) return true;
  return names.some((name) => {
    const schedule = scheduleOf(name);
    return schedule === null ? name === id : onCall(schedule).includes(id);
  });
}

function contactsMissing({ parameters }: PlannedAction, { canReach }: Present): readonly string[] {
  const channels =
    typeof parameters === 'object' && parameters !== null ? new Map(Object.entries(parameters)).get('channels') : [];
  return (Array.isArray(channels) ? channels : []).flatMap((channel: unknown) =>
    typeof channel === 'string' && !canReach(channel.toUpperCase())
      ? [`there is nobody who can be told by ${channel.toLowerCase()}`]
      : [],
  );
}
