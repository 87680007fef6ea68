/** What an identity provider says of somebody, checked: the token's signature, audience, nonce and times are right. */
export interface Claims {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly groups: readonly string[];
}

/** What is kept while somebody is at the provider, to check what comes back. */
export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** An identity provider of OpenID Connect. */
export interface IdentityProvider {
  /** A sign-in that begins: where the browser goes. @throws FirebreakError `overloaded` when it cannot be reached. */
  begin(): Promise<{ readonly url: string; readonly checks: SignInChecks }>;
  /**
   * What it says of whoever came back with `query` in the address.
   * @throws FirebreakError `forbidden` when anything does not fit, `overloaded` when it cannot be reached.
   */
  finish(query: string, checks: SignInChecks): Promise<Claims>;
}
