import { z } from 'zod';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { sha256, sha256Base64Url } from '../../platform/hash.ts';
import type { Assertion } from '../access/assertion.ts';
import { nonceExpiry } from '../access/sealed-nonce.ts';

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

const CLIENT_DATA = z.looseObject({ type: z.string(), challenge: z.string(), origin: z.string() });

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
  const signed = Buffer.from(assertion.authenticatorData, 'base64url');
  if (signed.length < LEAST_BYTES) return 'what the authenticator signed is too short';
  if (!signed.subarray(0, FLAGS_AT).equals(sha256(assertion.rpId))) return 'it was made for another site';
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

function clientDataOf({ clientDataJSON }: Assertion): z.infer<typeof CLIENT_DATA> | null {
  try {
    const read = CLIENT_DATA.safeParse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8')));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
