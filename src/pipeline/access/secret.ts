import { sha256Hex } from '../../platform/hash.ts';

/** Random bytes of a secret: 256 bits, so that guessing is out of question and no slow hash is needed. */
export const SECRET_BYTES = 32;

/** Gives `length` unpredictable bytes; a parameter, so that records can be made again in tests and replays. */
export type RandomBytes = (length: number) => Uint8Array;

/**
 * `fbk_`: an API key. `fbs_`: a set-up token. `fbi_`: an invitation to set a password. `fbw_`: the session of a browser.
 * The prefix lets secret scanners find a leaked one.
 */
export type SecretPrefix = 'fbk' | 'fbs' | 'fbi' | 'fbw';

/** Secrets of each kind; logs replace what matches. 32 bytes are 43 characters of base64url. */
export const SECRET_PATTERN = /fb[ksiw]_[A-Za-z0-9_-]{43}/;
const WHOLE = /^fb[ksiw]_[A-Za-z0-9_-]{43}$/;

/** A new secret from exactly 32 random bytes: shown once, never stored. */
export function mintSecret(prefix: SecretPrefix, bytes: Uint8Array): string {
  if (bytes.length !== SECRET_BYTES) throw new Error(`a secret needs ${SECRET_BYTES} random bytes`);
  return `${prefix}_${Buffer.from(bytes).toString('base64url')}`;
}

/** What is stored of a secret, or null when `secret` does not look like one (then no store is asked). */
export function secretHash(prefix: SecretPrefix, secret: string): string | null {
  return secret.startsWith(`${prefix}_`) && WHOLE.test(secret) ? sha256Hex(secret) : null;
}
