import type { Json } from '../../platform/canonical-json.ts';

/** What kind of fact an event is. Unknown provider types become `other`: counted and shown, never dropped. */
export const EVENT_KINDS = [
  'login',
  'logout',
  'mfa_prompt',
  'mfa_result',
  'password_change',
  'mfa_change',
  'privilege_change',
  'token_create',
  'logging_change',
  'data_export',
  'alert',
  'other',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** How it ended. Never success by default. `unanswered` is a prompt that nobody reacted to. */
export const EVENT_OUTCOMES = ['success', 'failure', 'denied', 'unanswered', 'challenge', 'unknown'] as const;
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

export const EVENT_FORMATS = ['firebreak', 'okta', 'entra', 'auth0', 'cloudtrail', 'google', 'ocsf', 'ecs'] as const;
export type EventFormat = (typeof EVENT_FORMATS)[number];

export const SUBJECT_TYPES = ['user', 'host', 'segment', 'ip', 'vendor'] as const;
export type SubjectType = (typeof SUBJECT_TYPES)[number];

/** Somebody or something that an event or an incident is about. `id` is canonical: lower case, NFC. */
export interface Subject {
  readonly type: SubjectType;
  readonly id: string;
  readonly name?: string;
}

export const IP_CLASSES = ['public', 'private', 'cgnat', 'loopback', 'linklocal', 'reserved'] as const;
export type IpClass = (typeof IP_CLASSES)[number];

/**
 * A place, in integers so that records stay exact: micro-degrees (51.5074 is 51_507_400) and metres.
 * Never invented: without coordinates there is no `Geo`, at most a `country`.
 */
export interface Geo {
  readonly latMicro: number | null;
  readonly lonMicro: number | null;
  /** Radius within which the true place lies, in metres. Coordinates in an event: 20,000 unless it says otherwise. */
  readonly radiusM: number;
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string | null;
  readonly city: string | null;
  readonly from: 'event' | 'database';
  /** Name and build date of the database, when `from` is `database`. */
  readonly database?: string;
}

/** One normalised fact from a source. All members are own data: plain, frozen, canonical-JSON safe. */
export interface Event {
  /** The source's own id of the event, or one derived from the raw bytes (`weakId`). */
  readonly id: string;
  /** True when the source gave no id, so that only byte-equal repeats are recognised. */
  readonly weakId: boolean;
  /** The instance it came from (`okta:acme`), bound to the credential that delivered it. */
  readonly source: string;
  /** Mapping name and version, for example `okta/1`. */
  readonly mapping: string;
  /** When it happened, ms since 1970 UTC. Equal to `receivedAt` when `timeQuality` is `ingest`. */
  readonly time: number;
  readonly receivedAt: number;
  /** `ingest` when the own time is missing, unreadable or skewed; such an event never feeds travel or a baseline. */
  readonly timeQuality: 'event' | 'ingest';
  /** What the event claimed, when its time was not believed. */
  readonly claimedTime?: string;
  readonly kind: EventKind;
  /** The provider's own word for it (`user.session.start`), at most 200 characters. */
  readonly action: string;
  readonly outcome: EventOutcome;
  /** The provider's reason, at most 500 characters. */
  readonly reason?: string;
  /** The account concerned, which is not always the actor. Null when it cannot be told. */
  readonly subject: Subject | null;
  /** Who did it. */
  readonly actor: { readonly id: string; readonly name?: string; readonly type?: string } | null;
  /** Canonical text: IPv4 dotted decimal, IPv6 compressed lower case; IPv4-mapped IPv6 becomes IPv4. */
  readonly ip: string | null;
  readonly ipClass: IpClass | null;
  /** True when the raw text had to be read leniently (leading zeros): never block such an address. */
  readonly ipNormalised: boolean;
  /** A service name that came where an address was expected (`cloudformation.amazonaws.com`). */
  readonly sourceService?: string;
  readonly asn: number | null;
  /** What the provider says about the address; an input, never the only reason. */
  readonly proxy: boolean | null;
  readonly geo: Geo | null;
  readonly userAgent: string | null;
  readonly device: { readonly id: string; readonly fingerprint?: string } | null;
  /** Login session id. */
  readonly session: string | null;
  readonly mfa: { readonly factor: string } | null;
  /** What was changed or touched: the role granted, the group, the token, the trail, the export. */
  readonly target: { readonly type: string; readonly id: string; readonly name?: string } | null;
  /** For `alert`: LOW (also when missing), MEDIUM, HIGH or CRITICAL. */
  readonly severity?: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';
  /** Risk the provider computed, 0 to 100, or null. */
  readonly risk: number | null;
  /** Unknown top-level scalars of a `firebreak` event, addressed as `event.<name>`; alert attributes. */
  readonly attributes: Readonly<Record<string, Json>>;
  /** SHA-256 of the raw bytes, hexadecimal. */
  readonly rawHash: string;
}

/** An event and the bytes it came as. The bytes are stored unchanged. */
export interface AcceptedEvent {
  readonly event: Event;
  readonly raw: Uint8Array;
}
