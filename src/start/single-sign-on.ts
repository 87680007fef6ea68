import type { IdentityProvider } from '../pipeline/access/identity-provider.ts';
import { ROLES, type Role } from '../pipeline/vocabulary.ts';
import { ConfigError, type Config } from '../platform/config.ts';
import { hmacSha256 } from '../platform/hash.ts';
import { openIdConnect } from '../single-sign-on/openid-connect.ts';

/** What a start makes of the `OIDC_…` variables. */
export interface ConfiguredProvider {
  readonly provider: IdentityProvider;
  readonly roleOf: ReadonlyMap<string, Role>;
  readonly groupOf: ReadonlyMap<string, string>;
  /** Signs what browsers keep while somebody is at the provider; the same in every process that shares the configuration. */
  readonly flowKey: Uint8Array;
}

/** @throws ConfigError for a role that there is not. */
export function configuredProvider(config: Config, onRefused: (why: string) => void): ConfiguredProvider | null {
  const { oidc, publicUrl } = config;
  if (oidc === null || publicUrl === null) return null;
  const { roleMap, groupMap, ...options } = oidc;
  const redirectUri = `${publicUrl}/sign-in/oidc/callback`;
  return {
    provider: openIdConnect({ ...options, redirectUri, onRefused }),
    roleOf: rolesOf(roleMap),
    groupOf: groupMap,
    flowKey: hmacSha256(oidc.clientSecret, 'firebreak sign-in flow'),
  };
}

function rolesOf(roleMap: ReadonlyMap<string, string>): ReadonlyMap<string, Role> {
  const known = new Map<string, Role>();
  const faults: string[] = [];
  for (const [group, name] of roleMap) {
    const role = ROLES.find((each) => each === name);
    if (role === undefined) faults.push(`OIDC_ROLE_MAP names the role ${name}: use one of ${ROLES.join(', ')}`);
    else known.set(group, role);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return known;
}
