import type { Fault } from '../../platform/errors.ts';
import { ROLES, type Role, type RoleName } from '../vocabulary.ts';

/** How a role of the organisation is called; built-in names fit it too. No user id does: those are made here, in lower case. */
export const ROLE_NAME = /^[A-Z][A-Z0-9_]{2,40}$/;
/** Longest name of a role, in characters. */
export const MAX_ROLE_NAME = 41;
/** Known names that a fault proposes instead of an unknown one. */
const MAX_PROPOSED = 3;

/** Whether every installation has the role. */
export function isBuiltIn(name: RoleName): name is Role {
  return ROLES.some((role) => role === name);
}

/** The names, each once: built-in ones in their order, then the organisation's own. */
export function inOrder(names: readonly RoleName[]): readonly RoleName[] {
  const own = [...new Set(names)].filter((name) => !isBuiltIn(name));
  return [...ROLES.filter((role) => names.includes(role)), ...own.sort()];
}

/** A fault for each name that no role has, with the known names that are written most like it. */
export function roleFaults(
  names: readonly RoleName[],
  customRoles: readonly RoleName[],
  pointerOf: (index: number) => string,
): readonly Fault[] {
  const known = [...ROLES, ...customRoles];
  return names.flatMap((name, index) =>
    known.includes(name) ? [] : [{ pointer: pointerOf(index), detail: unknownRole(name, known) }],
  );
}

/** What is wrong with a name that no role has. */
export function unknownRole(name: string, known: readonly RoleName[]): string {
  return `There is no role ${name.slice(0, MAX_ROLE_NAME)}. Is it ${nearest(name, known).join(' or ')}?`;
}

function nearest(name: string, known: readonly RoleName[]): readonly RoleName[] {
  const wanted = name.slice(0, MAX_ROLE_NAME).toUpperCase();
  const ranked = known
    .map((each) => ({ each, distance: editDistance(wanted, each) }))
    .sort((left, right) => left.distance - right.distance || (left.each < right.each ? -1 : 1));
  return ranked.slice(0, MAX_PROPOSED).map(({ each }) => each);
}

/** Levenshtein's distance: letters to add, to take away or to change. */
function editDistance(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (const [row, letter] of left.split('').entries()) {
    const present = [row + 1];
    for (const [column, other] of right.split('').entries()) {
      const changed = (above[column] ?? 0) + (letter === other ? 0 : 1);
      present.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (present[column] ?? 0) + 1));
    }
    above = present;
  }
  return above.at(-1) ?? 0;
}
