import ipaddr from 'ipaddr.js';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import type { DetectionContext } from './detector.ts';

/**
 * The operator's list of own egress: offices, VPN gateways, cloud proxies. Behind such an address nobody stands where
 * it is and many people share it. Every entry expires, so that a forgotten one does not blind the detection for ever.
 */
export interface EgressEntry {
  /** A network (`203.0.113.0/24`, `2001:db8::/32`) or a single address; or null. */
  readonly cidr: string | null;
  /** An AS number, or null. Exactly one of the two is given. */
  readonly asn: number | null;
  readonly label: string;
  /** From when on the entry counts no more, ms since 1970. */
  readonly expiresAt: number;
}

/** Entries of one list: a large company has hundreds. */
export const MAX_EGRESS_ENTRIES = 10_000;

const MAX_LABEL_LENGTH = 80;

/**
 * Reads a list of `{cidr | asn, label, expires}`; `expires` is a date or an RFC 3339 time in UTC.
 * @throws FirebreakError `invalid_request` with every fault, its pointer and the fix.
 */
export function parseEgressList(input: unknown): readonly EgressEntry[] {
  if (!Array.isArray(input))
    throw invalid([{ pointer: '', detail: 'must be a list of {cidr or asn, label, expires}' }]);
  const items: readonly unknown[] = input;
  if (items.length > MAX_EGRESS_ENTRIES) {
    throw invalid([{ pointer: '', detail: `holds more than ${MAX_EGRESS_ENTRIES} entries` }]);
  }
  const faults: Fault[] = [];
  const entries = items.map((item, index) => parseEntry(item, `/${index}`, faults));
  if (faults.length > 0) throw invalid(faults);
  return entries.filter((entry) => entry !== null);
}

function parseEntry(item: unknown, pointer: string, faults: Fault[]): EgressEntry | null {
  if (typeof item !== 'object' || item === null) {
    faults.push({ pointer, detail: 'must be an object' });
    return null;
  }
  const given = new Map<string, unknown>(Object.entries(item));
  const before = faults.length;
  for (const name of given.keys()) {
    if (['cidr', 'asn', 'label', 'expires'].includes(name)) continue;
    faults.push({ pointer, detail: `knows no member ${name.slice(0, 50)}; use cidr or asn, label, expires` });
  }
  const cidr = given.get('cidr') ?? null;
  const asn = given.get('asn') ?? null;
  if ((cidr === null) === (asn === null)) faults.push({ pointer, detail: 'needs either cidr or asn' });
  if (cidr !== null && (typeof cidr !== 'string' || networkOf(cidr) === null)) {
    faults.push({ pointer: `${pointer}/cidr`, detail: 'must be an address or a network such as 203.0.113.0/24' });
  }
  if (asn !== null && (typeof asn !== 'number' || !Number.isSafeInteger(asn) || asn < 1 || asn > 4_294_967_295)) {
    faults.push({ pointer: `${pointer}/asn`, detail: 'must be an AS number' });
  }
  const label = given.get('label');
  if (typeof label !== 'string' || label.trim() === '' || label.length > MAX_LABEL_LENGTH || !label.isWellFormed()) {
    faults.push({ pointer: `${pointer}/label`, detail: `must be text of 1 to ${MAX_LABEL_LENGTH} characters` });
  }
  const expiresAt = timeOf(given.get('expires'));
  if (expiresAt === null) {
    faults.push({
      pointer: `${pointer}/expires`,
      detail: 'must be a date or a UTC time: 2027-01-31 or 2027-01-31T00:00:00Z',
    });
  }
  if (faults.length > before || expiresAt === null) return null;
  return {
    cidr: typeof cidr === 'string' ? cidr : null,
    asn: typeof asn === 'number' ? asn : null,
    label: typeof label === 'string' ? label : '',
    expiresAt,
  };
}

/**
 * The answers that detectors ask for, as of `at` (ms since 1970): expired entries are left out. The narrowest network
 * wins, then the AS number. Entries that could not be read are ignored; `parseEgressList` refuses them.
 */
export function egressContext(entries: readonly EgressEntry[], at: number): DetectionContext {
  const byLength = new Map<string, Map<string, string>>();
  const byAsn = new Map<number, string>();
  for (const { cidr, asn, label, expiresAt } of entries) {
    if (expiresAt <= at) continue;
    const network = cidr === null ? null : networkOf(cidr);
    if (network !== null) {
      const group = byLength.get(`${network.bytes.length}/${network.bits}`) ?? new Map<string, string>();
      group.set(maskedKey(network.bytes, network.bits), label);
      byLength.set(`${network.bytes.length}/${network.bits}`, group);
    }
    if (asn !== null) byAsn.set(asn, label);
  }
  const lengths = [...byLength.keys()]
    .map((key) => key.split('/').map(Number))
    .sort((a, b) => (b[1] ?? 0) - (a[1] ?? 0));
  return {
    egressLabel(ip, asn) {
      const address = ip === null || lengths.length === 0 ? null : networkOf(ip);
      for (const [size, bits] of address === null ? [] : lengths) {
        if (address === null || size !== address.bytes.length || bits === undefined) continue;
        const label = byLength.get(`${size}/${bits}`)?.get(maskedKey(address.bytes, bits));
        if (label !== undefined) return label;
      }
      return asn === null ? null : (byAsn.get(asn) ?? null);
    },
  };
}

interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** An address or a network; null for anything else. IPv4 with leading zeros has two readings and is refused. */
function networkOf(text: string): Network | null {
  if (text.length > 64) return null;
  const [address = '', length, more] = text.split('/', 3);
  if (more !== undefined || address.includes('%')) return null;
  const isV4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isV4 && !ipaddr.IPv6.isValid(address)) return null;
  const bytes = ipaddr.parse(address).toByteArray();
  if (length === undefined) return { bytes, bits: bytes.length * 8 };
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : -1;
  return bits >= 0 && bits <= bytes.length * 8 ? { bytes, bits } : null;
}

/** The first `bits` of an address as text. */
function maskedKey(bytes: readonly number[], bits: number): string {
  return bytes
    .map((byte, index) => {
      const kept = Math.max(0, Math.min(8, bits - index * 8));
      return (byte >> (8 - kept)) << (8 - kept);
    })
    .join('.');
}

function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > 30) return null;
  if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z)?$/.test(value)) return null;
  const time = Date.parse(value);
  return Number.isSafeInteger(time) ? time : null;
}

function invalid(faults: readonly Fault[]): FirebreakError {
  return new FirebreakError('invalid_request', 'The egress list is not valid', faults);
}
