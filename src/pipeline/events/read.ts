/**
 * Readers over JSON that somebody else wrote. They look at own members only (never along a prototype), never throw,
 * and answer `null` or an empty list where the value is missing or of another type.
 */

/** An object of which nothing is known. */
export interface JsonObject {
  readonly [member: string]: unknown;
}

/** Deepest nesting of an event. Provider events go to about 12; deeper input is an attack on the stack. */
export const MAX_EVENT_DEPTH = 64;

/** Items read of any list in an event: targets, parameters, chains. Providers send fewer than 20. */
export const MAX_ITEMS = 100;

/** True for an object that is not a list and not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `path`, or undefined when a member is missing or not an object. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (!isObject(current) || !Object.hasOwn(current, name)) return undefined;
    current = current[name];
  }
  return current;
}

/** The object at `path`, or null. */
export function objectAt(value: unknown, ...path: readonly string[]): JsonObject | null {
  const found = valueAt(value, ...path);
  return isObject(found) ? found : null;
}

/** The text at `path` without outer white space, or null when it is missing, empty or not a string. */
export function textAt(value: unknown, ...path: readonly string[]): string | null {
  const found = valueAt(value, ...path);
  if (typeof found !== 'string') return null;
  const trimmed = found.trim();
  return trimmed === '' ? null : trimmed;
}

/**
 * An id at `path`: a non-empty string as it is, or a safe integer as its digits. A bigger number has lost digits
 * while it was parsed, so that two ids could look the same: it is no id.
 */
export function idAt(value: unknown, ...path: readonly string[]): string | null {
  const found = valueAt(value, ...path);
  if (typeof found === 'string') return found.trim() === '' ? null : found;
  return typeof found === 'number' && Number.isSafeInteger(found) ? String(found) : null;
}

/** The safe integer at `path`; a string of at most 15 digits counts too. Null otherwise. */
export function integerAt(value: unknown, ...path: readonly string[]): number | null {
  const found = valueAt(value, ...path);
  if (typeof found === 'number') return Number.isSafeInteger(found) ? found : null;
  return typeof found === 'string' && /^-?\d{1,15}$/.test(found) ? Number(found) : null;
}

/** The boolean at `path`; the words `true` and `false` count too. Null otherwise. */
export function booleanAt(value: unknown, ...path: readonly string[]): boolean | null {
  const found = valueAt(value, ...path);
  if (typeof found === 'boolean') return found;
  const word = typeof found === 'string' ? found.toLowerCase() : '';
  return word === 'true' ? true : word === 'false' ? false : null;
}

/** The first `MAX_ITEMS` items of the list at `path`; an empty list when there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return isList(found) ? found.slice(0, MAX_ITEMS) : [];
}

/** The objects among the first items of the list at `path`. */
export function objectsAt(value: unknown, ...path: readonly string[]): readonly JsonObject[] {
  return listAt(value, ...path).filter(isObject);
}

/** The texts among the first items of the list at `path`; a single text counts as a list of one. */
export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  const found = valueAt(value, ...path);
  const items = typeof found === 'string' ? [found] : listAt(value, ...path);
  return items.filter((item): item is string => typeof item === 'string' && item.trim() !== '');
}

/** `Array.isArray` types its answer as `any[]`; this does not. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** What makes JSON unfit to be an event, with a pointer to it. */
export interface UnfitJson {
  readonly code: 'forbidden_key' | 'too_deep';
  readonly pointer: string;
}

/**
 * Looks for what must not travel further: a member named `__proto__` at any depth, and nesting deeper than
 * `MAX_EVENT_DEPTH`. Null when there is none. Recursion is bounded by that depth.
 */
export function findUnfitJson(value: unknown, depth = 0): UnfitJson | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depth >= MAX_EVENT_DEPTH) return { code: 'too_deep', pointer: '' };
  if (isList(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const unfit = findUnfitJson(value[index], depth + 1);
      if (unfit !== null) return below(String(index), unfit);
    }
    return null;
  }
  // Not `Object.entries`: its lists were a tenth of all memory that an event takes on its way.
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    if (name === '__proto__') return { code: 'forbidden_key', pointer: '/__proto__' };
    const unfit = findUnfitJson((value as JsonObject)[name], depth + 1); // any object can be read by an own name
    if (unfit !== null) return below(name, unfit);
  }
  return null;
}

function below(name: string, { code, pointer }: UnfitJson): UnfitJson {
  return { code, pointer: `/${escapePointer(name)}${pointer}` };
}

/** A member name as one step of a JSON pointer (RFC 6901), cut to 100 characters so that faults stay readable. */
export function escapePointer(name: string): string {
  return name.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}
