import { FirebreakError, type Fault } from '../platform/errors.ts';

/** Deepest nesting of a body: records allow 64, and what nests deeper could not be recorded. */
export const MAX_JSON_DEPTH = 64;
/** Faults named at once; more would only help to make replies large. */
export const MAX_FAULTS = 50;

/** Keys that reach an object's prototype when somebody merges the body carelessly. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/**
 * The value of a JSON body, or undefined when it is empty.
 *
 * @throws FirebreakError `malformed_json` for bytes that are not UTF-8 or not JSON; `invalid_request`, with a
 *   pointer to each, for keys that reach a prototype, lone surrogates and nesting deeper than 64.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const value = parse(decode(bytes));
  const faults = hostileParts(value);
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The body holds what no request may hold', faults);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FirebreakError('malformed_json', 'The body is not UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // The engine's message repeats pieces of the body and differs between versions; it is not passed on.
    throw new FirebreakError('malformed_json', 'The body is not valid JSON');
  }
}

/** Walks with an own stack, so that nesting cannot exhaust the engine's. */
function hostileParts(root: unknown): Fault[] {
  const faults: Fault[] = [];
  const stack: { value: unknown; pointer: string; depth: number }[] = [{ value: root, pointer: '', depth: 0 }];
  for (let next = stack.pop(); next !== undefined && faults.length < MAX_FAULTS; next = stack.pop()) {
    const { value, pointer, depth } = next;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) faults.push({ pointer, detail: 'holds a lone surrogate' });
    } else if (typeof value === 'object' && value !== null) {
      if (depth >= MAX_JSON_DEPTH) faults.push({ pointer, detail: `is nested deeper than ${MAX_JSON_DEPTH}` });
      else for (const child of children(value, pointer, faults)) stack.push({ ...child, depth: depth + 1 });
    }
  }
  return faults;
}

function children(value: object, pointer: string, faults: Fault[]): { value: unknown; pointer: string }[] {
  return Object.entries(value).flatMap(([key, member]: [string, unknown]) => {
    const place = `${pointer}/${pointerToken(key)}`;
    if (FORBIDDEN_KEYS.has(key)) {
      faults.push({ pointer: place, detail: 'is a key that no request may hold' });
      return [];
    }
    if (!key.isWellFormed()) faults.push({ pointer, detail: 'has a key with a lone surrogate' });
    return [{ value: member, pointer: place }];
  });
}

/** One token of a JSON pointer (RFC 6901), shortened, and safe to print. */
export function pointerToken(key: string): string {
  return key.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}
