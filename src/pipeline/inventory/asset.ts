import { z } from 'zod';
import ipaddr from 'ipaddr.js';
import { canonicalAddress } from '../../platform/address-class.ts';
import { canonicalIdentity } from '../events/text.ts';
import { SEVERITIES, type Severity } from '../vocabulary.ts';

export const ASSET_TYPES = ['user', 'host', 'segment', 'ip', 'vendor'] as const;
export type AssetType = (typeof ASSET_TYPES)[number];

/** What kinds of data an asset can hold. `none` says that somebody looked and found nothing. */
export const DATA_CLASSES = ['none', 'internal', 'confidential', 'secrets', 'pii', 'payment', 'phi'] as const;
export type DataClass = (typeof DATA_CLASSES)[number];

export const ENVIRONMENTS = ['prod', 'test', 'dev'] as const;
type Environment = (typeof ENVIRONMENTS)[number];

/** Other names of one asset: a host has a few addresses and aliases, and whoever needs more means several hosts. */
const MAX_NAMES = 20;
/** Vendors that one asset hangs on. */
const MAX_VENDORS = 20;
/** Longest id, name or owner, in UTF-16 units: an LDAP distinguished name fits. */
const MAX_ID_LENGTH = 512;

/** How bad it is when nothing but the environment is known: the request's own words for LOW and HIGH impact. */
const CRITICALITY_OF: Readonly<Record<Environment, Severity>> = { prod: 'HIGH', test: 'LOW', dev: 'LOW' };

/** One thing of the organisation, as records hold it. */
export interface Asset {
  readonly type: AssetType;
  /** Canonical: lower case, NFC; of type `ip` a network like `10.1.0.0/16`. */
  readonly id: string;
  /** Other ids of the same thing, canonical. */
  readonly names: readonly string[];
  readonly owner: string | null;
  readonly criticality: Severity;
  readonly environment: Environment | null;
  readonly dataClasses: readonly DataClass[];
  /** Ids of the vendors that it depends on, canonical. */
  readonly vendors: readonly string[];
}

const TEXT = z
  .string()
  .max(MAX_ID_LENGTH)
  .transform((text) => canonicalIdentity(text) ?? '')
  .pipe(z.string().min(1, 'is empty'));
const lower = <const Words extends readonly string[]>(words: Words) =>
  z
    .string()
    .transform((word) => word.trim().toLowerCase())
    .pipe(z.enum(words));

const ASSET = z.strictObject({
  type: lower(ASSET_TYPES),
  id: TEXT,
  names: z.array(TEXT).max(MAX_NAMES).default([]),
  owner: z
    .string()
    .trim()
    .min(1)
    .max(MAX_ID_LENGTH)
    .regex(/^\P{C}*$/u, 'holds a control character')
    .nullish(),
  criticality: z
    .string()
    .transform((word) => word.trim().toUpperCase())
    .pipe(z.enum(SEVERITIES))
    .nullish(),
  environment: lower(ENVIRONMENTS).nullish(),
  dataClasses: z.array(lower(DATA_CLASSES)).max(DATA_CLASSES.length).default([]),
  vendors: z.array(TEXT).max(MAX_VENDORS).default([]),
});

/** Members of an asset, in the order in which people are told of them. */
export const ASSET_MEMBERS = Object.keys(ASSET.shape);

/** The asset that a value describes, or what is wrong with it, a sentence each that names its member. */
export function readAsset(value: unknown): { readonly asset: Asset } | { readonly wrong: readonly string[] } {
  const parsed = ASSET.safeParse(value);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) =>
      issue.code === 'unrecognized_keys'
        ? `${issue.keys.join(', ')}: not known; an asset has ${ASSET_MEMBERS.join(', ')}`
        : `${issue.path.join('.') || 'the asset'}: ${issue.message}`,
    );
    return { wrong };
  }
  const { type, names, owner, criticality, environment, dataClasses, vendors } = parsed.data;
  const id = type === 'ip' ? canonicalNetwork(parsed.data.id) : parsed.data.id;
  if (id === null) return { wrong: ['id: is no network like 10.1.0.0/16 or 2001:db8::/32, nor an address'] };
  if (type === 'ip' && names.length > 0) return { wrong: ['names: a network has none; name its hosts as assets'] };
  const known = criticality ?? (environment === null || environment === undefined ? null : CRITICALITY_OF[environment]);
  if (known === null) return { wrong: ['criticality: is missing; give it, or the environment that it follows from'] };
  if (dataClasses.includes('none') && dataClasses.length > 1)
    return { wrong: ['dataClasses: none stands beside others; remove one or the other'] };
  return {
    asset: {
      type,
      id,
      names: sortedSet(names).filter((name) => name !== id),
      owner: owner ?? null,
      criticality: known,
      environment: environment ?? null,
      dataClasses: sortedSet(dataClasses),
      vendors: sortedSet(vendors),
    },
  };
}

/** `address/bits` with the bits behind the prefix cleared; a single address becomes its own network. Null: neither. */
export function canonicalNetwork(text: string): string | null {
  const [address = '', bits, ...rest] = text.split('/');
  const canonical = canonicalAddress(address);
  if (canonical === null || rest.length > 0) return null;
  const most = canonical.includes(':') ? 128 : 32;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return null;
  const length = bits === undefined ? most : Number(bits);
  if (length > most) return null;
  return networkOf(canonical, length);
}

/** The network of so many bits that an address (canonical) lies in. */
export function networkOf(address: string, bits: number): string {
  const parsed = ipaddr.parse(address);
  const bytes = parsed.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  const cleared = ipaddr.fromByteArray(bytes);
  const shown = cleared instanceof ipaddr.IPv6 ? cleared.toRFC5952String() : cleared.toString();
  return `${shown}/${bits}`;
}

function sortedSet<Text extends string>(texts: readonly Text[]): readonly Text[] {
  return [...new Set(texts)].sort();
}
