import { isIP } from 'node:net';

/** Where passkeys are registered and used: a passkey of one site says nothing on another. */
export interface RelyingParty {
  /** The host name, which authenticators bind a passkey to. */
  readonly rpId: string;
  /** What browsers write into everything they have signed. */
  readonly origin: string;
}

/**
 * The site that people use, as passkeys know it; null where there can be none: without `PUBLIC_URL`, or with an address of numbers
 * in it, which browsers make no passkeys for.
 */
export function relyingPartyOf(publicUrl: string | null): RelyingParty | null {
  if (publicUrl === null) return null;
  const { hostname, origin } = new URL(publicUrl);
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { rpId: hostname, origin } : null;
}

/** Why there are no passkeys here, and what to do about it. */
export const NO_RELYING_PARTY =
  'Passkeys need PUBLIC_URL to be set to the https address with the host name that people use (an address of numbers has none)';
