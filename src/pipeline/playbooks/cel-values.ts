import type { Json } from '../../platform/canonical-json.ts';
import { ROOTS, type ExpressionValues } from './scope.ts';

/** Longest list an expression may look at; a macro runs once for each member. */
const MAX_LIST_LENGTH = 1_000;

/** Longest text an expression may look at, in UTF-16 units; an event may hold a text of 1 MiB. */
const MAX_TEXT = 10_000;

/** Deepest value of a snapshot that is handed over. */
const MAX_VALUE_DEPTH = 32;

/** Stands for a value that must not be read: the library refuses to touch an instance of a class it does not know. */
class Unreadable {}

const UNREADABLE = new Unreadable();

/**
 * The roots as the expression library wants them: objects without prototype (so that `constructor` and the like are
 * unknown names) and whole numbers as BigInt (CEL's int). An absent root is left out, so that reading it is an error.
 * What is too long or too deep is handed over as something that cannot be read: expressions
 * that do not touch it still work, those that do are errors.
 */
export function celValues(values: ExpressionValues): Record<string, unknown> {
  const roots: Record<string, unknown> = bare();
  for (const root of ROOTS) {
    const value = values[root];
    if (value !== null) roots[root] = celValue(value, 0);
  }
  return roots;
}

function celValue(value: Json, depth: number): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') return value.length > MAX_TEXT ? UNREADABLE : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_VALUE_DEPTH) return UNREADABLE;
  if (isList(value)) {
    return value.length > MAX_LIST_LENGTH ? UNREADABLE : value.map((item) => celValue(item, depth + 1));
  }
  const members: Record<string, unknown> = bare();
  for (const [name, member] of Object.entries(value)) members[name] = celValue(member, depth + 1);
  return members;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function bare(): Record<string, unknown> {
  // An object literal with a null prototype has no inherited member; `Object.create` would be typed `any`.
  return { __proto__: null };
}
