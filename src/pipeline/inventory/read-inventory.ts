import { messageOf, type Fault } from '../../platform/errors.ts';
import { yaml } from '../../platform/yaml.ts';
import { sliceList, sliceObject, shapeOf, trimSlice, type Slice } from '../events/json-slices.ts';
import { ASSET_MEMBERS, readAsset, type Asset } from './asset.ts';
import { readCsv } from './csv.ts';

/** Most assets of an inventory: read into memory as a whole, some 40 MB at this size. */
export const MAX_ASSETS = 100_000;
/** Biggest file, in bytes: 100,000 rows of 160 bytes. */
export const MAX_INVENTORY_BYTES = 16 * 1024 * 1024;
/** Biggest YAML file, in bytes: its parser keeps a tree of nodes, so larger ones come as CSV or JSON. */
const MAX_YAML_BYTES = 1024 * 1024;
/** Faults that are listed; people repair these and try again. */
const MAX_FAULTS = 100;

export const INVENTORY_FORMATS = ['json', 'yaml', 'csv'] as const;
export type InventoryFormat = (typeof INVENTORY_FORMATS)[number];

export type InventoryRead = { readonly assets: readonly Asset[] } | { readonly faults: readonly Fault[] };

/** One entry before it is judged, with the line of the file where it begins. */
interface Entry {
  readonly line: number;
  readonly value: unknown;
}

type Entries = { readonly entries: readonly Entry[] } | { readonly faults: readonly Fault[] };

/** The format that a file's name says. Null: none of them. */
export function formatOfName(name: string): InventoryFormat | null {
  const [, end = ''] = /\.([a-z]+)$/i.exec(name) ?? [];
  const format = end.toLowerCase() === 'yml' ? 'yaml' : end.toLowerCase();
  return INVENTORY_FORMATS.find((known) => known === format) ?? null;
}

/**
 * All assets of a file, sorted by type and id; or its faults, each with its line (at most 100). Nothing is taken of a
 * file that has one. Pure; never throws.
 */
export function readInventory(bytes: Uint8Array, format: InventoryFormat): InventoryRead {
  if (bytes.length > MAX_INVENTORY_BYTES) return wrong(1, `The file is larger than ${MAX_INVENTORY_BYTES} bytes.`);
  const read = READERS[format](bytes);
  if ('faults' in read) return read;
  const { entries } = read;
  if (entries.length > MAX_ASSETS) return wrong(entries.at(-1)?.line ?? 1, `There are more than ${MAX_ASSETS} assets.`);
  return judge(entries);
}

function judge(entries: readonly Entry[]): InventoryRead {
  const faults: Fault[] = [];
  const assets: Asset[] = [];
  const lines = new Map<string, number>();
  for (const { line, value } of entries) {
    const judged = readAsset(value);
    if ('wrong' in judged) {
      faults.push(...judged.wrong.map((detail) => faultAt(line, `${detail}.`)));
      continue;
    }
    const { asset } = judged;
    for (const name of [asset.id, ...asset.names]) {
      const key = `${asset.type}:${name}`;
      const first = lines.get(key);
      if (first === undefined) lines.set(key, line);
      else faults.push(faultAt(line, `${asset.type} ${name} stands in line ${first} already; one of them has to go.`));
    }
    assets.push(asset);
    if (faults.length >= MAX_FAULTS) break;
  }
  if (faults.length > 0) return { faults: faults.slice(0, MAX_FAULTS) };
  return { assets: assets.sort(byTypeAndId) };
}

const READERS: Readonly<Record<InventoryFormat, (bytes: Uint8Array) => Entries>> = {
  json: jsonEntries,
  yaml: yamlEntries,
  csv: csvEntries,
};

function jsonEntries(bytes: Uint8Array): Entries {
  const whole = trimSlice(bytes, { start: 0, end: bytes.length });
  const list = shapeOf(bytes, whole) === 'object' ? membersOf(bytes, whole).get('assets') : whole;
  const shape = list === undefined ? 'other' : shapeOf(bytes, list);
  const slices = list === undefined || shape !== 'list' ? null : sliceList(bytes, list, MAX_ASSETS);
  if (slices === null) return wrong(1, 'It is no JSON list of assets, nor an object with the list `assets`.');
  const entries: Entry[] = [];
  let line = 1;
  let counted = 0;
  for (const slice of slices) {
    line += breaksIn(bytes, counted, slice.start);
    counted = slice.start;
    const text = Buffer.from(bytes.subarray(slice.start, slice.end)).toString('utf8');
    const names = shapeOf(bytes, slice) === 'object' ? (sliceObject(bytes, slice, MAX_MEMBERS) ?? []) : [];
    if (new Set(names.map(({ name }) => name)).size !== names.length) return wrong(line, 'A member stands here twice.');
    try {
      entries.push({ line, value: JSON.parse(text) });
    } catch (thrown) {
      return wrong(line, `It is not valid JSON: ${messageOf(thrown)}.`);
    }
  }
  return { entries };
}

/** Members of one object that are looked at: an asset has 8. */
const MAX_MEMBERS = 64;

function membersOf(bytes: Uint8Array, slice: Slice): ReadonlyMap<string, Slice> {
  return new Map(
    (sliceObject(bytes, slice, MAX_MEMBERS) ?? []).map((member) => [member.name, trimSlice(bytes, member)]),
  );
}

function breaksIn(bytes: Uint8Array, from: number, to: number): number {
  let breaks = 0;
  for (let at = from; at < to; at += 1) if (bytes[at] === 0x0a) breaks += 1;
  return breaks;
}

function yamlEntries(bytes: Uint8Array): Entries {
  if (bytes.length > MAX_YAML_BYTES)
    return wrong(1, `A YAML inventory has at most ${MAX_YAML_BYTES} bytes; give larger ones as CSV or JSON.`);
  const { parseDocument, LineCounter, isMap, isSeq, isNode, visit } = yaml();
  const deep = tooDeepAt(bytes);
  if (deep !== null) return wrong(deep, 'It is nested too deeply: an asset is a flat list of members.');
  const lineCounter = new LineCounter();
  const lineOf = (offset = 0): number => lineCounter.linePos(offset).line;
  try {
    const text = Buffer.from(bytes).toString('utf8');
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      uniqueKeys: true,
      stringKeys: true,
      lineCounter,
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) return wrong(lineOf(problem.pos[0]), `${problem.message.split('\n')[0] ?? ''}.`);
    let alias: number | null = null;
    visit(document, {
      Alias(_key, node) {
        alias ??= lineOf(node.range?.[0]);
      },
    });
    if (alias !== null) return wrong(alias, 'Anchors are not read in an inventory: write the values out.');
    const { contents } = document;
    const list = isMap(contents) ? contents.get('assets', true) : contents;
    if (!isSeq(list)) return wrong(1, 'It is no YAML list of assets, nor an object with the list `assets`.');
    return {
      entries: list.items.map((item) =>
        isNode(item)
          ? { line: lineOf(item.range?.[0]), value: item.toJS(document) as unknown }
          : { line: 1, value: item },
      ),
    };
  } catch (thrown) {
    // Nesting without an end exhausts the parser's stack.
    return wrong(1, `It is not valid YAML: ${messageOf(thrown)}.`);
  }
}

/** Deepest nesting that is given to the YAML parser, whose time grows with its square: an asset needs three. */
const MAX_YAML_DEPTH = 64;

/** The line where brackets, or dashes of one line, open more than that; counted in texts too, to stay simple. */
function tooDeepAt(bytes: Uint8Array): number | null {
  let line = 1;
  let brackets = 0;
  let dashes = 0;
  for (const byte of bytes) {
    if (byte === 0x0a) {
      line += 1;
      dashes = 0;
    } else if (byte === 0x5b || byte === 0x7b) brackets += 1;
    else if (byte === 0x5d || byte === 0x7d) brackets = Math.max(0, brackets - 1);
    else if (byte === 0x2d || byte === 0x3f) dashes += 1;
    else if (byte !== 0x20 && byte !== 0x09) dashes = 0;
    if (brackets > MAX_YAML_DEPTH || dashes > MAX_YAML_DEPTH) return line;
  }
  return null;
}

/** Columns that hold lists, parted by semicolons. */
const LISTS: ReadonlySet<string> = new Set(['names', 'dataClasses', 'vendors']);

function csvEntries(bytes: Uint8Array): Entries {
  const read = readCsv(Buffer.from(bytes).toString('utf8'), MAX_ASSETS + 1);
  if ('wrong' in read) return wrong(read.line, `It is not valid CSV: ${read.wrong}.`);
  const [head, ...rows] = read.rows;
  if (head === undefined) return wrong(1, `The first line names the columns: ${ASSET_MEMBERS.join(', ')}.`);
  const columns = head.cells.map(columnOf);
  const unknown = columns.findIndex((column) => !ASSET_MEMBERS.includes(column));
  if (unknown !== -1)
    return wrong(head.line, `${head.cells[unknown]} is no column; there are ${ASSET_MEMBERS.join(', ')}.`);
  if (new Set(columns).size !== columns.length) return wrong(head.line, 'A column stands there twice.');
  const long = rows.find(({ cells }) => cells.length > columns.length);
  if (long !== undefined) return wrong(long.line, `It has ${long.cells.length} cells for ${columns.length} columns.`);
  const entries = rows.map(({ line, cells }) => {
    const members = cells.flatMap((cell, index): [string, unknown][] => {
      const column = columns[index];
      if (column === undefined || cell === '') return [];
      return [[column, LISTS.has(column) ? listOf(cell) : cell]];
    });
    return { line, value: Object.fromEntries(members) };
  });
  return { entries };
}

/** `data_classes` and `dataClasses` are the same column. */
function columnOf(name: string): string {
  return name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function listOf(cell: string): readonly string[] {
  return cell
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function byTypeAndId(left: Asset, right: Asset): number {
  const [one, other] = [`${left.type}:${left.id}`, `${right.type}:${right.id}`];
  return one < other ? -1 : one > other ? 1 : 0;
}

function wrong(line: number, detail: string): { readonly faults: readonly Fault[] } {
  return { faults: [faultAt(line, detail)] };
}

/** `pointer` names the line: a file that people edit has lines, whatever its format. */
function faultAt(line: number, detail: string): Fault {
  return { pointer: `/line/${line}`, detail: `line ${line}: ${detail}` };
}
