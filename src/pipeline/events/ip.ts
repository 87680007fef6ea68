import { addressClass, canonicalAddress } from '../../platform/address-class.ts';
import type { IpClass } from './event.ts';
import { boundText, MAX_NAME_LENGTH } from './text.ts';

/** What an address field said. At most one of `ip` and `service` is set. */
export interface AddressReading {
  readonly ip: string | null;
  readonly ipClass: IpClass | null;
  /** The text had leading zeros: decimal is our reading, others read octal. Such an address is never blocked. */
  readonly normalised: boolean;
  /** A service name that came where an address was expected. */
  readonly service: string | null;
}

const NOTHING: AddressReading = { ip: null, ipClass: null, normalised: false, service: null };

/** Longest text that may be an address with brackets, zone and port, in characters. */
const MAX_ADDRESS_FIELD_LENGTH = 100;

/** Four groups of digits. Ten at most: more leading zeros than that are no address but a mistake. */
const DOTTED = /^\d{1,10}(?:\.\d{1,10}){3}$/;

/** `cloudformation.amazonaws.com`, `AWS Internal`: letters first, so that no number in any notation passes for one. */
const SERVICE = /^[a-z][a-z0-9 .-]{0,99}$/i;

/** Words that stand for "no address". */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['unknown', 'none', 'null', 'n', 'na', 'not available', 'undefined']);

/**
 * Reads an address field. Leading zeros are read decimal and flagged; IPv4-mapped IPv6 becomes IPv4; a port, brackets
 * and a zone are taken off; IPv6 comes out compressed and in lower case (RFC 5952). A service name is kept as such.
 * A list of addresses is nothing: its left-most member is whatever the client wrote. Never throws.
 *
 * The given text never reaches an address parser: only digits that were read here, or a text made of the
 * characters of an IPv6 address without an IPv4 tail, do. (Parsers read `075.050.255.67` as octal.)
 */
export function readAddress(text: string | null): AddressReading {
  if (text === null) return NOTHING;
  if (text.length > MAX_ADDRESS_FIELD_LENGTH) return readField(text);
  const known = READINGS.get(text);
  if (known !== undefined) return known;
  const read = readField(text);
  if (READINGS.size >= MAX_READINGS) READINGS.clear();
  READINGS.set(text, read);
  return read;
}

/** What was read last, by the text of the field: people come from the same few addresses, and reading one is dear. */
const READINGS = new Map<string, AddressReading>();

/** Readings kept, at about 300 bytes each: 9 MB. A company of 20,000 people comes from about as many addresses in a day. */
const MAX_READINGS = 30_000;

function readField(text: string): AddressReading {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > MAX_ADDRESS_FIELD_LENGTH) return NOTHING;
  const bare = withoutPortAndZone(trimmed);
  if (DOTTED.test(bare)) return readDotted(bare);
  if (bare.includes(':')) return readIPv6(bare);
  if (!SERVICE.test(trimmed) || PLACEHOLDERS.has(trimmed.toLowerCase())) return NOTHING;
  return { ...NOTHING, service: boundText(trimmed, MAX_NAME_LENGTH) };
}

/** The canonical text of an address, or null; for the addresses that are only kept as data (chains, subjects). */
export function canonicalIp(text: string): string | null {
  return readAddress(text).ip;
}

function readDotted(bare: string): AddressReading {
  const decimal = decimalOf(bare);
  return decimal === null ? NOTHING : reading(decimal, decimal !== bare);
}

function readIPv6(bare: string): AddressReading {
  const tailAt = bare.lastIndexOf(':') + 1;
  const tail = bare.slice(tailAt);
  if (!tail.includes('.')) return readHexIPv6(bare, false);
  const decimal = DOTTED.test(tail) ? decimalOf(tail) : null;
  if (decimal === null) return NOTHING;
  return readHexIPv6(`${bare.slice(0, tailAt)}${hexGroups(decimal)}`, decimal !== tail);
}

function readHexIPv6(text: string, normalised: boolean): AddressReading {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return NOTHING;
  const canonical = canonicalAddress(text);
  return canonical === null ? NOTHING : reading(mappedIPv4(canonical) ?? canonical, normalised);
}

function reading(ip: string, normalised: boolean): AddressReading {
  return { ip, ipClass: classOf(ip), normalised, service: null };
}

function classOf(ip: string): IpClass {
  const found = addressClass(ip);
  // Metadata services and documentation ranges are neither places nor attackers.
  return found === null || found === 'metadata' || found === 'documentation' ? 'reserved' : found;
}

/** `075.050.255.67` is 75.50.255.67; null when a group is above 255. */
function decimalOf(dotted: string): string | null {
  const groups = dotted.split('.').map(Number);
  return groups.every((group) => group <= 255) ? groups.join('.') : null;
}

/** The two last groups of an IPv6 address that hold `dotted`. */
function hexGroups(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** `::ffff:102:304` is 1.2.3.4 (RFC 4291, 2.5.5.2): one client must not count as two. */
function mappedIPv4(canonical: string): string | null {
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (groups === null) return null;
  const high = Number.parseInt(groups[1] ?? '', 16);
  const low = Number.parseInt(groups[2] ?? '', 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** `[::1]:80`, `fe80::1%eth0` and `1.2.3.4:443` without what is not the address. */
function withoutPortAndZone(text: string): string {
  const bracketed = /^\[([^[\]]{1,90})\](?::\d{1,5})?$/.exec(text);
  const inner = bracketed?.[1] ?? text.replace(/^([\d.]{7,43}):\d{1,5}$/, '$1');
  const zoneAt = inner.indexOf('%');
  return zoneAt > 0 && inner.includes(':') ? inner.slice(0, zoneAt) : inner;
}
