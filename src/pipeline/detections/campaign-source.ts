import ipaddr from 'ipaddr.js';
import { sha256Hex } from '../../platform/hash.ts';
import type { Event } from '../events/event.ts';
import { boundedText, identityText } from './observation.ts';

/** One thing that several accounts can be attacked from. All of it can be chosen by an attacker. */
export interface CampaignSource {
  readonly key: string;
  readonly kind: 'ip' | 'device' | 'agent';
}

/**
 * The sources an event counts for: its address (IPv6 by /64, since one host changes within it), its device
 * fingerprint, and its user agent together with the network (AS) it came from.
 */
export function campaignSources(event: Event): readonly CampaignSource[] {
  const sources = addressSources(event);
  if (event.userAgent === null || event.userAgent === '' || event.asn === null || !Number.isSafeInteger(event.asn)) {
    return sources;
  }
  const agent = sha256Hex(Buffer.from(event.userAgent, 'utf16le')).slice(0, 16);
  return [...sources, { key: `agent:${agent}/as${event.asn}`, kind: 'agent' }];
}

/** Sources by event: three rules ask for the same ones. */
const SOURCES = new WeakMap<Event, readonly CampaignSource[]>();

/** As `campaignSources`, without the user agent. */
export function addressSources(event: Event): readonly CampaignSource[] {
  const known = SOURCES.get(event);
  if (known !== undefined) return known;
  const sources: CampaignSource[] = [];
  if (event.ip !== null && event.ip !== '') sources.push({ key: `ip:${networkOf(event.ip)}`, kind: 'ip' });
  const fingerprint = event.device?.fingerprint;
  if (fingerprint !== undefined && fingerprint !== '') {
    sources.push({ key: `device:${identityText(fingerprint)}`, kind: 'device' });
  }
  SOURCES.set(event, sources);
  return sources;
}

/** An IPv4 address as it is, an IPv6 address as its /64 (`2001:db8:0:1::/64`); other text stays text. */
export function networkOf(ip: string): string {
  const text = boundedText(ip, 64);
  // Each IPv6 address has a colon, and most addresses are not one.
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return identityText(ip);
  const bytes = ipaddr.IPv6.parse(text).toByteArray();
  const network = ipaddr.fromByteArray(bytes.map((byte, index) => (index < 8 ? byte : 0)));
  return `${network.toString()}/64`;
}
