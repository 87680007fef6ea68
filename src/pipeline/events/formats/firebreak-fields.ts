import type { Fault } from '../../../platform/errors.ts';
import type { PartyDraft } from '../draft.ts';
import type { SubjectType } from '../event.ts';
import { isObject, type JsonObject } from '../read.ts';

/**
 * Reads the members of an own event by type. A member that is missing or null is null; one of a wrong type is a
 * fault. The first fault is kept: it names the member by JSON pointer and says what it must be.
 */
export interface FieldReader {
  readonly fault: Fault | null;
  /** The member as it is; undefined when it is missing. */
  raw(name: string): unknown;
  text(name: string): string | null;
  /** A text, or a whole number as its digits. */
  id(name: string): string | null;
  integer(name: string, min: number, max: number): number | null;
  boolean(name: string): boolean | null;
  /** One of `values`, in any case. */
  oneOf<Value extends string>(name: string, values: readonly Value[]): Value | null;
  /** A text (then it is the member `main`), or an object of texts with `main` and maybe `others`. */
  named(name: string, main: string, ...others: readonly string[]): Readonly<Record<string, string>> | null;
  /** Somebody: a text, or `{id, name, type}`; with `types` the type is one of them, `user` when missing. */
  party(name: string, types: readonly SubjectType[] | null): PartyDraft | null;
  /** Notes a fault, unless there is one already. */
  blame(pointer: string, detail: string): void;
}

/** A reader of `event`; `prefix` is the JSON pointer of the object it reads. */
export function fieldReader(event: JsonObject, prefix = ''): FieldReader {
  let fault: Fault | null = null;

  function blame(pointer: string, detail: string): void {
    fault ??= { pointer, detail };
  }
  function raw(name: string): unknown {
    return Object.hasOwn(event, name) ? event[name] : undefined;
  }
  /** The member, null when missing; when `fits` says no it is a fault and null. */
  function expect<Value>(name: string, fits: (value: unknown) => value is Value, detail: string): Value | null {
    const value = raw(name);
    if (value === undefined || value === null) return null;
    if (fits(value)) return value;
    blame(`${prefix}/${name}`, detail);
    return null;
  }
  function text(name: string): string | null {
    const value = expect(name, isText, 'must be a text')?.trim() ?? '';
    return value === '' ? null : value;
  }
  function id(name: string): string | null {
    const value = expect(name, isIdentifier, 'must be a text or a whole number');
    return value === null || value === '' ? null : String(value);
  }
  function integer(name: string, min: number, max: number): number | null {
    const within = (value: unknown): value is number =>
      Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
    return expect(name, within, `must be a whole number from ${min} to ${max}`);
  }
  function oneOf<Value extends string>(name: string, values: readonly Value[]): Value | null {
    const word = text(name);
    if (word === null) return null;
    const found = values.find((value) => value.toLowerCase() === word.toLowerCase());
    if (found === undefined) blame(`${prefix}/${name}`, `must be one of ${values.join(', ')}`);
    return found ?? null;
  }
  function named(name: string, main: string, ...others: readonly string[]): Readonly<Record<string, string>> | null {
    const value = raw(name);
    if (typeof value === 'string') return value.trim() === '' ? null : { [main]: value.trim() };
    const object = expect(name, isObject, `must be a text, or an object with ${main}`);
    if (object === null) return null;
    const inner = fieldReader(object, `${prefix}/${name}`);
    const found = [main, ...others].map((member) => [member, inner.id(member)] as const);
    if (inner.fault !== null) blame(inner.fault.pointer, inner.fault.detail);
    else if (found[0]?.[1] === null) blame(`${prefix}/${name}/${main}`, 'is missing');
    return Object.fromEntries(found.filter((entry): entry is readonly [string, string] => entry[1] !== null));
  }
  function party(name: string, types: readonly SubjectType[] | null): PartyDraft | null {
    const found = named(name, 'id', 'name', 'type');
    const foundId = found?.['id'];
    if (found === null || foundId === undefined) return null;
    const type = found['type']?.toLowerCase();
    if (types === null) return { id: foundId, name: found['name'] ?? null, actorType: found['type'] ?? null };
    const subjectType = type === undefined ? 'user' : types.find((each) => each === type);
    if (subjectType === undefined) blame(`${prefix}/${name}/type`, `must be one of ${types.join(', ')}`);
    return { id: foundId, name: found['name'] ?? null, subjectType: subjectType ?? 'user' };
  }

  return {
    get fault() {
      return fault;
    },
    raw,
    text,
    id,
    integer,
    boolean: (name) => expect(name, isBoolean, 'must be true or false'),
    oneOf,
    named,
    party,
    blame,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isIdentifier(value: unknown): value is string | number {
  return typeof value === 'string' || Number.isSafeInteger(value);
}
