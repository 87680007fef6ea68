/**
 * Canonical JSON (RFC 8785) of the values a record may hold.
 *
 * Records hold strings, booleans, null, safe integers, arrays and plain objects only. A float is refused, not
 * rounded: two engines may print one differently, and then the hash of an honest record would not match.
 */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An object of JSON values. */
export type JsonObject = { readonly [key: string]: Json };

/** Thrown when a value cannot be part of a record; `path` is a JSON pointer to the culprit. */
export class NotCanonicalError extends Error {
  readonly path: string;
  constructor(path: string, reason: string) {
    super(`${path === '' ? 'the value' : path} ${reason}`);
    this.name = 'NotCanonicalError';
    this.path = path;
  }
}

/** Deepest nesting: deeper input is an attack on the stack, not a record. */
const MAX_DEPTH = 64;

/**
 * The RFC 8785 text of `value`.
 *
 * Every record passes here when it is sealed and again when it is verified, so the common case is kept cheap: one
 * look decides whether the engine's own `JSON.stringify` already gives the canonical text (all members in order).
 *
 * @throws NotCanonicalError for `undefined` array members and holes, floats, unsafe integers, lone surrogates,
 *   functions, class instances and nesting deeper than 64. Object members that are `undefined` are left out, as
 *   JSON does.
 */
export function canonicalJson(value: unknown): string {
  switch (survey(value, 0)) {
    case 'ordered':
      return JSON.stringify(value);
    case 'unordered':
      return write(value);
    case 'refused':
      refuse(value, '', 0);
      throw new NotCanonicalError('', 'cannot be written');
  }
}

/** Says whether a record can hold `value`, without writing it. @throws NotCanonicalError as `canonicalJson` does. */
export function assertCanonical(value: unknown): void {
  if (survey(value, 0) === 'refused') canonicalJson(value);
}

/** `ordered`: allowed, and `JSON.stringify` gives the canonical text. `unordered`: allowed. `refused`: not allowed. */
type Survey = 'ordered' | 'unordered' | 'refused';

function survey(value: unknown, depth: number): Survey {
  if (depth > MAX_DEPTH) return 'refused';
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? 'ordered' : 'refused';
    case 'boolean':
      return 'ordered';
    case 'number':
      return Number.isSafeInteger(value) ? 'ordered' : 'refused';
    case 'object':
      if (value === null) return 'ordered';
      return Array.isArray(value) ? surveyArray(value, depth) : surveyObject(value, depth);
    default:
      return 'refused';
  }
}

function surveyArray(items: readonly unknown[], depth: number): Survey {
  let answer: Survey = hasToJson(items) ? 'unordered' : 'ordered';
  for (const item of items) {
    const found = survey(item, depth + 1);
    if (found === 'refused') return found;
    if (found === 'unordered') answer = found;
  }
  return answer;
}

function surveyObject(value: object, depth: number): Survey {
  if (!isPlain(value)) return 'refused';
  let answer: Survey = hasToJson(value) ? 'unordered' : 'ordered';
  let before = '';
  for (const key of Object.keys(value)) {
    const member = memberOf(value, key);
    if (member === undefined) continue;
    // `<` on strings compares UTF-16 code units, which is the order that RFC 8785 asks for.
    if (key < before) answer = 'unordered';
    before = key;
    if (!key.isWellFormed()) return 'refused';
    const found = survey(member, depth + 1);
    if (found === 'refused') return found;
    if (found === 'unordered') answer = found;
  }
  return answer;
}

/** `JSON.stringify` would call it; what is hashed must not depend on code that hides in a value. */
function hasToJson(value: object): boolean {
  return typeof memberOf(value, 'toJSON') === 'function';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function memberOf(value: object, key: string): unknown {
  // Safe: any object can be read by a string key, and the answer is `unknown`.
  return (value as Record<string, unknown>)[key];
}

/** The text of a value that `survey` allowed. */
function write(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let items = '';
    for (const item of value) items += items === '' ? write(item) : `,${write(item)}`;
    return `[${items}]`;
  }
  const keys = Object.keys(value);
  sortKeys(keys);
  let members = '';
  for (const key of keys) {
    const member = memberOf(value, key);
    if (member === undefined) continue;
    if (members !== '') members += ',';
    members += `${quoted(key)}:${write(member)}`;
  }
  return `{${members}}`;
}

/** Up to this many members each is put where it belongs by itself; for so few the engine's own sort costs ten times that. */
const MAX_INSERTED = 32;

/** By UTF-16 code units, which is the order of `<` on strings and of `sort()`. */
function sortKeys(keys: string[]): void {
  if (keys.length > MAX_INSERTED) {
    keys.sort();
    return;
  }
  for (let next = 1; next < keys.length; next += 1) {
    const key = keys[next] ?? '';
    let place = next;
    for (let before = keys[place - 1] ?? ''; place > 0 && before > key; before = keys[place - 1] ?? '') {
      keys[place] = before;
      place -= 1;
    }
    keys[place] = key;
  }
}

/** Printable ASCII without quote and backslash: what JSON writes as it stands. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
/** Up to this length a look is cheaper than a call of the engine, in UTF-16 units. */
const MAX_LOOKED_AT = 128;

/** A string in quotes; most are names, ids and hashes, which need no escapes. */
function quoted(text: string): string {
  return text.length <= MAX_LOOKED_AT && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Walks again to say where the culprit is: pointers are only built when something was refused. */
function refuse(value: unknown, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new NotCanonicalError(path, `is nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new NotCanonicalError(path, 'holds a lone surrogate');
  } else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new NotCanonicalError(path, 'is not a safe integer');
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuse(item, `${path}/${index}`, depth + 1);
  } else if (typeof value === 'object' && value !== null) {
    if (!isPlain(value)) throw new NotCanonicalError(path, 'is not a plain object');
    for (const key of Object.keys(value).sort()) {
      const member = memberOf(value, key);
      if (member === undefined) continue;
      const pointer = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!key.isWellFormed()) throw new NotCanonicalError(pointer, 'holds a lone surrogate');
      refuse(member, pointer, depth + 1);
    }
  } else if (typeof value !== 'boolean' && value !== null) {
    throw new NotCanonicalError(path, `is a ${typeof value}`);
  }
}
