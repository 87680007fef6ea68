import { invariant } from '../platform/errors.ts';
import type { EvidenceDesk, PeopleDesk, RegulatoryDesk, TaskDesk } from '../pipeline/actions/desks.ts';

/** The rooms that actions ask, as far as there are any. */
export interface Rooms {
  readonly people: PeopleDesk;
  readonly evidence?: EvidenceDesk;
  readonly regulatory?: RegulatoryDesk;
  readonly tasks?: TaskDesk;
}

/**
 * Connectors are built before the rooms whose desks they ask: those need to know which actions there are. Nothing is asked
 * before the first effect begins, and by then `open` was called.
 */
export interface LateDesks {
  readonly desks: Rooms;
  open(rooms: Rooms): void;
}

/** @param has the desks that there will be: what needs another one is not offered */
export function lateDesks(has: { readonly [Name in keyof Rooms]?: unknown }): LateDesks {
  let rooms: Rooms | null = null;
  function opened<Name extends keyof Rooms>(name: Name): NonNullable<Rooms[Name]> {
    const room = rooms?.[name];
    invariant(room !== undefined, `the ${name} desk was asked before it was opened`);
    return room;
  }
  const people: PeopleDesk = {
    tell: (message) => opened('people').tell(message),
    find: (key) => opened('people').find(key),
  };
  const evidence: EvidenceDesk = {
    preserve: (...artifact) => opened('evidence').preserve(...artifact),
    find: (key) => opened('evidence').find(key),
    holdAll: (hold) => opened('evidence').holdAll(hold),
    findHold: (key) => opened('evidence').findHold(key),
  };
  const regulatory: RegulatoryDesk = {
    start: (request) => opened('regulatory').start(request),
    find: (key) => opened('regulatory').find(key),
  };
  const tasks: TaskDesk = {
    open: (task) => opened('tasks').open(task),
    find: (key) => opened('tasks').find(key),
  };
  return {
    desks: {
      people,
      ...(has.evidence !== undefined ? { evidence } : {}),
      ...(has.regulatory !== undefined ? { regulatory } : {}),
      ...(has.tasks !== undefined ? { tasks } : {}),
    },
    open(given) {
      rooms = given;
    },
  };
}
