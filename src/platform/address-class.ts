import ipaddr from 'ipaddr.js';

/**
 * What an IP address is, for the two places where a wrong answer is dangerous: where outgoing calls may go,
 * and what may be put on a block list.
 *
 * `metadata` are the addresses at which clouds hand out credentials; `documentation` are the ranges that RFC 5737
 * and RFC 3849 set aside for examples; `reserved` is everything else that is not ordinary public unicast.
 */
export type AddressClass =
  'public' | 'private' | 'cgnat' | 'loopback' | 'linklocal' | 'metadata' | 'documentation' | 'reserved';

/**
 * Credential services that a range does not give away: AWS, GCP, Azure and Oracle share 169.254.169.254; AWS ECS
 * uses 169.254.170.2, AWS over IPv6 fd00:ec2::254, Alibaba 100.100.100.200, Oracle 192.0.0.192, Azure's host
 * 168.63.129.16 (a public address).
 */
const METADATA = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  'fd00:ec2::23',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
]);

/** RFC 5737 and RFC 3849. */
const DOCUMENTATION_V4 = ['192.0.2.', '198.51.100.', '203.0.113.'];
const DOCUMENTATION_V6 = ipaddr.IPv6.parseCIDR('2001:db8::/32');

/** Longest text of an address, in characters: a full IPv6 address with an embedded IPv4 one has 45. */
const MAX_ADDRESS_LENGTH = 45;

const CLASS_OF_RANGE: ReadonlyMap<string, AddressClass> = new Map([
  ['unicast', 'public'],
  ['private', 'private'],
  ['uniqueLocal', 'private'],
  ['deprecatedSiteLocal', 'private'],
  ['carrierGradeNat', 'cgnat'],
  ['loopback', 'loopback'],
  ['linkLocal', 'linklocal'],
]);

/**
 * The one text of an address (dotted decimal without leading zeros; compressed lower-case IPv6, RFC 5952), or null
 * when `text` is not an address written plainly: octal, hexadecimal, decimal and short forms are not, nor are
 * zone ids. IPv4-mapped IPv6 keeps its IPv6 form (and is `reserved`), so that it never passes for its IPv4.
 */
export function canonicalAddress(text: string): string | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null;
  if (isPlainIPv4(text)) return text;
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.IPv6.parse(text).toRFC5952String();
}

/** The class of an address, or null when `text` is not one (see `canonicalAddress`). Never throws. */
export function addressClass(text: string): AddressClass | null {
  const canonical = canonicalAddress(text);
  if (canonical === null) return null;
  if (METADATA.has(canonical)) return 'metadata';
  if (isPlainIPv4(canonical)) {
    if (DOCUMENTATION_V4.some((prefix) => canonical.startsWith(prefix))) return 'documentation';
    return CLASS_OF_RANGE.get(ipaddr.IPv4.parse(canonical).range()) ?? 'reserved';
  }
  const address = ipaddr.IPv6.parse(canonical);
  if (address.match(DOCUMENTATION_V6)) return 'documentation';
  const found = CLASS_OF_RANGE.get(address.range()) ?? 'reserved';
  // Only 2000::/3 is handed out as global unicast (RFC 4291, IANA); the library calls the unassigned rest unicast.
  return found === 'public' && ((address.parts[0] ?? 0) & 0xe000) !== 0x2000 ? 'reserved' : found;
}

/** Whether `text` is an address, or a network of at least so many fixed bits. */
export function isNetwork(text: string, least: { readonly v4: number; readonly v6: number }): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const canonical = canonicalAddress(address);
  if (canonical === null || rest.length > 0) return false;
  if (bits === undefined) return true;
  const [lowest, highest] = isPlainIPv4(canonical) ? [least.v4, 32] : [least.v6, 128];
  return /^\d{1,3}$/.test(bits) && Number(bits) >= lowest && Number(bits) <= highest;
}

function isPlainIPv4(text: string): boolean {
  const parts = text.split('.', 5);
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether a host name of a URL, or an address, is this machine's own. */
export function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || addressClass(hostname.replace(/^\[|\]$/g, '')) === 'loopback';
}
