/**
 * Finds where the members of a JSON list or object begin and end in its bytes, without parsing them. Each event is
 * hashed over its own bytes exactly as they came, and a broken member must not take its neighbours with it.
 *
 * The scanner only tells strings from brackets and counts how deep it is; whether a member is valid JSON is for the
 * parser to say. It is a loop without recursion and looks at each byte once. In UTF-8 the bytes it looks for
 * never occur inside another character.
 */

/** A part of the bytes: from `start` up to, but without, `end`; outer white space is not in it. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its name, and where its value is. */
export interface MemberSlice extends Slice {
  readonly name: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** True for the four bytes that JSON calls white space. */
export function isJsonSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** `slice` without white space at its ends. */
export function trimSlice(bytes: Uint8Array, { start, end }: Slice): Slice {
  let from = start;
  let to = end;
  while (from < to && isJsonSpace(bytes[from])) from += 1;
  while (to > from && isJsonSpace(bytes[to - 1])) to -= 1;
  return { start: from, end: to };
}

/** What kind of value a trimmed slice holds, by its first byte. */
export function shapeOf(bytes: Uint8Array, slice: Slice): 'list' | 'object' | 'other' | 'empty' {
  if (slice.start >= slice.end) return 'empty';
  const first = bytes[slice.start];
  return first === OPEN_LIST ? 'list' : first === OPEN_OBJECT ? 'object' : 'other';
}

/**
 * The members of the list in `slice` (trimmed), at most `limit` + 1 of them, so that the caller can tell that there are
 * more. A missing member (`[1,,2]`) is an empty slice. Null when the list is not closed where the slice ends.
 */
export function sliceList(bytes: Uint8Array, slice: Slice, limit: number): readonly Slice[] | null {
  const parts = split(bytes, slice, CLOSE_LIST, limit);
  if (parts === null) return null;
  const members = parts.map((part) => trimSlice(bytes, part));
  const [only] = members;
  return members.length === 1 && only !== undefined && only.start === only.end ? [] : members;
}

/**
 * The members of the object in `slice` (trimmed). Null when it is not closed where the slice ends, when it has more
 * than `limit` members, or when a member has no name.
 */
export function sliceObject(bytes: Uint8Array, slice: Slice, limit: number): readonly MemberSlice[] | null {
  const parts = split(bytes, slice, CLOSE_OBJECT, limit);
  if (parts === null || parts.length > limit) return null;
  const members: MemberSlice[] = [];
  for (const part of parts) {
    const trimmed = trimSlice(bytes, part);
    if (trimmed.start === trimmed.end && parts.length === 1) return [];
    const member = sliceMember(bytes, trimmed);
    if (member === null) return null;
    members.push(member);
  }
  return members;
}

/** `"name" : value` taken apart. */
function sliceMember(bytes: Uint8Array, slice: Slice): MemberSlice | null {
  if (bytes[slice.start] !== QUOTE) return null;
  const nameEnd = endOfString(bytes, slice.start, slice.end);
  const name = parseName(bytes.subarray(slice.start, nameEnd));
  let colon = nameEnd;
  while (colon < slice.end && isJsonSpace(bytes[colon])) colon += 1;
  if (name === null || bytes[colon] !== COLON) return null;
  return { name, ...trimSlice(bytes, { start: colon + 1, end: slice.end }) };
}

function parseName(bytes: Uint8Array): string | null {
  try {
    const name: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof name === 'string' ? name : null;
  } catch {
    return null;
  }
}

/** The parts between the commas of the outermost level; null when the closing bracket is not the last byte. */
function split(bytes: Uint8Array, slice: Slice, close: number, limit: number): readonly Slice[] | null {
  const parts: Slice[] = [];
  let depth = 0;
  let start = slice.start + 1;
  let at = start;
  while (at < slice.end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at, slice.end);
      continue;
    }
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      if (depth === 0) {
        if (byte !== close || at !== slice.end - 1) return null;
        parts.push({ start, end: at });
        return parts;
      }
      depth -= 1;
    } else if (byte === COMMA && depth === 0) {
      parts.push({ start, end: at });
      if (parts.length > limit) return parts;
      start = at + 1;
    }
    at += 1;
  }
  return null;
}

/** The place after the string that begins at `at`; `end` when it is not closed. */
function endOfString(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1;
  while (next < end) {
    if (bytes[next] === QUOTE) return next + 1;
    next += bytes[next] === BACKSLASH ? 2 : 1;
  }
  return end;
}
