import type { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import type { PlacedFault, Places } from '../playbooks/placed-document.ts';
import { KNOWN_MEMBERS } from './runbook-schema.ts';

type Issue = z.core.$ZodIssue;

/** Faults that are told of one file: more than a person mends at once. */
const MAX_FAULTS = 100;

/** The faults of a runbook that does not have the shape of one, each in words, with the rule that it breaks and its place. */
export function schemaFaults(error: z.ZodError, value: Json, places: Places): readonly PlacedFault[] {
  return error.issues.flatMap((issue) => faultsOf(issue, [], value, places)).slice(0, MAX_FAULTS);
}

function faultsOf(issue: Issue, above: readonly PropertyKey[], root: Json, places: Places): readonly PlacedFault[] {
  const path = [...above, ...issue.path];
  const pointer = pointerTo(path);
  const value = valueAt(root, path);
  if (issue.code === 'invalid_union') {
    // A step is an action, or a block of them: what it was meant as is told by its members.
    const block = typeof value === 'object' && value !== null && Object.hasOwn(value, 'parallel') ? 1 : 0;
    const inner = issue.errors[block] ?? [];
    return inner.flatMap((each) => faultsOf(each, path, root, places));
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const inner = memberPointer(pointer, key);
      const place = places.key(inner) ?? places.value(pointer);
      return { rule: unknownRule(pointer), pointer: inner, detail: unknownMember(pointer, key), ...place };
    });
  }
  const { rule, detail } = describe(issue, path, value);
  // A missing member is missed where its object begins.
  const place = places.value(pointer);
  return [{ rule, pointer, detail, ...place }];
}

function unknownRule(pointer: string): string {
  return pointer === '/playbooks' ? 'unknown-severity' : 'unknown-member';
}

function unknownMember(pointer: string, key: string): string {
  if (pointer === '/playbooks') return `${key} is not a severity; known are low, medium, high and critical.`;
  return `${key} is not a known member; known are ${membersAt(pointer).join(', ')}.`;
}

/** What may stand in the object at a pointer. */
export function membersAt(pointer: string): readonly string[] {
  if (pointer === '') return KNOWN_MEMBERS.runbook;
  if (pointer === '/metadata') return KNOWN_MEMBERS.metadata;
  if (/\/(?:steps|parallel)\/\d+$/.test(pointer)) return KNOWN_MEMBERS.step;
  return KNOWN_MEMBERS.playbook;
}

/** Members whose wrong word has a rule of its own. */
const WORDS: ReadonlyMap<string, readonly [rule: string, what: string]> = new Map([
  ['action', ['unknown-action', 'an action']],
  ['channels', ['unknown-channel', 'a channel']],
  ['approvers', ['unknown-role', 'a role']],
  ['sources', ['unknown-source', 'an event format']],
  ['on_failure', ['unknown-word', 'an answer to a failure']],
]);

function describe(
  issue: Issue,
  path: readonly PropertyKey[],
  value: Json | undefined,
): { readonly rule: string; readonly detail: string } {
  const name = String(path.findLast((part) => typeof part === 'string') ?? 'The runbook');
  const missing = value === undefined;
  const empty = value === null || value === '' || (typeof value === 'string' && value.trim() === '');
  if (name === 'target' && empty) {
    return {
      rule: 'empty-target',
      detail: 'The target is empty, which could mean all; name one or remove the member.',
    };
  }
  if (missing) return { rule: 'missing-member', detail: `${name} is missing; add it.` };
  const words = WORDS.get(name);
  if (issue.code === 'invalid_value' && words !== undefined && typeof value === 'string') {
    return { rule: words[0], detail: `${value} is not ${words[1]}.${shortList(issue.values)}` };
  }
  if (issue.code === 'invalid_type') {
    return { rule: 'wrong-type', detail: `${name} has to be ${article(issue.expected)}, not ${shown(value)}.` };
  }
  if (issue.code === 'invalid_value') return { rule: 'wrong-type', detail: `${name} cannot be ${shown(value)}.` };
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    return { rule: 'out-of-range', detail: `${name}: ${issue.message}.` };
  }
  return { rule: 'bad-format', detail: `${name}: ${issue.message}.` };
}

/** Only lists that people take in at a glance. */
function shortList(values: readonly unknown[]): string {
  const lower = values.map(String).filter((word) => word === word.toLowerCase());
  return lower.length > 12 ? '' : ` Known are ${lower.join(', ')}.`;
}

function article(expected: string): string {
  if (expected === 'boolean') return 'true or false';
  if (expected === 'int' || expected === 'number') return 'a whole number';
  if (expected === 'string') return 'a text';
  if (expected === 'array') return 'a list';
  return 'an object with members';
}

function shown(value: Json | undefined): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  // A wrong value may be a secret that slipped into the wrong line: it is not repeated.
  return typeof value === 'string' ? 'a text' : `${String(value)}`;
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.reduce<string>((pointer, part) => memberPointer(pointer, String(part)), '');
}

function valueAt(root: Json, path: readonly PropertyKey[]): Json | undefined {
  let value: Json | undefined = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = new Map<string, Json>(Object.entries(value)).get(String(part));
  }
  return value;
}
