import type { Json } from '../../platform/canonical-json.ts';
import type { Fault } from '../../platform/errors.ts';
import { memberPointer } from '../../platform/json-pointer.ts';

/** Deepest nesting of a document; the deepest that has a meaning is a parameter of an action, at 6. */
const MAX_DEPTH = 16;

/** Members and list items of one document: 64 actions with 100 parameters each fit three times. */
const MAX_MEMBERS = 20_000;

/** Names that would reach into JavaScript objects; no playbook needs them. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type Read<T> = { readonly value: T } | { readonly faults: readonly Fault[] };

/**
 * Takes anything that was parsed as a document: plain JSON, bounded in depth and size, with whole numbers only
 * (records hold no others), well-formed text without NUL, and no member named `__proto__`, `constructor` or
 * `prototype`. All faults are listed, up to 20.
 */
export function checkJson(value: unknown): Read<Json> {
  const scan: Scan = { faults: [], members: 0 };
  const checked = scanValue(value, '', 0, scan);
  return scan.faults.length > 0 ? { faults: scan.faults.slice(0, 20) } : { value: checked };
}

interface Scan {
  readonly faults: Fault[];
  members: number;
}

function scanValue(value: unknown, pointer: string, depth: number, scan: Scan): Json {
  const refuse = (detail: string): null => {
    scan.faults.push({ pointer, detail });
    return null;
  };
  scan.members += 1;
  if (scan.members > MAX_MEMBERS) return scan.members === MAX_MEMBERS + 1 ? refuse(`It has too many members.`) : null;
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0')) return refuse('The text holds NUL or a broken character.');
    return value;
  }
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? value : refuse('Only whole numbers can be recorded; use a smaller unit.');
  }
  if (typeof value !== 'object') return refuse(`A ${typeof value} is not JSON.`);
  if (depth >= MAX_DEPTH) return refuse(`It is nested deeper than ${MAX_DEPTH}; make it flat.`);
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => scanValue(item, memberPointer(pointer, index), depth + 1, scan));
  }
  const members: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const inner = memberPointer(pointer, name);
    if (FORBIDDEN_NAMES.has(name)) scan.faults.push({ pointer: inner, detail: `A member cannot be named ${name}.` });
    members.push([name, scanValue(member, inner, depth + 1, scan)]);
  }
  return Object.fromEntries(members);
}
