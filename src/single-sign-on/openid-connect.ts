import type { Configuration } from 'openid-client';
import { z } from 'zod';
import type { Claims, IdentityProvider, SignInChecks } from '../pipeline/access/identity-provider.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';

/** How long the provider may take for one answer, in seconds: somebody waits at a browser. */
const TIMEOUT_SECONDS = 10;
/** Loaded when somebody first signs in: it would be a part of every start, also of those without a provider. */
const library = () => import('openid-client');
/** Groups of one person that are looked at; large directories list hundreds. */
const MAX_GROUPS = 1_000;

export interface OpenIdConnectOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: string;
  /** The claim that lists groups. */
  readonly groupsClaim: string;
  /** Where the provider sends people back to. */
  readonly redirectUri: string;
  /** Why a sign-in failed, for operators: people are not told. */
  readonly onRefused: (why: string) => void;
}

/**
 * An identity provider by its discovery document (OpenID Connect Discovery 1.0), with the authorization code flow, PKCE,
 * state and nonce. The document is fetched when somebody first signs in, so that a provider that is away stops nobody else.
 */
export function openIdConnect(options: OpenIdConnectOptions): IdentityProvider {
  const { redirectUri, scopes, onRefused } = options;
  let known: Promise<Configuration> | null = null;

  async function configuration(): Promise<Configuration> {
    // A failure is not kept: the next one tries again.
    known ??= discovered(options).catch((thrown: unknown) => {
      known = null;
      throw thrown;
    });
    try {
      return await known;
    } catch (thrown) {
      onRefused(messageOf(thrown));
      throw new FirebreakError('overloaded', 'The identity provider cannot be reached: try again, or use a password');
    }
  }

  return {
    async begin() {
      const config = await configuration();
      const { buildAuthorizationUrl, calculatePKCECodeChallenge, randomNonce, randomPKCECodeVerifier, randomState } =
        await library();
      const checks = { state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier() };
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes,
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await calculatePKCECodeChallenge(checks.codeVerifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, checks };
    },
    async finish(query, checks) {
      const config = await configuration();
      try {
        return await claimsOf(config, new URL(`${redirectUri}${query}`), checks, options);
      } catch (thrown) {
        onRefused(messageOf(thrown));
        if (isAway(thrown)) throw new FirebreakError('overloaded', 'The identity provider did not answer: try again');
        throw new FirebreakError('forbidden', 'What the identity provider answered does not fit: sign in again');
      }
    },
  };
}

async function discovered({ issuer, clientId, clientSecret }: OpenIdConnectOptions): Promise<Configuration> {
  const { allowInsecureRequests, ClientSecretPost, discovery } = await library();
  const server = new URL(issuer);
  // Configuration allows plain HTTP for this machine only.
  const execute = server.protocol === 'http:' ? [allowInsecureRequests] : [];
  const options = { execute, timeout: TIMEOUT_SECONDS };
  return discovery(server, clientId, undefined, ClientSecretPost(clientSecret), options);
}

const PROFILE = z.looseObject({
  email: z.string().max(254).optional().catch(undefined),
  // Some providers write it as text.
  email_verified: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .optional()
    .catch(undefined),
  name: z.string().optional().catch(undefined),
});

async function claimsOf(
  config: Configuration,
  url: URL,
  { state, nonce, codeVerifier }: SignInChecks,
  { groupsClaim }: OpenIdConnectOptions,
): Promise<Claims> {
  const { authorizationCodeGrant, fetchUserInfo } = await library();
  const tokens = await authorizationCodeGrant(config, url, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: codeVerifier,
    idTokenExpected: true,
  });
  const token = tokens.claims();
  if (token === undefined) throw new Error('there is no ID token');
  const { userinfo_endpoint: userInfo } = config.serverMetadata();
  const isWhole = token['email'] !== undefined && token[groupsClaim] !== undefined;
  const more = isWhole || userInfo === undefined ? {} : await fetchUserInfo(config, tokens.access_token, token.sub);
  const all: Readonly<Record<string, unknown>> = { ...more, ...token };
  const { email, email_verified: emailVerified = false, name } = PROFILE.parse(all);
  return {
    issuer: token.iss,
    subject: token.sub,
    email: email ?? null,
    emailVerified,
    name: name ?? null,
    groups: groupsIn(all[groupsClaim]),
  };
}

/** A list of names, or one name; anything else is no group. */
function groupsIn(claim: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return list.slice(0, MAX_GROUPS).filter((group) => typeof group === 'string');
}

function isAway(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
  return thrown instanceof TypeError || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT';
}
