import { BlockList, isIP } from 'node:net';

/** Addresses and networks of the hosts file, as nftables is given them. */

export interface Prefix {
  readonly family: 'ipv4' | 'ipv6';
  /** As nftables writes it: an address alone, or `address/length`. */
  readonly text: string;
  readonly address: string;
  readonly length: number;
}

const BITS = { ipv4: 32, ipv6: 128 } as const;

/**
 * An address or a network in CIDR form; null when it is neither, has bits set behind its length (what was meant is not known
 * then), carries a zone, or is an IPv4 address written in IPv6, which never stands in a packet.
 */
export function prefixOf(text: string): Prefix | null {
  const [written = '', length, ...rest] = text.split('/');
  const version = isIP(written);
  if (version === 0 || rest.length > 0 || written.includes('%')) return null;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const address = family === 'ipv4' ? written : new URL(`http://[${written}]`).hostname.slice(1, -1);
  if (address.startsWith('::ffff:')) return null;
  const bits = BITS[family];
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return null;
  const size = length === undefined ? bits : Number(length);
  if (size > bits || firstAddress(address, family, size) !== numberOf(address, family)) return null;
  return { family, address, length: size, text: size === bits ? address : `${address}/${size}` };
}

/** Whether one of the prefixes holds the address. */
export function covers(prefixes: readonly Prefix[], address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const list = new BlockList();
  for (const prefix of prefixes) list.addSubnet(prefix.address, prefix.length, prefix.family);
  return list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Whether two prefixes share an address. */
export function overlap(one: Prefix, other: Prefix): boolean {
  if (one.family !== other.family) return false;
  const length = Math.min(one.length, other.length);
  return firstAddress(one.address, one.family, length) === firstAddress(other.address, other.family, length);
}

function firstAddress(address: string, family: Prefix['family'], length: number): bigint {
  const behind = BigInt(BITS[family] - length);
  return (numberOf(address, family) >> behind) << behind;
}

function numberOf(address: string, family: Prefix['family']): bigint {
  if (family === 'ipv4') return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = '', tail] = dottedAsHex(address).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(8 - front.length - back.length).fill('0');
  return [...front, ...zeros, ...back].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
}

/** The last 32 bits of an IPv6 address may be written as an IPv4 address. */
function dottedAsHex(address: string): string {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (dotted === null) return address;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(1).map(Number);
  return `${address.slice(0, dotted.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
