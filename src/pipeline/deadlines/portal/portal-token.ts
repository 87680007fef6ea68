import { canonicalJson } from '../../../platform/canonical-json.ts';
import { hmacSha256 } from '../../../platform/hash.ts';
import { sameText } from '../../../platform/same-text.ts';

/** What a link to a message proves: that this server made it for this message. It opens a page that asks who one is, and no more. */
export interface PortalToken {
  readonly portalId: string;
  /** Business time after which it proves nothing, ms since 1970. */
  readonly expiresAt: number;
  readonly proof: string;
}

/** Ids are derived: letters, digits and one underscore; the proof is 32 bytes of base64url. */
const FORM = /^([a-z]{3}_[0-9a-z]{26})\.(\d{1,16})\.([A-Za-z0-9_-]{43})$/;

/** Bytes of entropy of a code, and how it is written: ten characters of Crockford base32, 50 bits, which nobody reads wrongly. */
export const CODE_LENGTH = 10;
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The token of a message. Derived: each time it is sent it is the same, and no record holds it. */
export function portalToken(key: Uint8Array, portalId: string, expiresAt: number): string {
  return `${portalId}.${expiresAt}.${proofOf(key, portalId, expiresAt)}`;
}

/** The token taken apart where it was made with this key; null for every other one. */
export function readPortalToken(key: Uint8Array, text: string): PortalToken | null {
  const [, portalId, until, proof] = FORM.exec(text) ?? [];
  const expiresAt = Number(until);
  if (portalId === undefined || proof === undefined || !Number.isSafeInteger(expiresAt)) return null;
  return sameText(proofOf(key, portalId, expiresAt), proof) ? { portalId, expiresAt, proof } : null;
}

/** A code of random bytes, as it is read out: `7K2QM-9XWTD`. @param random at least `CODE_LENGTH` of them. */
export function codeOf(random: Uint8Array): string {
  const letters = Array.from(random.slice(0, CODE_LENGTH), (byte) => ALPHABET.charAt(byte % 32)).join('');
  return `${letters.slice(0, 5)}-${letters.slice(5)}`;
}

/** The digest of a code for one message: the same however it is written down. */
export function codeDigest(key: Uint8Array, portalId: string, code: string): string {
  const plain = code
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return hmacSha256(key, canonicalJson(['portal code', portalId, plain])).toString('hex');
}

function proofOf(key: Uint8Array, portalId: string, expiresAt: number): string {
  return hmacSha256(key, canonicalJson(['portal', portalId, expiresAt])).toString('base64url');
}
