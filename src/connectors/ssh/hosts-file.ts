import ssh2, { type ParsedKey } from 'ssh2';
import { z } from 'zod';
import { messageOf } from '../../platform/errors.ts';
import { yaml } from '../../platform/yaml.ts';
import { fingerprintOf, type HostKeyPin } from './host-key.ts';
import { overlap, prefixOf, type Prefix } from './prefixes.ts';

/** The hosts that Firebreak reaches over SSH, as people write them down: `docs/hosts-over-ssh.md` has every member. */

/** Longest hosts file, in UTF-16 units: 2,000 hosts of 500 characters. */
const MAX_FILE_LENGTH = 1_000_000;
const MAX_HOSTS = 2_000;
/** Parallel sessions of one host: sshd's own default of `MaxSessions` is 10, and people need some too. */
const MAX_SESSIONS = 8;
/** Faults that are listed; a file of hostile size must not fill a terminal. */
const MAX_FAULTS = 50;
/** Most bytes that may be streamed out of one file or device, in GiB: the largest artefact that evidence takes is of 100 GB. */
const MAX_GB = 100;

const id = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}@]*$/u, 'must not hold "@" or control characters')
  .transform((text) => text.normalize('NFC').toLowerCase());
/** As `useradd` takes names, so that none begins like an option and none needs quoting. */
export const ACCOUNT = /^[a-z_][a-z0-9_.-]{0,31}\$?$/;
const account = z.string().regex(ACCOUNT, 'must be the name of a local account, for example "deploy"');
const prefix = z.string().transform((text, context): Prefix => {
  const found = prefixOf(text);
  if (found !== null) return found;
  context.addIssue('must be an address or a network like 10.0.0.0/24, without bits behind its length');
  return z.NEVER;
});
/** Absolute, and exactly the name that the kernel knows it by as far as that can be seen from here. */
export const PLAIN_PATH = /^(\/(?!\.{1,2}(\/|$))[^/\p{Cc}]+)+$/u;
const path = z.string().max(4_096).regex(PLAIN_PATH, 'must be an absolute path without ".", ".." and empty parts');
const pin = z.string().transform((text, context): HostKeyPin => {
  const found = pinOf(text.trim());
  if (found !== null) return found;
  context.addIssue('must be "SHA256:..." as ssh-keygen -l prints it, or a public key like "ssh-ed25519 AAAA..."');
  return z.NEVER;
});

const image = z.strictObject({
  name: id,
  kind: z.enum(['disk', 'memory']),
  path,
  max_gb: z.int().min(1).max(MAX_GB).default(MAX_GB),
});

const segment = z.strictObject({ id, prefixes: z.array(prefix).min(1).max(256) });

const host = z.strictObject({
  id,
  address: z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be a host name or an address'),
  port: z.int().min(1).max(65_535).default(22),
  user: account,
  key_file: z.string().regex(/^\//, 'must be an absolute path').optional(),
  host_keys: z.array(pin).min(1).max(16),
  management: z.array(prefix).min(1).max(64),
  privilege: z.enum(['root', 'sudo']),
  max_sessions: z.int().min(1).max(MAX_SESSIONS).default(4),
  nftables: z.boolean().default(false),
  local_accounts: z.boolean().default(false),
  protected_accounts: z.array(account).max(256).default([]),
  artifacts: z
    .strictObject({ roots: z.array(path).min(1).max(64), max_gb: z.int().min(1).max(MAX_GB).default(10) })
    .optional(),
  images: z.array(image).max(16).default([]),
  segments: z.array(segment).max(256).default([]),
});

const fileShape = z.strictObject({ hosts: z.array(host).min(1).max(MAX_HOSTS) });

export type HostSegment = z.output<typeof segment>;

/** One host, with the private key that opens it. Never recorded, never shown. */
export type SshHost = z.output<typeof host> & { readonly key: ParsedKey };

export interface KeySources {
  readFile(path: string): string;
  /** The key of hosts that name none, and the passphrase of all; null: there is none. */
  readonly key: string | null;
  readonly passphrase: string | null;
}

/**
 * The hosts of a file in YAML or JSON, with their keys read, or every fault with where it stands and the fix.
 * Refused beside wrong values: anchors and aliases, an id or a segment twice, segments of one host that overlap, a host
 * that routes segments or wants isolation without nftables, and keys that cannot be used.
 */
export function parseHosts(
  text: string,
  sources: KeySources,
): { readonly hosts: readonly SshHost[] } | { readonly faults: readonly string[] } {
  if (text.length > MAX_FILE_LENGTH) return { faults: [`the file is longer than ${MAX_FILE_LENGTH} characters`] };
  let document: unknown;
  try {
    document = yaml().parse(text, { maxAliasCount: 0, uniqueKeys: true, merge: false });
  } catch (thrown) {
    return { faults: [`it is not YAML or JSON: ${messageOf(thrown).split('\n')[0]}`] };
  }
  const parsed = fileShape.safeParse(document);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `/${issue.path.map(String).join('/')}: ${issue.message}`);
    return { faults: faults.slice(0, MAX_FAULTS) };
  }
  const { hosts } = parsed.data;
  const faults = [...repeatedIds(hosts), ...hosts.flatMap(contradictions)];
  const keys = hosts.map((entry) => keyOf(entry, sources));
  faults.push(...keys.flatMap((found, at) => (typeof found === 'string' ? [`/hosts/${at}/key_file: ${found}`] : [])));
  if (faults.length > 0) return { faults: faults.slice(0, MAX_FAULTS) };
  return { hosts: hosts.flatMap((entry, at) => withKey(entry, keys[at])) };
}

type ParsedHost = z.output<typeof host>;

function withKey(entry: ParsedHost, key: ParsedKey | string | undefined): SshHost[] {
  return key === undefined || typeof key === 'string' ? [] : [{ ...entry, key }];
}

function repeatedIds(hosts: readonly ParsedHost[]): string[] {
  const segments = hosts.flatMap((entry) => entry.segments.map((each) => each.id));
  return [
    ...twice(hosts.map((entry) => entry.id)).map((each) => `/hosts: the id ${each} stands there twice`),
    ...twice(segments).map((each) => `/hosts: the segment ${each} stands there twice; one host is its gateway`),
  ];
}

function contradictions(entry: ParsedHost, at: number): string[] {
  const faults: string[] = [];
  if (entry.segments.length > 0 && !entry.nftables)
    faults.push(`/hosts/${at}/segments: only a host with "nftables: true" can cut segments off`);
  const prefixes = entry.segments.flatMap((each) => each.prefixes);
  if (prefixes.some((one, index) => prefixes.slice(index + 1).some((other) => overlap(one, other))))
    faults.push(`/hosts/${at}/segments: networks overlap; each address belongs to one segment`);
  if (prefixes.some((each) => each.length === 0))
    faults.push(`/hosts/${at}/segments: a network of length 0 is everything`);
  faults.push(
    ...twice(entry.images.map(({ name }) => name)).map((name) => `/hosts/${at}/images: ${name} stands there twice`),
  );
  return faults;
}

function twice(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** The host's key, or why it cannot be used. A key's text never stands in a fault. */
function keyOf(entry: ParsedHost, { readFile, key, passphrase }: KeySources): ParsedKey | string {
  let text = key;
  if (entry.key_file !== undefined) {
    try {
      text = readFile(entry.key_file);
    } catch (thrown) {
      return `it cannot be read: ${messageOf(thrown)}`;
    }
  }
  if (text === null) return 'there is no key: name a key_file here, or set SSH_KEY_FILE for all hosts';
  const parsed = passphrase === null ? ssh2.utils.parseKey(text) : ssh2.utils.parseKey(text, passphrase);
  if (parsed instanceof Error) return 'it is not a private key in OpenSSH or PEM form, or SSH_KEY_PASSPHRASE is wrong';
  return parsed.isPrivateKey() ? parsed : 'it is a public key; the private one is needed';
}

function pinOf(text: string): HostKeyPin | null {
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return { fingerprint: text, type: null };
  if (!/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/=]{40,2000}( |$)/.test(text)) return null;
  const parsed = ssh2.utils.parseKey(text);
  return parsed instanceof Error ? null : { fingerprint: fingerprintOf(parsed.getPublicSSH()), type: parsed.type };
}
