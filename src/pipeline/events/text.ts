import { sha256Hex } from '../../platform/hash.ts';

/** Longest event id kept as it is, in UTF-16 units: providers use UUIDs and numbers; longer ones are named by hash. */
export const MAX_EVENT_ID_LENGTH = 256;

/** Longest canonical identity, in UTF-16 units: an address has at most 320, an ARN with a session name about 200. */
export const MAX_IDENTITY_LENGTH = 512;

/** Longest display name of a person, device or thing, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200;

/** What `bound*` put for a character that must not reach a screen or a log line. */
const REPLACEMENT = '\ufffd';

/**
 * Control characters, line and paragraph separators, the byte order mark, and the marks that change reading
 * direction: with them a name can show itself as another one. Joiners stay, some scripts need them.
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * A text fit for the shape: well-formed, without control and direction characters (each becomes U+FFFD, tabs and
 * line breaks a space), at most `maxLength` UTF-16 units and not cut inside a character. The raw bytes keep the rest.
 */
export function boundText(text: string, maxLength: number): string {
  const short = cut(text, maxLength);
  // Nearly all texts: one look instead of three passes, which were most of the cost of an event.
  if (PRINTABLE_ASCII.test(short)) return short;
  return short
    .toWellFormed()
    .replace(/[\t\r\n]/g, ' ')
    .replace(UNSAFE, REPLACEMENT);
}

/** As `boundText`; null stays null, and so becomes a text with nothing in it. */
export function boundOptional(text: string | null | undefined, maxLength: number): string | null {
  if (text === null || text === undefined) return null;
  const bounded = boundText(text.trim(), maxLength);
  return bounded === '' ? null : bounded;
}

/**
 * An id that names exactly what `id` names: itself when it is short and clean, else `sha256:` and the hash of all
 * of it. Cutting or cleaning instead would let two ids become one, and a real event pass for a repeat.
 */
export function boundId(id: string, maxLength = MAX_EVENT_ID_LENGTH): string {
  return id.length <= maxLength && boundText(id, maxLength) === id ? id : `sha256:${hashOfText(id)}`;
}

/**
 * The canonical form of an identity: NFC, lower case, no outer white space, control and direction characters made
 * visible. What is longer than `MAX_IDENTITY_LENGTH` is named by its hash. Null when nothing is left.
 * Applying it twice changes nothing.
 */
export function canonicalIdentity(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.length > MAX_IDENTITY_LENGTH) return `sha256:${hashOfText(trimmed)}`;
  const clean = boundText(trimmed, MAX_IDENTITY_LENGTH).normalize('NFC').toLowerCase().normalize('NFC');
  if (clean.length > MAX_IDENTITY_LENGTH) return `sha256:${hashOfText(clean)}`;
  return clean === '' ? null : clean;
}

/** JSON text first: it writes lone surrogates as escapes, which UTF-8 would make equal. */
function hashOfText(text: string): string {
  return sha256Hex(JSON.stringify(text));
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? maxLength - 1 : maxLength);
}
