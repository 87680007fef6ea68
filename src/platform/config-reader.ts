import { X509Certificate } from 'node:crypto';
import { isNetwork, isThisMachine } from './address-class.ts';

/** Longest value of any variable, in UTF-16 units. */
const MAX_VALUE_LENGTH = 4_096;
/** Longest list of certificates, in UTF-16 units: a handful of authorities. */
const MAX_CERTIFICATES_LENGTH = 65_536;

/** A hundred years: longer than any law asks for, and a number that was meant. */
const MOST_DAYS = 36_500;

/** Widest networks that can be meant: the largest private one (RFC 1918), and what a provider is given of IPv6. */
const LEAST_PREFIX = { v4: 8, v6: 32 } as const;

/** Reads single values and notes what is wrong instead of throwing. Never repeats a value: it may be a secret. */
export class ConfigReader {
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

  /** Days for all, and `name=days` for some, parted by commas. `usual` is null where no number stands alone. */
  daysByName(
    name: string,
    known: readonly string[],
    example: string,
  ): { readonly usual: number | null; readonly byName: ReadonlyMap<string, number> } {
    const byName = new Map<string, number>();
    let usual: number | null = null;
    const form = `days, and name=days for some, parted by commas, like ${example}`;
    for (const item of this.list(name, /^(?:[a-z-]{1,20}=)?\d{1,5}$/, form)) {
      const [of, text] = item.includes('=') ? item.split('=', 2) : [null, item];
      const days = Number(text);
      if (days > MOST_DAYS) this.#faults.push(`${name} has ${days} days: from 0 to ${MOST_DAYS}`);
      else if (of === null) usual = days;
      else if (known.includes(of ?? '')) byName.set(of ?? '', days);
      else this.#faults.push(`${name} names ${of}: it knows ${known.join(', ')}`);
    }
    return { usual, byName };
  }

  /** Addresses and networks parted by commas; none so wide that a stranger's address is in it by accident. */
  networks(name: string): readonly string[] {
    const items = this.list(name, /^\S{1,64}$/, 'addresses and networks, parted by commas');
    if (items.every((item) => isNetwork(item, LEAST_PREFIX))) return items;
    this.#faults.push(
      `${name} must be addresses or networks like 10.0.0.0/8, of /${LEAST_PREFIX.v4} or narrower (IPv6: /${LEAST_PREFIX.v6})`,
    );
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

  database(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined || isDatabaseUrl(text)) return text ?? null;
    this.#faults.push(`${name} must be ${DATABASE_URL_FORM}`);
    return null;
  }

  /** An address that notices go to: https, or http to this machine itself, without user name and password. */
  webhook(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined || isWebhook(text)) return text ?? null;
    this.#faults.push(`${name} must be an https address without user name and password`);
    return null;
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

  /** Certificates of authorities, one or more, in PEM. */
  certificates(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined) return null;
    if (text.length <= MAX_CERTIFICATES_LENGTH && isCertificate(text)) return text;
    this.#faults.push(`${name} must be certificates in PEM; ${name}_FILE names a file that holds them`);
    return null;
  }

  /** One of `known`, in either case. */
  oneOf<Known extends string>(name: string, known: readonly Known[]): Known | null {
    const text = this.#values.get(name)?.toLowerCase();
    if (text === undefined) return null;
    const found = known.find((word) => word === text);
    if (found === undefined) this.#faults.push(`${name} must be one of ${known.join(', ')}`);
    return found ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Notes that variables do not go together. */
  fault(sentence: string): void {
    this.#faults.push(sentence);
  }
}

const DATABASE_URL_FORM = 'postgres://user:password@host:port/database, with special characters percent-encoded';

function isDatabaseUrl(text: string): boolean {
  if (text.length > MAX_VALUE_LENGTH || !URL.canParse(text)) return false;
  const { protocol, pathname } = new URL(text);
  return (protocol === 'postgres:' || protocol === 'postgresql:') && pathname.length > 1;
}

function isWebhook(text: string): boolean {
  if (text.length > MAX_VALUE_LENGTH || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  // What is on the wire can be used to answer: plain http may only stay inside this machine.
  const secret = protocol === 'https:' || (protocol === 'http:' && isThisMachine(hostname));
  return secret && username === '' && password === '';
}

function originOf({ protocol, hostname, origin, pathname, search, hash, username }: URL): string | null {
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '') return null;
  return protocol === 'https:' || (protocol === 'http:' && isThisMachine(hostname)) ? origin : null;
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== '';
  } catch {
    return false;
  }
}
