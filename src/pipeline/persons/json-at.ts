import type { Json, JsonObject } from '../../platform/canonical-json.ts';

/** The value at a JSON pointer without escapes; undefined where there is none. Own members only. */
export function valueAt(value: Json, pointer: string): Json | undefined {
  let found: Json | undefined = value;
  for (const part of pointer.split('/').slice(1)) {
    if (found === undefined) return undefined;
    found = memberOf(found, part);
  }
  return found;
}

/** An own member or item; undefined where there is none. */
export function memberOf(value: Json, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  // Safe: it is an own member of JSON.
  return (value as Readonly<Record<string, Json>>)[name];
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
