import { bytesOfBase64Url } from '../../platform/base64url.ts';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { sha256, sha256Base64Url } from '../../platform/hash.ts';
import type { Assertion } from '../access/assertion.ts';
import { nonceExpiry } from '../access/nonce-text.ts';

/** What a passkey signs when somebody votes: this vote and no other. */
export interface VoteClaim {
  readonly approvalId: string;
  readonly intentHash: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly userId: string;
  readonly nonce: string;
}

/** What the browser has the authenticator sign, base64url: whoever changes one member of the vote needs another signature. */
export function voteChallenge({ approvalId, intentHash, decision, userId, nonce }: VoteClaim): string {
  return sha256Base64Url(canonicalJson({ what: 'firebreak vote', approvalId, intentHash, decision, userId, nonce }));
}

/** What the browser had signed, as far as it is looked at. */
type ClientData = Readonly<Record<'type' | 'challenge' | 'origin', string>>;

/** Where the flags of authenticator data stand, and two of them (WebAuthn Level 3, section 6.1). */
const FLAGS_AT = 32;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
/** Bytes of authenticator data without extensions: hash of the rpId, flags, counter. */
const LEAST_BYTES = 37;

/**
 * Why an assertion does not prove this vote, in words, or null. It looks at everything that was signed and not at the signature,
 * which needs a key: whoever takes votes in checks it first, and `firebreak audit verify` again. Never throws.
 */
export function whyNotBound(assertion: Assertion, claim: Omit<VoteClaim, 'nonce'>): string | null {
  const client = clientDataOf(assertion);
  if (client === null) return 'what the browser signed cannot be read';
  if (client.type !== 'webauthn.get') return 'it was made for something else than an answer';
  if (client.challenge !== voteChallenge({ ...claim, nonce: assertion.nonce })) return 'it was made for another answer';
  if (client.origin !== assertion.origin) return 'it was made on another site';
  const signed = bytesOfBase64Url(assertion.authenticatorData);
  if (signed === null || signed.length < LEAST_BYTES) return 'what the authenticator signed is too short';
  const site = sha256(assertion.rpId);
  if (!signed.subarray(0, FLAGS_AT).every((byte, index) => byte === site[index])) return 'it was made for another site';
  const flags = signed[FLAGS_AT] ?? 0;
  if ((flags & USER_PRESENT) === 0 || (flags & USER_VERIFIED) === 0)
    return 'nobody proved to the authenticator who they are';
  return null;
}

/** Whether the nonce of an assertion is over at `at`, business time in ms. What has no time in it is over. */
export function isNonceOver({ nonce }: Pick<Assertion, 'nonce'>, at: number): boolean {
  const until = nonceExpiry(nonce);
  return until === null || at >= until;
}

function clientDataOf({ clientDataJSON }: Assertion): ClientData | null {
  try {
    const bytes = bytesOfBase64Url(clientDataJSON);
    if (bytes === null) return null;
    const read: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return isClientData(read) ? read : null;
  } catch {
    return null;
  }
}

function isClientData(value: unknown): value is ClientData {
  if (typeof value !== 'object' || value === null) return false;
  const own = new Map(Object.entries(value));
  return ['type', 'challenge', 'origin'].every((name) => typeof own.get(name) === 'string');
}
