import { canonicalJson } from '../../platform/canonical-json.ts';
import { hmacSha256 } from '../../platform/hash.ts';
import { sameText } from '../../platform/same-text.ts';

/** What a link in a mail proves: that this person was asked exactly this, until then. */
export interface AnswerClaim {
  readonly approvalId: string;
  readonly userId: string;
  /** Business time after which it proves nothing, ms since 1970. */
  readonly expiresAt: number;
}

/** A claim as it came in, with the proof that it carries. */
export interface AnswerToken extends AnswerClaim {
  readonly proof: string;
}

/** Ids are derived: letters, digits and one underscore; the proof is 32 bytes of base64url. */
const FORM = /^([a-z]{3}_[0-9a-z]{26})\.([a-z]{3}_[0-9a-z]{26})\.(\d{1,16})\.([A-Za-z0-9_-]{43})$/;

/**
 * The token of a claim about a request with this intent hash. Derived: the same request gives the same link each time it is
 * sent, and no record holds it. What was shown is part of the proof, so that a request that changed has no links.
 */
export function answerToken(key: Uint8Array, claim: AnswerClaim, intentHash: string): string {
  const { approvalId, userId, expiresAt } = claim;
  return `${approvalId}.${userId}.${expiresAt}.${proofOf(key, claim, intentHash)}`;
}

/** A token taken apart; null for what is none. Nothing of it is proven yet. */
export function readAnswerToken(text: string): AnswerToken | null {
  const [, approvalId, userId, expiresAt, proof] = FORM.exec(text) ?? [];
  if (approvalId === undefined || userId === undefined || proof === undefined) return null;
  const until = Number(expiresAt);
  return Number.isSafeInteger(until) ? { approvalId, userId, expiresAt: until, proof } : null;
}

/** Whether the token was made with this key for a request with this intent hash. Takes as long for any that is not. */
export function isProven(key: Uint8Array, token: AnswerToken, intentHash: string): boolean {
  return sameText(proofOf(key, token, intentHash), token.proof);
}

function proofOf(key: Uint8Array, { approvalId, userId, expiresAt }: AnswerClaim, intentHash: string): string {
  return hmacSha256(key, canonicalJson(['answer', approvalId, userId, expiresAt, intentHash])).toString('base64url');
}
