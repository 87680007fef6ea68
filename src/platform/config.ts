import { messageOf } from './errors.ts';

/** Everything that the environment decides, read once at start. Durations are in ms and say so in their names. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** The origin under which people reach the server, for links and for single sign-on; null: what each request says. */
  readonly publicUrl: string | null;
  readonly dataDir: string;
  /** PostgreSQL database that holds the journal, with its password; null: the journal is one SQLite file in `dataDir`. */
  readonly databaseUrl: string | null;
  /** File with the key that signs the log; processes that share a journal share it too. Null: in `dataDir`. */
  readonly logKeyFile: string | null;
  readonly logLevel: LogLevel;
  /** MaxMind database file; null: only events that bring their own place have one. */
  readonly geoDatabase: string | null;
  /** File with shared egress addresses (VPN, NAT); null: none known. */
  readonly egressList: string | null;
  /** `host:port` pairs that webhooks may reach although they are private; empty: public receivers only. */
  readonly webhookAllow: readonly string[];
  readonly playbooks: {
    /** Executions with an effect in flight; the others queue. */
    readonly maxConcurrent: number;
    /** Calls of one connector at the same time. */
    readonly maxCallsPerConnector: number;
    /** Running time of one execution; waiting for people does not count. */
    readonly timeoutMs: number;
    /** First pause before an action is tried again. */
    readonly retryBackoffMs: number;
  };
  readonly approvals: { readonly timeoutMs: number; readonly escalationCheckIntervalMs: number };
  readonly notifications: {
    readonly emailFrom: string | null;
    readonly smtpHost: string | null;
    readonly slackWebhook: string | null;
    readonly teamsWebhook: string | null;
  };
  readonly geoLocationApiKey: string | null;
  /** The identity provider with which people sign in; null: none. */
  readonly oidc: OidcConfig | null;
  /** The witness that cosigns the log's checkpoints: its address and its public key line; null: none. */
  readonly witness: { readonly url: string; readonly key: string } | null;
}

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Parted by blanks. */
  readonly scopes: string;
  readonly groupsClaim: string;
  /** Group to role; whether there is such a role is checked where the roles are known. */
  readonly roleMap: ReadonlyMap<string, string>;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The environment cannot be used; `faults` has every reason, each with its variable. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The environment cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Variables that are read and checked but that nothing acts on yet, and what therefore does not happen. */
export const NOT_ENFORCED_YET: ReadonlyMap<string, string> = new Map([
  ['NOTIFICATION_EMAIL_FROM', 'no mail is sent'],
  ['SMTP_HOST', 'no mail is sent'],
  ['NOTIFICATION_SLACK_WEBHOOK', 'nothing is sent to Slack'],
  ['NOTIFICATION_TEAMS_WEBHOOK', 'nothing is sent to Teams'],
  ['GEO_LOCATION_API_KEY', 'no address is looked up online; use GEO_DATABASE'],
]);

/** Largest delay a timer can have: 2^31 - 1 ms, what setTimeout takes. */
const MAX_DELAY_MS = 2_147_483_647;
/** Longest value of any variable, in UTF-16 units. */
const MAX_VALUE_LENGTH = 4_096;
const SECRETS = [
  'DATABASE_URL',
  'GEO_LOCATION_API_KEY',
  'NOTIFICATION_SLACK_WEBHOOK',
  'NOTIFICATION_TEAMS_WEBHOOK',
  'OIDC_CLIENT_SECRET',
];
const ALIASES = [
  ['SLACK_WEBHOOK', 'NOTIFICATION_SLACK_WEBHOOK'],
  ['TEAMS_WEBHOOK', 'NOTIFICATION_TEAMS_WEBHOOK'],
] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the whole environment. An empty variable is an absent one (that is how Compose passes unset ones). A secret
 * may come as `NAME_FILE`, the path of a file that holds it. `warnings` are sentences to print at start.
 *
 * @throws ConfigError with all faults at once.
 */
export function readConfig(
  env: Environment,
  readFile: (path: string) => string,
): { readonly config: Config; readonly warnings: readonly string[] } {
  const faults: string[] = [];
  const warnings: string[] = [];
  const values = collectValues(env, readFile, faults, warnings);
  const read = new Reader(values, faults);
  const config: Config = {
    host: read.text('HOST', '127.0.0.1', /^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address'),
    port: read.integer('PORT', 3_000, 0, 65_535),
    publicUrl: read.origin('PUBLIC_URL'),
    dataDir: read.path('DATA_DIR') ?? './data',
    databaseUrl: read.database('DATABASE_URL'),
    logKeyFile: read.path('LOG_KEY_FILE'),
    logLevel: read.logLevel('LOG_LEVEL', 'info'),
    geoDatabase: read.path('GEO_DATABASE'),
    egressList: read.path('EGRESS_LIST'),
    webhookAllow: read.list('WEBHOOK_ALLOW', /^[A-Za-z0-9._:[\]-]{1,253}$/, 'host:port pairs, parted by commas'),
    playbooks: {
      maxConcurrent: read.integer('INCIDENT_PLAYBOOK_MAX_CONCURRENT', 128, 1, 10_000),
      maxCallsPerConnector: read.integer('CONNECTOR_MAX_CONCURRENT', 64, 1, 10_000),
      timeoutMs: read.integer('INCIDENT_PLAYBOOK_TIMEOUT_MS', 300_000, 1_000, MAX_DELAY_MS),
      retryBackoffMs: read.integer('INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS', 1_000, 1, 3_600_000),
    },
    approvals: {
      timeoutMs: read.integer('APPROVAL_TIMEOUT_MS', 3_600_000, 1_000, MAX_DELAY_MS),
      escalationCheckIntervalMs: read.integer('ESCALATION_CHECK_INTERVAL_MS', 300_000, 1_000, MAX_DELAY_MS),
    },
    notifications: {
      emailFrom: read.optional('NOTIFICATION_EMAIL_FROM', /^[^\s@]+@[^\s@]+$/, 'an email address'),
      smtpHost: read.optional('SMTP_HOST', /^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address'),
      slackWebhook: read.webhook('NOTIFICATION_SLACK_WEBHOOK'),
      teamsWebhook: read.webhook('NOTIFICATION_TEAMS_WEBHOOK'),
    },
    oidc: read.oidc(),
    geoLocationApiKey: read.optional('GEO_LOCATION_API_KEY', /^\S{1,512}$/, 'one word'),
    witness: read.witness('WITNESS_URL', 'WITNESS_KEY'),
  };
  if (faults.length > 0) throw new ConfigError(faults);
  warnAbout(values, config, warnings);
  return { config, warnings };
}

const OIDC_NEEDED = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLE_MAP', 'PUBLIC_URL'];
const OIDC_VARIABLES = [...OIDC_NEEDED.filter((name) => name !== 'PUBLIC_URL'), 'OIDC_GROUPS_CLAIM', 'OIDC_SCOPES'];

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

/** Whether nobody on the line can read what is said to this address. */
function isPrivateAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || LOOPBACK.has(hostname.replace(/^\[|\]$/g, ''));
}

function originOf({ href, protocol, origin, pathname, search, hash, username }: URL): string | null {
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '') return null;
  return /^https?:$/.test(protocol) && isPrivateAddress(href) ? origin : null;
}

const DATABASE_URL_FORM = 'postgres://user:password@host:port/database, with special characters percent-encoded';

function isDatabaseUrl(text: string): boolean {
  if (text.length > MAX_VALUE_LENGTH || !URL.canParse(text)) return false;
  const { protocol, pathname } = new URL(text);
  return (protocol === 'postgres:' || protocol === 'postgresql:') && pathname.length > 1;
}

/**
 * Where the journal lies, for commands that need nothing else of the environment: the URL of `DATABASE_URL` or
 * `DATABASE_URL_FILE`, or null for the file in the data directory. @throws ConfigError.
 */
export function databaseUrlOf(env: Environment, readFile: (path: string) => string): string | null {
  const faults: string[] = [];
  const values = collectValues(env, readFile, faults, []);
  const url = new Reader(values, faults).database('DATABASE_URL');
  const own = faults.filter((fault) => fault.startsWith('DATABASE_URL'));
  if (own.length > 0) throw new ConfigError(own);
  return url;
}

/** Trims, drops empty values, reads `_FILE` secrets, folds aliases into the name they stand for. */
function collectValues(
  env: Environment,
  readFile: (path: string) => string,
  faults: string[],
  warnings: string[],
): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const text = value?.trim() ?? '';
    if (text !== '') values.set(name, text);
  }
  for (const name of [...SECRETS, ...ALIASES.map(([alias]) => alias)]) {
    const path = values.get(`${name}_FILE`);
    if (path === undefined) continue;
    if (values.has(name)) faults.push(`${name} and ${name}_FILE are both set: keep one`);
    else readSecret(name, path, readFile, values, faults);
  }
  for (const [alias, name] of ALIASES) {
    const value = values.get(alias);
    if (value === undefined) continue;
    const present = values.get(name);
    if (present !== undefined && present !== value) faults.push(`${alias} and ${name} differ: keep ${name}`);
    values.set(name, present ?? value);
    values.delete(alias);
  }
  if (values.has('MONGODB_URI')) {
    warnings.push(
      'MONGODB_URI is ignored: Firebreak keeps its journal in SQLite (DATA_DIR) or PostgreSQL, not MongoDB',
    );
  }
  return values;
}

function readSecret(
  name: string,
  path: string,
  readFile: (path: string) => string,
  values: Map<string, string>,
  faults: string[],
): void {
  try {
    const text = readFile(path).trim();
    if (text === '') faults.push(`${name}_FILE: the file is empty`);
    else values.set(name, text);
  } catch (thrown) {
    faults.push(`${name}_FILE cannot be read: ${messageOf(thrown)}`);
  }
}

function warnAbout(values: ReadonlyMap<string, string>, config: Config, warnings: string[]): void {
  for (const [name, consequence] of NOT_ENFORCED_YET) {
    if (values.has(name)) warnings.push(`${name} is set, but nothing in this version acts on it: ${consequence}`);
  }
  for (const name of [...values.keys()].sort()) {
    if (name.startsWith('INCIDENT_PLAYBOOK_') && !KNOWN_PLAYBOOK_VARIABLES.has(name)) {
      warnings.push(`${name} is not a variable that Firebreak knows: is it misspelt?`);
    }
  }
  if (!LOOPBACK.has(config.host)) {
    warnings.push(`HOST is ${config.host}: the API speaks plain HTTP, so put a TLS proxy in front of it`);
  }
}

const KNOWN_PLAYBOOK_VARIABLES: ReadonlySet<string> = new Set([
  'INCIDENT_PLAYBOOK_MAX_CONCURRENT',
  'CONNECTOR_MAX_CONCURRENT',
  'INCIDENT_PLAYBOOK_TIMEOUT_MS',
  'INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS',
]);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** Reads single values and notes what is wrong instead of throwing. Never repeats a value: it may be a secret. */
class Reader {
  readonly #values: ReadonlyMap<string, string>;
  readonly #faults: string[];
  constructor(values: ReadonlyMap<string, string>, faults: string[]) {
    this.#values = values;
    this.#faults = faults;
  }

  integer(name: string, fallback: number, minimum: number, maximum: number): number {
    const text = this.#values.get(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    this.#faults.push(`${name} must be a whole number from ${minimum} to ${maximum}`);
    return fallback;
  }

  logLevel(name: string, fallback: LogLevel): LogLevel {
    const text = this.#values.get(name)?.toLowerCase();
    if (text === undefined) return fallback;
    const level = LOG_LEVELS.find((known) => known === text);
    if (level === undefined) this.#faults.push(`${name} must be one of ${LOG_LEVELS.join(', ')}`);
    return level ?? fallback;
  }

  text(name: string, fallback: string, pattern: RegExp, what: string): string {
    return this.optional(name, pattern, what) ?? fallback;
  }

  optional(name: string, pattern: RegExp, what: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined) return null;
    if (text.length <= MAX_VALUE_LENGTH && pattern.test(text)) return text;
    this.#faults.push(`${name} must be ${what}`);
    return null;
  }

  /** Items parted by commas; an absent variable is an empty list. */
  list(name: string, pattern: RegExp, what: string): readonly string[] {
    const items = (this.#values.get(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (items.every((item) => pattern.test(item))) return items;
    this.#faults.push(`${name} must be ${what}`);
    return [];
  }

  path(name: string): string | null {
    return this.optional(name, /^[^\0]+$/, 'a path');
  }

  /** Both or none: what nobody can check is not published, and a key alone publishes nothing. */
  witness(urlName: string, keyName: string): { url: string; key: string } | null {
    const url = this.optional(urlName, /^https?:\/\/[^\s@]{1,2000}$/, 'an http or https address');
    const key = this.optional(keyName, /^[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}$/, 'the key of a witness');
    if (url !== null && !URL.canParse(url)) this.#faults.push(`${urlName} must be an http or https address`);
    else if (url !== null && key !== null) return { url, key };
    if (this.#values.has(urlName) !== this.#values.has(keyName)) {
      this.#faults.push(`${urlName} and ${keyName} belong together: set both or none`);
    }
    return null;
  }

  /** All that an identity provider needs, or nothing of it. */
  oidc(): OidcConfig | null {
    const given = OIDC_VARIABLES.filter((name) => this.#values.has(name));
    if (given.length === 0) return null;
    for (const name of OIDC_NEEDED) {
      if (!this.#values.has(name))
        this.#faults.push(`${name} is missing: ${given[0]} is set, and they belong together`);
    }
    const issuer = this.optional('OIDC_ISSUER', /^https?:\/\/[^\s?#@]{1,200}$/, 'the issuer of an identity provider');
    if (issuer !== null && !isPrivateAddress(issuer)) {
      this.#faults.push('OIDC_ISSUER must be an https address (http only for 127.0.0.1, [::1] or localhost)');
    }
    return {
      issuer: issuer ?? '',
      clientId: this.text('OIDC_CLIENT_ID', '', /^[\x21-\x7e]{1,200}$/, 'the id that the identity provider gave us'),
      clientSecret: this.text('OIDC_CLIENT_SECRET', '', /^[\x20-\x7e]{8,512}$/, 'at least 8 visible characters'),
      scopes: this.text(
        'OIDC_SCOPES',
        'openid profile email',
        /^openid( [\x21-\x7e]+)*$/,
        'scopes that begin with openid',
      ),
      groupsClaim: this.text('OIDC_GROUPS_CLAIM', 'groups', /^[\x21-\x7e]{1,200}$/, 'the name of a claim'),
      roleMap: this.#roleMap('OIDC_ROLE_MAP'),
    };
  }

  #roleMap(name: string): ReadonlyMap<string, string> {
    const text = this.#values.get(name);
    if (text === undefined) return new Map();
    const entries = entriesOf(text);
    if (entries !== null && entries.length > 0) return new Map(entries);
    this.#faults.push(`${name} must be JSON that names a role for each group: {"soc-admins": "SECURITY_ADMIN"}`);
    return new Map();
  }

  /** An origin: TLS, or plain HTTP where the line does not leave this machine. */
  origin(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined) return null;
    const origin = text.length <= MAX_VALUE_LENGTH && URL.canParse(text) ? originOf(new URL(text)) : null;
    if (origin === null) {
      this.#faults.push(
        `${name} must be an https address without a path (http only for 127.0.0.1, [::1] or localhost)`,
      );
    }
    return origin;
  }

  database(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined || isDatabaseUrl(text)) return text ?? null;
    this.#faults.push(`${name} must be ${DATABASE_URL_FORM}`);
    return null;
  }

  webhook(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined) return null;
    if (text.length <= MAX_VALUE_LENGTH && URL.canParse(text) && new URL(text).protocol === 'https:') return text;
    this.#faults.push(`${name} must be an https address`);
    return null;
  }
}
