import { canonicalJson } from '../../platform/canonical-json.ts';
import { hmacSha256 } from '../../platform/hash.ts';
import { sameText } from '../../platform/same-text.ts';
import { NONCE_TEXT } from './nonce-text.ts';

/** How long a passkey may be asked for, in ms: long enough to fetch a telephone, and what an authenticator waits at most. */
export const NONCE_LIFETIME_MS = 5 * 60_000;
/** Random bytes of a nonce: two are never the same. */
export const NONCE_BYTES = 16;

/**
 * A nonce for one purpose (what it is for, and for whom), good until five minutes from now. It carries its own proof, so that no
 * process has to remember it: any that has `key` knows it again, also after a restart. That it is used once is decided where
 * its use is recorded.
 */
export function sealedNonce(key: Uint8Array, purpose: readonly string[], now: number, random: Uint8Array): string {
  const until = now + NONCE_LIFETIME_MS;
  const salt = Buffer.from(random).toString('base64url');
  return `${until}.${salt}.${proofOf(key, purpose, until, salt)}`;
}

/** Whether the nonce was made with this key for this purpose, and its time is not over. */
export function isOurNonce(key: Uint8Array, nonce: string, purpose: readonly string[], now: number): boolean {
  const [, until, salt, proof] = NONCE_TEXT.exec(nonce) ?? [];
  if (until === undefined || salt === undefined || proof === undefined || now >= Number(until)) return false;
  return sameText(proof, proofOf(key, purpose, Number(until), salt));
}

function proofOf(key: Uint8Array, purpose: readonly string[], until: number, salt: string): string {
  return hmacSha256(key, canonicalJson(['nonce', ...purpose, until, salt])).toString('base64url');
}
