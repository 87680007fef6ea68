import { isThisMachine } from './address-class.ts';
import type { ConfigReader } from './config-reader.ts';

/** The identity provider with which people sign in. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Parted by blanks. */
  readonly scopes: string;
  readonly groupsClaim: string;
  /** Group to role; whether there is such a role is checked where the roles are known. */
  readonly roleMap: ReadonlyMap<string, string>;
  /** Group of the provider to the name of a group here; empty: people say who is in which. */
  readonly groupMap: ReadonlyMap<string, string>;
}

const NEEDED = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLE_MAP', 'PUBLIC_URL'];
const VARIABLES = [
  ...NEEDED.filter((name) => name !== 'PUBLIC_URL'),
  'OIDC_GROUPS_CLAIM',
  'OIDC_GROUP_MAP',
  'OIDC_SCOPES',
];

/** Reads what belongs to an identity provider: all of it or nothing. */
export function readOidc(read: ConfigReader): OidcConfig | null {
  const [given] = VARIABLES.filter((name) => read.has(name));
  if (given === undefined) return null;
  for (const name of NEEDED) {
    if (!read.has(name)) read.fault(`${name} is missing: ${given} is set, and they belong together`);
  }
  const issuer = read.text('OIDC_ISSUER', '', /^https?:\/\/[^\s?#@]{1,200}$/, 'the issuer of an identity provider');
  if (issuer !== '' && !isPrivateLine(issuer)) {
    read.fault('OIDC_ISSUER must be an https address (http only for 127.0.0.1, [::1] or localhost)');
  }
  return {
    issuer,
    clientId: read.text('OIDC_CLIENT_ID', '', /^[\x21-\x7e]{1,200}$/, 'the id that the identity provider gave us'),
    clientSecret: read.text('OIDC_CLIENT_SECRET', '', /^[\x20-\x7e]{8,512}$/, 'at least 8 visible characters'),
    scopes: read.text(
      'OIDC_SCOPES',
      'openid profile email',
      /^openid( [\x21-\x7e]+)*$/,
      'scopes that begin with openid',
    ),
    groupsClaim: read.text('OIDC_GROUPS_CLAIM', 'groups', /^[\x21-\x7e]{1,200}$/, 'the name of a claim'),
    roleMap: readMap(read, 'OIDC_ROLE_MAP', 'a role for each group: {"soc-admins": "SECURITY_ADMIN"}'),
    groupMap: readMap(read, 'OIDC_GROUP_MAP', 'a group here for each group: {"fraud-team": "Fraud desk"}'),
  };
}

/** Whether nobody on the line can read what is said to this address. */
function isPrivateLine(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isThisMachine(hostname);
}

function readMap(read: ConfigReader, name: string, example: string): ReadonlyMap<string, string> {
  const text = read.optional(name, /^[^]*$/, 'JSON');
  if (text === null) return new Map();
  const entries = entriesOf(text);
  if (entries !== null && entries.length > 0) return new Map(entries);
  read.fault(`${name} must be JSON that names ${example}`);
  return new Map();
}

/** Text to text of a JSON object; null for anything else. */
function entriesOf(text: string): readonly (readonly [string, string])[] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const entries: (readonly [string, string])[] = [];
    for (const [key, member] of Object.entries(value)) {
      if (typeof member !== 'string') return null;
      entries.push([key, member]);
    }
    return entries;
  } catch {
    return null;
  }
}
