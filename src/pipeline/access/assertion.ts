import { z } from 'zod';

/** Longest credential id, in characters of base64url: WebAuthn Level 3, section 4, allows 1,023 bytes. */
export const MAX_CREDENTIAL_ID = 1_364;
/** Longest public key, in characters of base64url: a COSE key of RSA 4,096 takes about 540 bytes. */
export const MAX_PUBLIC_KEY = 4_096;
/** Longest client or authenticator data, in characters of base64url: browsers send some 250 and 37 bytes, more with extensions. */
const MAX_SIGNED = 8_192;
/** Longest signature, in characters of base64url: RSA 4,096 has 512 bytes. */
const MAX_SIGNATURE = 2_048;
/** Longest nonce, in characters; ours have about 80. */
const MAX_NONCE = 200;

const base64url = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not base64url');

/** What a browser hands over when a passkey has signed, with the nonce that it was asked with. */
export const SIGNED_ANSWER = z.strictObject({
  credentialId: base64url(MAX_CREDENTIAL_ID),
  authenticatorData: base64url(MAX_SIGNED),
  clientDataJSON: base64url(MAX_SIGNED),
  signature: base64url(MAX_SIGNATURE),
  nonce: z.string().min(1).max(MAX_NONCE),
});
export type SignedAnswer = Readonly<z.infer<typeof SIGNED_ANSWER>>;

/**
 * The same with all that somebody needs who checks it years later, offline: the key that signed, and where. As records hold it;
 * everything binary is base64url.
 */
export const ASSERTION = SIGNED_ANSWER.extend({
  /** COSE, as it was registered. */
  publicKey: base64url(MAX_PUBLIC_KEY),
  /** How often the authenticator says that it has signed; 0: it does not count. */
  signCount: z.int().min(0),
  rpId: z.string().min(1),
  origin: z.string().min(1),
});
export type Assertion = Readonly<z.infer<typeof ASSERTION>>;
