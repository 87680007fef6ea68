import { z } from 'zod';
import { MAX_CREDENTIAL_ID, MAX_PUBLIC_KEY } from './assertion.ts';

/** Passkeys of one person: a telephone, a laptop, two keys on a ring, and what they replace. */
export const MAX_PASSKEYS = 10;
/** How long after signing in a passkey may be registered, in ms: whoever finds an open browser later cannot add their own. */
export const REGISTRATION_WINDOW_MS = 10 * 60_000;

/** A passkey as records hold it. What is secret in it never leaves its authenticator. */
export const PASSKEY = z.strictObject({
  id: z.string(),
  userId: z.string(),
  /** What its owner calls it. */
  name: z.string(),
  /** Base64url; of one passkey only, for ever. */
  credentialId: z.string().max(MAX_CREDENTIAL_ID),
  /** COSE, base64url. */
  publicKey: z.string().max(MAX_PUBLIC_KEY),
  /** The highest count of signatures that was seen; 0: it does not count, as those that are synchronised. */
  signCount: z.int(),
  rpId: z.string(),
  /** How browsers reach it, as they said themselves. */
  transports: z.array(z.string()),
  /** Whether it is kept in several places. */
  backedUp: z.boolean(),
  createdAt: z.int(),
  removedAt: z.int().nullable(),
  removedBy: z.string().nullable(),
});
export type Passkey = Readonly<z.infer<typeof PASSKEY>>;
