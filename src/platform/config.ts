import { isThisMachine } from './address-class.ts';
import { approverSecrets, readApprovers, type ApproverConfig } from './approver-config.ts';
import { ConfigReader } from './config-reader.ts';
import { readOidc, type OidcConfig } from './oidc-config.ts';
import { messageOf } from './errors.ts';
import { readPersons, type PersonConfig } from './person-config.ts';
import { readEvidence, type EvidenceConfig } from './evidence-config.ts';
import { EVIDENCE_S3_SECRETS } from './evidence-s3-config.ts';
import { readRetention, type RetentionTerms } from './retention-config.ts';
import { readRunbooks, type RunbookConfig } from './runbook-config.ts';
import { readTimeStamps, type TimeStampConfig } from './time-stamp-config.ts';
import { NOTIFICATION_SECRETS, readNotifications, type NotificationConfig } from './notification-config.ts';

/** Everything that the environment decides, read once at start. Durations are in ms and say so in their names. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** The origin under which people reach the server, for links and for single sign-on; null: what each request says. */
  readonly publicUrl: string | null;
  /** Proxies in front, as addresses and networks: what they say of where a request came from is believed. */
  readonly trustedProxies: readonly string[];
  readonly dataDir: string;
  /** PostgreSQL database that holds the journal, with its password; null: the journal is one SQLite file in `dataDir`. */
  readonly databaseUrl: string | null;
  /** Whether records hold personal texts under the keys of their persons, and where these lie. */
  readonly persons: PersonConfig;
  /** File with the key that signs the log; processes that share a journal share it too. Null: in `dataDir`. */
  readonly logKeyFile: string | null;
  readonly logLevel: LogLevel;
  /** MaxMind database file; null: only events that bring their own place have one. */
  readonly geoDatabase: string | null;
  /** File with shared egress addresses (VPN, NAT); null: none known. */
  readonly egressList: string | null;
  /** File with the organisation's assets; null: the inventory is what was put by the API. */
  readonly inventoryFile: string | null;
  /** Hosts that are reached over SSH: their file, and the key of those that name none; null: there are none. */
  readonly ssh: { readonly hostsFile: string; readonly key: string | null; readonly passphrase: string | null } | null;
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
  /** Whether a change that takes a safeguard away needs a second person before it is in force. */
  readonly policyChangesByTwo: boolean;
  readonly notifications: NotificationConfig;
  /** Services outside that approval gates may name; empty: none. */
  readonly externalApprovers: readonly ApproverConfig[];
  readonly geoLocationApiKey: string | null;
  /** The identity provider with which people sign in; null: none. */
  readonly oidc: OidcConfig | null;
  readonly evidence: EvidenceConfig;
  /** What `firebreak archive` takes out of the journal, and when. */
  readonly retention: RetentionTerms;
  readonly runbooks: RunbookConfig;
  /** The witness that cosigns the log's checkpoints: its address and its public key line; null: none. */
  readonly witness: { readonly url: string; readonly key: string } | null;
  /** The authority that stamps the log and evidence bundles; null: none. */
  readonly timeStamps: TimeStampConfig | null;
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
  ['GEO_LOCATION_API_KEY', 'no address is looked up online; use GEO_DATABASE'],
]);

/** Largest delay a timer can have: 2^31 - 1 ms, what setTimeout takes. */
const MAX_DELAY_MS = 2_147_483_647;
const SECRETS = [
  'DATABASE_URL',
  'GEO_LOCATION_API_KEY',
  'OIDC_CLIENT_SECRET',
  'PERSON_KEYS_URL',
  'SSH_KEY',
  'SSH_KEY_PASSPHRASE',
  'TIMESTAMP_CA',
  ...EVIDENCE_S3_SECRETS,
  ...NOTIFICATION_SECRETS,
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
  const read = new ConfigReader(values, faults);
  const config: Config = {
    host: read.text('HOST', '127.0.0.1', /^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address'),
    port: read.integer('PORT', 3_000, 0, 65_535),
    publicUrl: read.origin('PUBLIC_URL'),
    trustedProxies: read.networks('TRUSTED_PROXIES'),
    dataDir: read.path('DATA_DIR') ?? './data',
    databaseUrl: read.database('DATABASE_URL'),
    persons: readPersons(read),
    logKeyFile: read.path('LOG_KEY_FILE'),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    geoDatabase: read.path('GEO_DATABASE'),
    egressList: read.path('EGRESS_LIST'),
    inventoryFile: read.path('INVENTORY_FILE'),
    ssh: readSsh(read),
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
    policyChangesByTwo: read.oneOf('POLICY_CHANGES_BY_TWO', ['off', 'on']) === 'on',
    notifications: readNotifications(read),
    externalApprovers: readApprovers(read),
    oidc: readOidc(read),
    evidence: readEvidence(read),
    retention: readRetention(read),
    runbooks: readRunbooks(read),
    geoLocationApiKey: read.optional('GEO_LOCATION_API_KEY', /^\S{1,512}$/, 'one word'),
    witness: read.witness('WITNESS_URL', 'WITNESS_KEY'),
    timeStamps: readTimeStamps(read),
  };
  if (faults.length > 0) throw new ConfigError(faults);
  warnAbout(values, config, warnings);
  return { config, warnings };
}

/** A key or a passphrase without hosts opens nothing: whoever set it meant something else. */
function readSsh(read: ConfigReader): Config['ssh'] {
  const hostsFile = read.path('SSH_HOSTS_FILE');
  const key = read.optional('SSH_KEY', /^-----BEGIN [A-Z ]+-----\s/, 'a private key in OpenSSH or PEM form');
  const passphrase = read.optional('SSH_KEY_PASSPHRASE', /^[^\r\n]+$/, 'one line');
  if (hostsFile === null && (key !== null || passphrase !== null))
    read.fault('SSH_KEY and SSH_KEY_PASSPHRASE need SSH_HOSTS_FILE, which says what they open');
  return hostsFile === null ? null : { hostsFile, key, passphrase };
}

/** Where the keys of persons lie, for commands that need nothing else of the environment. @throws ConfigError. */
export function personsOf(env: Environment, readFile: (path: string) => string): PersonConfig {
  const faults: string[] = [];
  const persons = readPersons(new ConfigReader(collectValues(env, readFile, faults, []), faults));
  const own = faults.filter((fault) => fault.startsWith('PERSON'));
  if (own.length > 0) throw new ConfigError(own);
  return persons;
}

/**
 * Where the journal lies, for commands that need nothing else of the environment: the URL of `DATABASE_URL` or
 * `DATABASE_URL_FILE`, or null for the file in the data directory. @throws ConfigError.
 */
export function databaseUrlOf(env: Environment, readFile: (path: string) => string): string | null {
  const faults: string[] = [];
  const values = collectValues(env, readFile, faults, []);
  const url = new ConfigReader(values, faults).database('DATABASE_URL');
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
  for (const name of [...SECRETS, ...approverSecrets(values), ...ALIASES.map(([alias]) => alias)]) {
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
  for (const { name, secret, token } of config.externalApprovers) {
    if (secret === null && token === null)
      warnings.push(`The external approver ${name} has no _SECRET and no _TOKEN: it cannot know that Firebreak asks`);
  }
  if (!isThisMachine(config.host)) {
    warnings.push(`HOST is ${config.host}: the API speaks plain HTTP, so put a TLS proxy in front of it`);
  }
}

const KNOWN_PLAYBOOK_VARIABLES: ReadonlySet<string> = new Set([
  'INCIDENT_PLAYBOOK_MAX_CONCURRENT',
  'CONNECTOR_MAX_CONCURRENT',
  'INCIDENT_PLAYBOOK_TIMEOUT_MS',
  'INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS',
]);
