import { createHmac, hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** SHA-256 as lower-case hexadecimal. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** SHA-256 as base64url: 43 characters. */
export function sha256Base64Url(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url');
}

/** SHA-256 as bytes. */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** SHA-256 of the canonical JSON of `value`, as lower-case hexadecimal: the name of an immutable object. */
export function contentHash(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}

/** HMAC-SHA-256 as bytes: codes and tokens are derived with it, so that a repeat derives the same one. */
export function hmacSha256(key: string | Uint8Array, data: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/**
 * An id that follows from what it names: `prefix_` and 26 characters of base32 (130 bits of SHA-256).
 * The same parts always give the same id, which is what makes a repeated decision land on the same row.
 */
export function derivedId(prefix: string, ...parts: readonly string[]): string {
  const digest = sha256(canonicalJson(parts));
  let text = '';
  let bits = 0;
  let held = 0;
  // The first 17 bytes as one number, read from its end: its lowest 130 bits in groups of five.
  for (let index = 16; text.length < 26; index -= 1) {
    bits |= (digest[index] ?? 0) << held;
    for (held += 8; held >= 5 && text.length < 26; held -= 5) {
      text = ALPHABET.charAt(bits & 31) + text;
      bits >>= 5;
    }
  }
  return `${prefix}_${text}`;
}

/** Crockford base32 in lower case: no letters that are read wrongly over the telephone. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
