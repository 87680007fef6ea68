import type { Json, JsonObject } from '../../platform/canonical-json.ts';

/** The value at a JSON pointer without escapes; undefined where there is none. Own members only. */
export function valueAt(value: Json, pointer: string): Json | undefined {
  let found: Json | undefined = value;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined;
    // Safe: it is an own member of JSON.
    found = (found as Readonly<Record<string, Json>>)[part];
  }
  return found;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
