import type { ConfigReader } from './config-reader.ts';
import { hasRightLength } from './notification-config.ts';

/** A service outside that approves or denies when a gate names it. */
export interface ApproverConfig {
  readonly name: string;
  readonly url: string;
  /** With which requests are signed by Standard Webhooks; null: they are not. */
  readonly secret: string | null;
  /** Bearer token that requests carry; null: none. */
  readonly token: string | null;
  /** Time limit of one request. */
  readonly timeoutMs: number;
  /** Members of the event that it is shown; null: all that conditions may read. */
  readonly eventFields: readonly string[] | null;
}

const LIST = 'EXTERNAL_APPROVERS';
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Most services: each is one more that can hold up every action. */
const MAX_APPROVERS = 16;
/** The seeds' `requests.post(..., timeout=30)`. */
const TIMEOUT_MS = 30_000;
const MIN_TIMEOUT_MS = 100;
/** Longer than this nobody wants to wait for a program. */
const MAX_TIMEOUT_MS = 120_000;

/** Variables of configured services that may be given as `NAME_FILE` too. */
export function approverSecrets(values: ReadonlyMap<string, string>): readonly string[] {
  const names = (values.get(LIST) ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => NAME.test(name)).flatMap((name) => [variable(name, 'SECRET'), variable(name, 'TOKEN')]);
}

/** `EXTERNAL_APPROVERS` names the services; each has variables of its own, as `EXTERNAL_APPROVER_CHANGE_BOARD_URL`. */
export function readApprovers(read: ConfigReader): readonly ApproverConfig[] {
  const names = read.list(LIST, NAME, 'names of small letters, digits and hyphens, parted by commas');
  if (new Set(names).size < names.length) read.fault(`${LIST} names a service twice`);
  if (names.length > MAX_APPROVERS) read.fault(`${LIST} names more than ${MAX_APPROVERS} services`);
  return names.slice(0, MAX_APPROVERS).flatMap((name) => {
    const url = readUrl(read, name);
    const secret = readSecret(read, name);
    const token = read.optional(variable(name, 'TOKEN'), /^[\x21-\x7e]{16,512}$/, 'one word of 16 characters or more');
    const timeoutMs = read.integer(variable(name, 'TIMEOUT_MS'), TIMEOUT_MS, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS);
    const fields = variable(name, 'EVENT_FIELDS');
    const eventFields = read.has(fields)
      ? read.list(fields, /^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'names of members of the event, parted by commas')
      : null;
    return url === null ? [] : [{ name, url, secret, token, timeoutMs, eventFields }];
  });
}

function readUrl(read: ConfigReader, name: string): string | null {
  const url = variable(name, 'URL');
  if (!read.has(url)) read.fault(`${url} is missing: ${LIST} names ${name}`);
  return read.webhook(url);
}

function readSecret(read: ConfigReader, name: string): string | null {
  const variableName = variable(name, 'SECRET');
  const what = 'whsec_ and the base64 of 24 to 64 bytes, like "whsec_$(openssl rand -base64 32)"';
  const secret = read.optional(variableName, /^whsec_[A-Za-z0-9+/]{1,120}={0,2}$/, what);
  if (secret === null || hasRightLength(secret)) return secret;
  read.fault(`${variableName} must be ${what}`);
  return null;
}

function variable(name: string, part: string): string {
  return `EXTERNAL_APPROVER_${name.toUpperCase().replaceAll('-', '_')}_${part}`;
}
