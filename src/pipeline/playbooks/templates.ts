import type { Json } from '../../platform/canonical-json.ts';
import type { Fault } from '../../platform/errors.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import { membersOf, ROOTS, type ExpressionValues, type MemberType, type NameScope, type Root } from './scope.ts';

/**
 * Templates: `{{incident.subject.id}}` in texts of a playbook. A path walks own properties from one of the five
 * roots; there is no logic, no call and no default. What a path yields is data of an attacker, so it is put in once
 * and never looked at again.
 */

/** Templates in one text. More is a document, not a parameter. */
const MAX_TEMPLATES_PER_TEXT = 32;

/** Longest path between the braces, in UTF-16 units. */
const MAX_PATH_LENGTH = 200;

/** Longest text after templates were filled in, in UTF-16 units: above any name, address or message. */
export const MAX_RESOLVED_LENGTH = 16_384;

/** Deepest nesting of parameters and of what a template yields. */
const MAX_DEPTH = 16;

/** A name or `[3]`; linear: every character is looked at once. */
const STEP = /^(?:\.([A-Za-z_]\w*)|\[(\d{1,6})\])/;

/** Names that would reach into JavaScript instead of data, refused on save even where nothing has them. */
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** References to secrets are resolved by connectors; data must not be able to name one. */
const SECRET = 'secret://';

interface Template {
  readonly root: Root;
  readonly steps: readonly (string | number)[];
  readonly path: string;
}

type Part = { readonly text: string } | { readonly template: Template };

/** True when any text in `value` holds `{{`. */
export function holdsTemplate(value: Json): boolean {
  if (typeof value === 'string') return value.includes('{{');
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsTemplate);
}

/**
 * The faults of every template in `value` (a text, or JSON with texts inside): grammar, unknown roots, names that
 * are not known in `scope`, templates in member names, and templates that would build a secret reference.
 */
export function checkTemplate(value: Json, scope: NameScope, pointer = ''): readonly Fault[] {
  const faults: Fault[] = [];
  check(value, scope, pointer, 0, faults);
  return faults;
}

function check(value: Json, scope: NameScope, pointer: string, depth: number, faults: Fault[]): void {
  if (depth > MAX_DEPTH) {
    faults.push({ pointer, detail: `It is nested deeper than ${MAX_DEPTH}; make it flat.` });
    return;
  }
  if (typeof value === 'string') {
    for (const detail of checkText(value, scope)) faults.push({ pointer, detail });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const inner = memberPointer(pointer, name);
    if (name.includes('{{')) faults.push({ pointer: inner, detail: 'A member name cannot hold a template.' });
    check(member, scope, inner, depth + 1, faults);
  }
}

function checkText(text: string, scope: NameScope): readonly string[] {
  const parts = parse(text);
  if ('fault' in parts) return [parts.fault];
  const templates = parts.filter((part) => 'template' in part);
  if (templates.length > 0 && text.includes(SECRET)) {
    return [`A ${SECRET} reference cannot hold a template; name the secret in full.`];
  }
  const faults: string[] = [];
  for (const { template } of templates) {
    const fault = unknownName(membersOf(scope)[template.root], template);
    if (fault !== null) faults.push(fault);
  }
  return faults;
}

/** Follows the declared members as far as they are known; below `dyn` and maps everything may exist. */
function unknownName(members: MemberType, template: Template): string | null {
  let present: MemberType = members;
  for (const step of template.steps) {
    if (typeof present === 'string') {
      if (present === 'dyn' || present.startsWith('map')) return null;
      if (present.startsWith('list') && typeof step === 'number') present = 'string';
      else return `{{${template.path}}}: ${String(step)} is below a ${present}, which has no such member.`;
      continue;
    }
    const next: MemberType | undefined =
      typeof step === 'string' && Object.hasOwn(present, step) ? present[step] : undefined;
    if (next === undefined) {
      return `{{${template.path}}}: ${String(step)} is not known here; known are ${Object.keys(present).join(', ') || 'none'}.`;
    }
    present = next;
  }
  return null;
}

export type Resolution = { readonly value: Json } | { readonly faults: readonly Fault[] };

/**
 * Fills the templates of `value` from a snapshot, in one pass. A text that is one template keeps the type of what it
 * names; inside a longer text only texts, numbers and booleans are allowed. A missing, null or empty value is a
 * fault, never an empty text: an empty id can mean "all". Never throws; every fault has the pointer of its text.
 */
export function resolveTemplates(value: Json, values: ExpressionValues): Resolution {
  if (!holdsTemplate(value)) return { value };
  const faults: Fault[] = [];
  const resolved = resolve(value, values, '', 0, faults);
  return faults.length > 0 ? { faults } : { value: resolved };
}

function resolve(value: Json, values: ExpressionValues, pointer: string, depth: number, faults: Fault[]): Json {
  if (depth > MAX_DEPTH) {
    faults.push({ pointer, detail: `It is nested deeper than ${MAX_DEPTH}.` });
    return null;
  }
  if (typeof value === 'string') {
    const filled = value.includes('{{') ? fill(value, values) : { value };
    if ('value' in filled) return filled.value;
    faults.push({ pointer, detail: filled.fault });
    return null;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) {
    return value.map((item, index) => resolve(item, values, memberPointer(pointer, index), depth + 1, faults));
  }
  // fromEntries makes own properties whatever their name, so `__proto__` stays data.
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      resolve(member, values, memberPointer(pointer, name), depth + 1, faults),
    ]),
  );
}

type Filled = { readonly value: Json } | { readonly fault: string };

function fill(text: string, values: ExpressionValues): Filled {
  const parts = parse(text);
  if ('fault' in parts) return parts;
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'template' in only) {
    const found = look(only.template, values);
    return 'value' in found ? withinBounds(found.value, only.template.path) : found;
  }
  let filled = '';
  for (const part of parts) {
    if ('text' in part) {
      filled += part.text;
      continue;
    }
    const found = look(part.template, values);
    if ('fault' in found) return found;
    if (typeof found.value === 'object') {
      return {
        fault: `{{${part.template.path}}} is a list or an object; only a text, number or boolean fits in a text.`,
      };
    }
    filled += String(found.value);
  }
  return withinBounds(filled, text.slice(0, MAX_PATH_LENGTH));
}

/** Own properties only; null and '' count as missing. */
function look(template: Template, values: ExpressionValues): Filled {
  let present: Json | undefined = values[template.root];
  for (const step of template.steps) present = memberOf(present, step);
  if (present === undefined || present === null || present === '')
    return { fault: `{{${template.path}}} has no value.` };
  return { value: present };
}

function memberOf(value: Json | undefined, step: string | number): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isList(value)) return typeof step === 'number' ? value[step] : undefined;
  return typeof step === 'string' && Object.hasOwn(value, step) ? value[step] : undefined;
}

/** What came out of data must not be huge and must not read as a reference to a secret. */
function withinBounds(value: Json, what: string, depth = 0): Filled {
  if (depth > MAX_DEPTH) return { fault: `{{${what}}} is nested deeper than ${MAX_DEPTH}.` };
  if (typeof value === 'string') {
    if (value.length > MAX_RESOLVED_LENGTH)
      return { fault: `${what} is longer than ${MAX_RESOLVED_LENGTH} characters.` };
    if (value.toLowerCase().includes(SECRET)) return { fault: `${what} holds ${SECRET}, which data cannot name.` };
    return { value };
  }
  if (typeof value !== 'object' || value === null) return { value };
  for (const member of Object.values(value)) {
    const inner = withinBounds(member, what, depth + 1);
    if ('fault' in inner) return inner;
  }
  return { value };
}

/** Splits a text at its templates. A `{{` without its `}}`, or with something else than a path inside, is a fault. */
function parse(text: string): readonly Part[] | { readonly fault: string } {
  const parts: Part[] = [];
  let position = 0;
  for (let count = 0; ; count += 1) {
    const open = text.indexOf('{{', position);
    if (open < 0) break;
    if (count === MAX_TEMPLATES_PER_TEXT)
      return { fault: `There are more than ${MAX_TEMPLATES_PER_TEXT} templates in it.` };
    const close = text.indexOf('}}', open + 2);
    if (close < 0) return { fault: 'A {{ has no }}; close it.' };
    const template = parsePath(text.slice(open + 2, close).trim());
    if ('fault' in template) return template;
    if (open > position) parts.push({ text: text.slice(position, open) });
    parts.push({ template });
    position = close + 2;
  }
  if (position < text.length) parts.push({ text: text.slice(position) });
  return parts;
}

function parsePath(path: string): Template | { readonly fault: string } {
  const shown = path.slice(0, MAX_PATH_LENGTH);
  if (path.length > MAX_PATH_LENGTH) return { fault: `{{${shown}…}} is longer than ${MAX_PATH_LENGTH} characters.` };
  const root = ROOTS.find((name) => path.startsWith(name) && /^[.[]/.test(path.slice(name.length)));
  if (root === undefined) return { fault: `{{${shown}}} must be a path from one of ${ROOTS.join(', ')}.` };
  const steps: (string | number)[] = [];
  let rest = path.slice(root.length);
  while (rest !== '') {
    const match = STEP.exec(rest);
    if (match === null) return { fault: `{{${shown}}} is not a path: write names with dots and list places as [0].` };
    const [whole, name, index] = match;
    if (name !== undefined && FORBIDDEN.has(name)) return { fault: `{{${shown}}}: ${name} cannot be read.` };
    steps.push(name ?? Number(index));
    rest = rest.slice(whole.length);
  }
  return { root, steps, path };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
