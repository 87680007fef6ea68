import type { Document, Node, Pair } from 'yaml';
import type { Json } from '../../platform/canonical-json.ts';
import { messageOf, type Fault } from '../../platform/errors.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import { MAX_BODY_BYTES } from '../../platform/limits.ts';
import { yaml } from '../../platform/yaml.ts';
import { boundedText } from './bounded-text.ts';
import { checkJson } from './plain-json.ts';

/** JSON or YAML text as plain JSON, together with where each of its members stands. */

/** Times a YAML anchor may be used in all: enough for shared retry settings, too few for a bomb. */
const MAX_ALIASES = 100;

/** Faults of one text that are told: more than a person mends at once. */
const MAX_FAULTS = 100;

/** A part of a text. Offsets count UTF-16 units from 0, lines and columns from 1. */
export interface Place {
  readonly offset: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** Where things stand in a text. */
export interface Places {
  /** Of the value at a pointer; of the nearest thing around it where there is none. */
  value(pointer: string): Place;
  /** Of the member's name; null where the pointer is of no member. */
  key(pointer: string): Place | null;
  /** Any part of the text. */
  at(offset: number, end: number): Place;
}

export interface PlacedFault extends Fault, Place {
  /** What kind of fault it is, for example `duplicate-key`. */
  readonly rule: string;
}

export interface PlacedDocument {
  /** As it was parsed; null where it was not, or not in full. For edits that keep the rest as it was written. */
  readonly document: Document | null;
  readonly places: Places;
  /** Absent when there is any fault. */
  readonly value?: Json;
  readonly faults: readonly PlacedFault[];
}

/**
 * Parses JSON or YAML 1.2 (core schema). Refused, each with its place: broken syntax, tabs as indentation, a member
 * given twice (in JSON too), more than one document, tags, keys that are not texts, more than 100 uses of anchors,
 * more than 1 MiB, what `boundedText` finds too deep, and everything `checkJson` refuses. Never throws.
 */
export function readPlaced(text: string, format: 'json' | 'yaml'): PlacedDocument {
  const places = (document: Document | null): Places => placesIn(text, document);
  const refuse = (rule: string, detail: string, offset = 0, end = offset): PlacedDocument => {
    const none = places(null);
    return { document: null, places: none, faults: [{ rule, pointer: '', detail, ...none.at(offset, end) }] };
  };
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    return refuse('too-large', `The document is larger than ${MAX_BODY_BYTES} bytes; split it.`);
  }
  const bound = boundedText(text);
  if (bound !== null) return refuse('too-deep', bound.detail, bound.offset, bound.offset + 1);
  let parsed: Document | null = null;
  try {
    // Duplicates are looked for below: the parser compares every key with every other.
    const options = { version: '1.2', schema: 'core', uniqueKeys: false } as const;
    parsed = yaml().parseDocument(text, { ...options, stringKeys: format === 'yaml' });
  } catch (thrown) {
    return refuse('syntax', `It cannot be read: ${messageOf(thrown)}.`);
  }
  const known = places(parsed);
  const faults = format === 'yaml' ? yamlFaults(parsed, known) : jsonFaults(text, known);
  if (faults.length === 0) faults.push(...duplicates(parsed, known));
  if (faults.length === 0) faults.push(...tooManyAliases(parsed, known), ...tagged(parsed, known));
  const whole = format === 'json' || parsed.errors.length === 0 ? parsed : null;
  if (faults.length > 0) return { document: whole, places: known, faults: faults.slice(0, MAX_FAULTS) };
  return { document: whole, places: known, ...plainJson(text, format, parsed, known) };
}

function plainJson(
  text: string,
  format: 'json' | 'yaml',
  parsed: Document,
  places: Places,
): Pick<PlacedDocument, 'value' | 'faults'> {
  let value: unknown;
  try {
    value = format === 'json' ? JSON.parse(text) : parsed.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (thrown) {
    return { faults: [{ rule: 'aliases', pointer: '', detail: `${messageOf(thrown)}.`, ...places.at(0, 0) }] };
  }
  const plain = checkJson(value);
  if ('value' in plain) return { value: plain.value, faults: [] };
  return {
    faults: plain.faults.map((fault) => {
      const name = fault.detail.startsWith('A member cannot be named');
      const place = (name ? places.key(fault.pointer) : null) ?? places.value(fault.pointer);
      return { rule: name ? 'forbidden-name' : 'not-recordable', ...fault, ...place };
    }),
  };
}

const RULES: ReadonlyMap<string, string> = new Map([
  ['TAB_AS_INDENT', 'tab'],
  ['TAG_RESOLVE_FAILED', 'tag'],
  ['MULTIPLE_DOCS', 'several-documents'],
]);

function yamlFaults({ errors, warnings }: Document, places: Places): PlacedFault[] {
  return [...errors, ...warnings].map((problem) => {
    const [start, end] = problem.pos;
    const detail = problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? problem.code;
    return { rule: RULES.get(problem.code) ?? 'syntax', pointer: '', detail: `${detail}.`, ...places.at(start, end) };
  });
}

function jsonFaults(text: string, places: Places): PlacedFault[] {
  try {
    JSON.parse(text);
    return [];
  } catch (thrown) {
    const message = messageOf(thrown);
    const position = /at position (\d+)/.exec(message)?.[1];
    // At the end of the input the engine names no position.
    const offset = position === undefined ? Math.max(0, text.trimEnd().length - 1) : Number(position);
    const detail = `It is not valid JSON: ${message.split(' in JSON')[0] ?? message}.`;
    return [{ rule: 'syntax', pointer: '', detail, ...places.at(offset, offset + 1) }];
  }
}

/** The parser's own check is quadratic. Anchored maps are looked at where they are written. */
function duplicates(document: Document, places: Places): readonly PlacedFault[] {
  const faults: PlacedFault[] = [];
  const { isMap, isScalar, isSeq } = yaml();
  const look = (node: unknown, pointer: string): void => {
    if (isSeq(node)) node.items.forEach((item, index) => look(item, memberPointer(pointer, index)));
    if (!isMap(node)) return;
    const seen = new Map<string, Place>();
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const [start, end] = rangeOf(key);
      const place = places.at(start, end);
      const first = seen.get(name);
      const inner = memberPointer(pointer, name);
      if (first === undefined) seen.set(name, place);
      else {
        const detail = `${name} is given twice, first in line ${first.line}; keep one of them.`;
        faults.push({ rule: 'duplicate-key', pointer: inner, detail, ...place });
      }
      look(value, inner);
    }
  };
  look(document.contents, '');
  return faults;
}

function tooManyAliases(document: Document, places: Places): readonly PlacedFault[] {
  let aliases = 0;
  let excess: PlacedFault | null = null;
  yaml().visit(document, {
    Alias(_key, node) {
      aliases += 1;
      if (aliases !== MAX_ALIASES + 1) return;
      const [start, end] = rangeOf(node);
      const detail = `Anchors are used more than ${MAX_ALIASES} times; write the values out.`;
      excess = { rule: 'aliases', pointer: '', detail, ...places.at(start, end) };
    },
  });
  return excess === null ? [] : [excess];
}

/** Also those of YAML itself: `!!int "3"` reads as a text and is none. */
function tagged(document: Document, places: Places): readonly PlacedFault[] {
  const faults: PlacedFault[] = [];
  yaml().visit(document, {
    Value(_key, node) {
      if (node.tag === undefined) return;
      const [start, end] = rangeOf(node);
      const detail = 'YAML tags are not taken; write the value as it is meant.';
      faults.push({ rule: 'tag', pointer: '', detail, ...places.at(start, end) });
    },
  });
  return faults;
}

function rangeOf(node: { readonly range?: readonly [number, number, number] | null | undefined }): [number, number] {
  return [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
}

function placesIn(text: string, document: Document | null): Places {
  const starts = lineStarts(text);
  const at = (offset: number, end: number): Place => {
    const within = Math.min(offset, text.length);
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= within) low = middle;
      else high = middle - 1;
    }
    return { offset: within, end, line: low + 1, column: within - (starts[low] ?? 0) + 1 };
  };
  return {
    at,
    value(pointer) {
      const [start, end] = rangeOf(nodeAt(document, pointer).value ?? {});
      return at(start, end);
    },
    key(pointer) {
      const { pair, exact } = nodeAt(document, pointer);
      if (!exact || pair === null || !yaml().isNode(pair.key)) return null;
      const [start, end] = rangeOf(pair.key);
      return at(start, end);
    },
  };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

interface Found {
  readonly value: Node | null;
  readonly pair: Pair | null;
  /** False: only what is around it was found. */
  readonly exact: boolean;
}

/** The node at a pointer through own members, or the last one on the way there. Aliases lead to what they name. */
function nodeAt(document: Document | null, pointer: string): Found {
  const { isAlias, isMap, isNode, isScalar, isSeq } = yaml();
  let found: Found = { value: document?.contents ?? null, pair: null, exact: true };
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const present = isAlias(found.value) && document !== null ? found.value.resolve(document) : found.value;
    if (isMap(present)) {
      const pair = present.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (pair === undefined) return { ...found, exact: false };
      const inner = isNode(pair.value) ? pair.value : null;
      found = { value: inner ?? (isNode(pair.key) ? pair.key : null), pair, exact: true };
    } else if (isSeq(present)) {
      const item: unknown = present.items[Number(name)];
      if (!isNode(item)) return { ...found, exact: false };
      found = { value: item, pair: null, exact: true };
    } else return { ...found, exact: false };
  }
  return found;
}
