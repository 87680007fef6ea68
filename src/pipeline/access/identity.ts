import { z } from 'zod';
import { sha256Hex } from '../../platform/hash.ts';
import { canonicalAccount } from './identities.ts';

/** Longest subject that an identity provider may give: OpenID Connect Core 1.0, section 2, allows 255 ASCII characters. */
export const MAX_OIDC_SUBJECT = 255;

/** An account of an identity provider that signed in here, as records hold it. */
export const IDENTITY = z.strictObject({
  id: z.string(),
  issuer: z.string(),
  /** Exactly as the provider writes it; linked accounts are kept without regard to case. */
  subject: z.string(),
  /** As it stands among the linked accounts of the user: `oidc:<issuer>|<subject>`, canonical. */
  account: z.string(),
  userId: z.string(),
  /** Whether the first sign-in made the user: then the roles follow the provider's groups. */
  created: z.boolean(),
  linkedAt: z.int(),
});
export type Identity = Readonly<z.infer<typeof IDENTITY>>;

/** How an account of an identity provider stands among the linked accounts of a user. */
export function oidcAccount(issuer: string, subject: string): string {
  return canonicalAccount(`oidc:${issuer}|${subject}`);
}

/** One row for each linked account: accounts that differ only in case are one there, and the second is refused. */
export function identityId(account: string): string {
  return sha256Hex(account);
}
