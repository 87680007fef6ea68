import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { yaml } from '../../../platform/yaml.ts';
import type { TextEdit } from './text-edit.ts';

/** Edits of a YAML or JSON text that leave everything else as it was written. Null where the style makes it unsafe. */
export interface Writer {
  /** What the text says at a pointer, as JSON; undefined where it says nothing, or too much. */
  valueAt(pointer: string): unknown;
  /** Another value in the place of the one at a pointer. */
  replaceValue(pointer: string, value: string | number | boolean | readonly string[]): TextEdit | null;
  replaceKey(pointer: string, name: string): TextEdit | null;
  removeMember(pointer: string): TextEdit | null;
  /** The later one of a member that is given twice with the same value. */
  removeRepeat(pointer: string): TextEdit | null;
  /** A member of the map at a pointer, behind its first one. */
  addMember(pointer: string, name: string, value: string | number | boolean): TextEdit | null;
  /** An item at the end of the list at a pointer: a map with these members. */
  addItem(pointer: string, members: Readonly<Record<string, string>>): TextEdit | null;
}

/** Of a text and what it was parsed to; without that every edit is null. */
export function writerOf(text: string, document: Document | null): Writer {
  const root = document?.contents ?? null;
  return {
    valueAt(pointer) {
      const { node, pair } = find(root, pointer);
      if (node === null) return pair === null ? undefined : null;
      try {
        return document === null ? undefined : node.toJS(document, { maxAliasCount: 100 });
      } catch {
        return undefined;
      }
    },
    replaceValue(pointer, value) {
      const { node, pair } = find(root, pointer);
      if (pair !== null && isEmpty(node)) {
        const [, end] = span(pair.key);
        const colon = text.indexOf(':', end);
        return colon < 0 ? null : { offset: colon + 1, end: colon + 1, text: ` ${written(value)}` };
      }
      const [offset, end] = span(node);
      return end > offset ? { offset, end, text: written(value) } : null;
    },
    replaceKey(pointer, name) {
      const { pair } = find(root, pointer);
      if (pair === null) return null;
      const [offset, end] = span(pair.key);
      const quoted = /^["']/.test(text.slice(offset, end));
      return end > offset ? { offset, end, text: quoted ? JSON.stringify(name) : name } : null;
    },
    removeMember(pointer) {
      const { pair, parent } = find(root, pointer);
      return pair === null || parent === null ? null : removal(text, parent, pair);
    },
    removeRepeat(pointer) {
      const { pair, parent } = find(root, pointer);
      const name = yaml().isScalar(pair?.key) ? String(pair.key.value) : null;
      const first = parent?.items.find(({ key }) => yaml().isScalar(key) && String(key.value) === name);
      if (pair === null || parent === null || first === undefined || first === pair) return null;
      const source = (node: unknown): string => text.slice(...span(node)).trim();
      return source(first.value) === source(pair.value) ? removal(text, parent, pair) : null;
    },
    addMember(pointer, name, value) {
      const { node } = find(root, pointer);
      if (!yaml().isMap(node)) return null;
      const [first] = node.items;
      // Behind a text of one line: behind a list or a block it would stand inside it.
      if (first === undefined || !isScalar(first.value) || isEmpty(first.value)) return null;
      const [, end] = span(first.value);
      const [offset] = span(first.key);
      if (text.slice(offset, end).includes('\n')) return null;
      if (node.flow === true) return { offset: end, end, text: `, "${name}": ${written(value)}` };
      return { offset: end, end, text: `\n${' '.repeat(columnOf(text, offset))}${name}: ${written(value)}` };
    },
    addItem(pointer, members) {
      const { node } = find(root, pointer);
      if (!yaml().isSeq(node)) return null;
      const last: unknown = node.items.at(-1);
      if (last === undefined) return null;
      const end = lastEnd(text, last);
      const entries = Object.entries(members);
      if (node.flow === true) {
        const item = entries.map(([name, value]) => `"${name}": ${written(value)}`).join(', ');
        return { offset: end, end, text: `, { ${item} }` };
      }
      const indent = ' '.repeat(columnOf(text, span(node)[0]));
      const lines = entries.map(
        ([name, value], index) => `${indent}${index === 0 ? '- ' : '  '}${name}: ${written(value)}`,
      );
      return { offset: end, end, text: `\n${lines.join('\n')}` };
    },
  };
}

function isScalar(node: unknown): boolean {
  return yaml().isScalar(node);
}

/** Nothing written after the colon. */
function isEmpty(node: unknown): boolean {
  if (node === null) return true;
  const [offset, end] = span(node);
  return isScalar(node) && offset === end;
}

/** JSON is YAML: it fits wherever a value of one line fits. */
function written(value: string | number | boolean | readonly string[]): string {
  return Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value);
}

/** To the next member, or from the end of the one before: the comma of JSON and the line of YAML go with it. */
function removal(text: string, parent: YAMLMap, pair: Pair): TextEdit | null {
  const index = parent.items.indexOf(pair);
  const next = parent.items[index + 1];
  const [offset] = span(pair.key);
  if (next !== undefined) return { offset, end: span(next.key)[0], text: '' };
  const before = parent.items[index - 1];
  if (before === undefined) return null;
  const end = pair.value === null || isEmpty(pair.value) ? span(pair.key)[1] : lastEnd(text, pair.value);
  return { offset: lastEnd(text, before.value ?? before.key), end: end + (isEmpty(pair.value) ? 1 : 0), text: '' };
}

/** Where a node ends, without the blank lines behind it. */
function lastEnd(text: string, node: unknown): number {
  const { isMap, isSeq } = yaml();
  if (isMap(node) && node.flow !== true) {
    const last = node.items.at(-1);
    if (last !== undefined) return isEmpty(last.value) ? span(last.key)[1] + 1 : lastEnd(text, last.value);
  }
  if (isSeq(node) && node.flow !== true && node.items.length > 0) return lastEnd(text, node.items.at(-1));
  const [offset, end] = span(node);
  return offset + text.slice(offset, end).trimEnd().length;
}

function span(node: unknown): readonly [number, number] {
  if (!yaml().isNode(node)) return [0, 0];
  return [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

interface Found {
  readonly node: Node | null;
  readonly pair: Pair | null;
  readonly parent: YAMLMap | null;
}

/** The last of members of the same name: that is the one too many. Aliases are not followed: what they name is elsewhere. */
function find(root: Node | null, pointer: string): Found {
  const { isMap, isNode, isSeq } = yaml();
  const nothing: Found = { node: null, pair: null, parent: null };
  let found: Found = { node: root, pair: null, parent: null };
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const { node } = found;
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => yaml().isScalar(key) && String(key.value) === name);
      if (pair === undefined) return nothing;
      found = { node: isNode(pair.value) ? pair.value : null, pair, parent: node };
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(name)];
      if (!isNode(item)) return nothing;
      found = { node: item, pair: null, parent: null };
    } else return nothing;
  }
  return found;
}
