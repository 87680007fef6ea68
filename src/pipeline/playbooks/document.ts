import type { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { messageOf, type Fault } from '../../platform/errors.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import { MAX_BODY_BYTES } from '../../platform/limits.ts';
import { yaml } from '../../platform/yaml.ts';

/** Reading documents that people write (playbooks, policies): JSON or YAML text, or JSON already parsed. */

/** Deepest nesting of a document; the deepest that has a meaning is a parameter of an action, at 6. */
const MAX_DEPTH = 16;

/** Members and list items of one document: 64 actions with 100 parameters each fit three times. */
const MAX_MEMBERS = 20_000;

/** Times a YAML anchor may be used in all: enough for shared retry settings, too few for a bomb. */
const MAX_ALIASES = 100;

/** Names that would reach into JavaScript objects; no playbook needs them. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type Read<T> = { readonly value: T } | { readonly faults: readonly Fault[] };

/**
 * Parses JSON or YAML 1.2 (core schema) into JSON. Refused with the place: broken syntax, a member given twice (in
 * JSON too), more than one document, tags, keys that are not texts, more than 100 uses of anchors, more than 1 MiB,
 * and everything `checkJson` refuses.
 */
export function readDocument(text: string, format: 'json' | 'yaml'): Read<Json> {
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return fault(`The document is larger than ${MAX_BODY_BYTES} bytes.`);
  let value: unknown;
  if (format === 'json') {
    try {
      value = JSON.parse(text);
    } catch (thrown) {
      return fault(`It is not valid JSON: ${messageOf(thrown)}.`);
    }
  }
  // JSON.parse keeps the last of two equal members without a word, so duplicates are looked for by the YAML parser.
  const document = yaml().parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    stringKeys: format === 'yaml',
  });
  const problems = [...document.errors, ...document.warnings];
  const wrong = problems.find((problem) => format === 'yaml' || problem.code === 'DUPLICATE_KEY');
  if (wrong !== undefined) return fault(`${wrong.message.split('\n')[0] ?? wrong.code}.`);
  if (format === 'yaml') {
    let aliases = 0;
    yaml().visit(document, {
      Alias() {
        aliases += 1;
      },
    });
    if (aliases > MAX_ALIASES) return fault(`Anchors are used more than ${MAX_ALIASES} times; write the values out.`);
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (thrown) {
      return fault(`It is not valid YAML: ${messageOf(thrown)}.`);
    }
  }
  return checkJson(value);
}

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

/**
 * The faults of a refused zod parse, one for each place: an unknown member is named by its own pointer together with
 * the members that are known there (`known` by pointer without list indexes, for example `/actions`).
 */
export function faultsOf(error: z.ZodError, known: Readonly<Record<string, readonly string[]>>): readonly Fault[] {
  return error.issues.flatMap((issue) => {
    const pointer = issue.path.reduce<string>((present, step) => memberPointer(present, String(step)), '');
    if (issue.code !== 'unrecognized_keys') return [{ pointer, detail: sentence(issue.message) }];
    const shape =
      known[
        issue.path
          .filter((step) => typeof step === 'string')
          .map((step) => `/${step}`)
          .join('')
      ];
    const fix = shape === undefined ? 'remove it' : `known are ${shape.join(', ')}`;
    return issue.keys.map((key) => ({
      pointer: memberPointer(pointer, key),
      detail: `${key} is not a known member; ${fix}.`,
    }));
  });
}

/** A fault for each id that was used before in the list. */
export function repeated(ids: readonly string[], pointer: string, member: string): readonly Fault[] {
  return ids.flatMap((value, index) => {
    const first = ids.indexOf(value);
    if (first === index) return [];
    const detail = `${value} is already the ${member} of ${pointer}/${first}; choose another.`;
    return [{ pointer: `${pointer}/${index}/${member}`, detail }];
  });
}

function sentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}

function fault(detail: string): { readonly faults: readonly Fault[] } {
  return { faults: [{ pointer: '', detail }] };
}
