import { isAscii } from 'node:buffer';
import { FirebreakError } from '../../platform/errors.ts';
import { MAX_EVENT_BYTES, MAX_EVENTS_PER_BATCH } from '../../platform/limits.ts';
import { shapeOf, sliceList, sliceObject, trimSlice, type MemberSlice, type Slice } from './json-slices.ts';
import { findUnfitJson } from './read.ts';

/** One event of a request: its own bytes (a view into the body) and the same parsed. */
export interface BatchMember {
  /** Line (1-based) of NDJSON, index (0-based) of a list, 0 for a single object. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly json: unknown;
}

/** One event of a request that cannot be read; the others are not touched by it. */
export interface RejectedMember {
  readonly position: number;
  readonly reason: string;
  /** JSON pointer into the event, empty when all of it is meant. */
  readonly pointer: string;
  readonly bytes: Uint8Array;
}

export interface ParsedBatch {
  readonly unit: 'line' | 'index';
  readonly members: readonly BatchMember[];
  readonly rejected: readonly RejectedMember[];
}

/** Members of a wrapper object that are looked at; providers' envelopes have fewer than ten. */
const MAX_WRAPPER_MEMBERS = 200;

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const LINE_FEED = 0x0a;

/** Refuses what is not UTF-8 instead of replacing it; without a stream it keeps no state between calls. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes a request apart into events with their exact bytes: one object, a list, NDJSON, or the envelope in which a
 * provider sends several (CloudTrail `{Records}`, Google `{items}`, Microsoft Graph `{value}`, Okta hooks
 * `{data: {events}}`). White space around an event is not part of it, so that an event has the same hash in every packing.
 *
 * An event that is not JSON, not UTF-8, longer than `MAX_EVENT_BYTES` or holds a member named `__proto__` is rejected
 * alone. Duplicate members mean what `JSON.parse` makes of them: the last one.
 *
 * @throws FirebreakError `malformed_json` when the request as a whole has no end, `batch_too_large` for more than
 *   `MAX_EVENTS_PER_BATCH` events. The size of the body is for the caller to limit.
 */
export function parseBatch(body: Uint8Array, contentType: 'json' | 'ndjson'): ParsedBatch {
  const members: BatchMember[] = [];
  const { unit, rejected } = readBatch(body, contentType, (member) => members.push(member));
  return { unit, members, rejected };
}

/**
 * As `parseBatch`, but gives each event to `visit` as soon as it is read: what was parsed of one can be forgotten before
 * the next is, which halves what the garbage collector has to carry through a request of 500.
 */
export function readBatch(
  body: Uint8Array,
  contentType: 'json' | 'ndjson',
  visit: (member: BatchMember) => void,
): Pick<ParsedBatch, 'unit' | 'rejected'> {
  const hasMark = BYTE_ORDER_MARK.every((byte, at) => body[at] === byte);
  const whole: Slice = { start: hasMark ? BYTE_ORDER_MARK.length : 0, end: body.length };
  if (contentType === 'ndjson') return { unit: 'line', rejected: readAll(body, linesOf(body, whole), visit) };
  const trimmed = trimSlice(body, whole);
  const slices = eventsOf(body, trimmed);
  const [only] = slices;
  // A request that is one value and not JSON is a broken request, not a request with a broken event.
  if (only === trimmed && !isJson(body.subarray(only.start, only.end))) throw malformed('the body is not valid JSON');
  const placed = slices.map((slice, index) => ({ ...slice, position: index }));
  return { unit: 'index', rejected: readAll(body, placed, visit) };
}

interface Placed extends Slice {
  readonly position: number;
}

/** Lines that hold anything; blank ones count for the numbering only. */
function linesOf(body: Uint8Array, whole: Slice): readonly Placed[] {
  const lines: Placed[] = [];
  let start = whole.start;
  for (let position = 1; start < whole.end; position += 1) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed < 0 ? whole.end : feed;
    const line = trimSlice(body, { start, end });
    if (line.start < line.end) lines.push({ ...line, position });
    if (lines.length > MAX_EVENTS_PER_BATCH) throw tooMany();
    start = end + 1;
  }
  return lines;
}

function eventsOf(body: Uint8Array, whole: Slice): readonly Slice[] {
  switch (shapeOf(body, whole)) {
    case 'list':
      return listOf(body, whole);
    case 'object':
      return eventsOfObject(body, whole);
    case 'other':
      return [whole];
    case 'empty':
      throw malformed('the body is empty');
  }
}

function eventsOfObject(body: Uint8Array, whole: Slice): readonly Slice[] {
  const members = sliceObject(body, whole, MAX_WRAPPER_MEMBERS);
  // Too many members for an envelope, or broken: then it is one event, and the parser judges it.
  const list = members === null ? null : wrappedList(body, members);
  if (list === null) return [whole];
  return list === 'empty' ? [] : listOf(body, list);
}

/** The list inside a provider's envelope; null when the object is no envelope. */
function wrappedList(body: Uint8Array, members: readonly MemberSlice[]): Slice | 'empty' | null {
  const only = members.length === 1 ? (members[0]?.name ?? null) : null;
  if (only === 'Records' || only === 'records') return asList(body, last(members, only));
  if (last(members, '@odata.context') !== null) return asList(body, last(members, 'value'));
  const kind = last(members, 'kind');
  if (kind !== null && textOf(body, kind) === 'admin#reports#activities') {
    // Google leaves the list out when there is nothing.
    return last(members, 'items') === null ? 'empty' : asList(body, last(members, 'items'));
  }
  const data = last(members, 'data');
  if (data === null || last(members, 'eventType') === null || shapeOf(body, data) !== 'object') return null;
  const inner = sliceObject(body, data, MAX_WRAPPER_MEMBERS);
  return inner === null ? null : asList(body, last(inner, 'events'));
}

/** The last member of that name, as `JSON.parse` would take it. */
function last(members: readonly MemberSlice[], name: string): MemberSlice | null {
  return members.findLast((member) => member.name === name) ?? null;
}

function asList(body: Uint8Array, slice: Slice | null): Slice | null {
  return slice !== null && shapeOf(body, slice) === 'list' ? slice : null;
}

function textOf(body: Uint8Array, slice: Slice): string {
  // Longer than any name that is compared: not worth decoding.
  return slice.end - slice.start > 100 ? '' : new TextDecoder().decode(body.subarray(slice.start + 1, slice.end - 1));
}

function listOf(body: Uint8Array, slice: Slice): readonly Slice[] {
  const members = sliceList(body, slice, MAX_EVENTS_PER_BATCH);
  if (members === null) throw malformed('the list of events is not closed, or something follows it');
  if (members.length > MAX_EVENTS_PER_BATCH) throw tooMany();
  return members;
}

function readAll(
  body: Uint8Array,
  slices: readonly Placed[],
  visit: (member: BatchMember) => void,
): readonly RejectedMember[] {
  const rejected: RejectedMember[] = [];
  const decode = decoderOf(body);
  for (const { start, end, position } of slices) {
    const bytes = body.subarray(start, end);
    const read = readMember(bytes, decode);
    if (read.ok) visit({ position, bytes, json: read.json });
    else rejected.push({ position, bytes, reason: read.reason, pointer: read.pointer });
  }
  return rejected;
}

type Decode = (bytes: Uint8Array) => string;

/** Plain ASCII, as most providers write JSON, needs no look at each event: checked once, its bytes are its characters. */
function decoderOf(body: Uint8Array): Decode {
  return isAscii(body) ? asciiText : (bytes) => UTF8.decode(bytes);
}

function asciiText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

type ReadMember =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly reason: string; readonly pointer: string };

function readMember(bytes: Uint8Array, decode: Decode): ReadMember {
  if (bytes.length === 0) return { ok: false, reason: 'nothing stands between two commas', pointer: '' };
  if (bytes.length > MAX_EVENT_BYTES)
    return { ok: false, reason: `the event is longer than ${MAX_EVENT_BYTES} bytes`, pointer: '' };
  let text: string;
  try {
    text = decode(bytes);
  } catch {
    return { ok: false, reason: 'the event is not UTF-8', pointer: '' };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'the event is not valid JSON', pointer: '' };
  }
  // Looked for only where it can be: written plainly, or behind an escape.
  const unfit = text.includes('__proto__') || text.includes('\\u') ? findUnfitJson(json) : null;
  if (unfit?.code === 'forbidden_key')
    return { ok: false, reason: 'a member named __proto__ is refused: rename it', pointer: unfit.pointer };
  return { ok: true, json };
}

/** True for JSON, and for what is too long to be looked at here. */
function isJson(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_EVENT_BYTES) return true;
  try {
    JSON.parse(UTF8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function malformed(detail: string): FirebreakError {
  return new FirebreakError('malformed_json', detail, [{ pointer: '', detail }]);
}

function tooMany(): FirebreakError {
  return new FirebreakError('batch_too_large', `a request holds at most ${MAX_EVENTS_PER_BATCH} events: send several`);
}
