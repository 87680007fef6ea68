import type { Json } from '../../platform/canonical-json.ts';
import type { AlertSeverity, EventDraft, PartyDraft, Refusal } from './draft.ts';
import { refuse } from './draft.ts';
import type { Event, Subject } from './event.ts';
import { readAddress } from './ip.ts';
import { boundId, boundOptional, boundText, canonicalIdentity, MAX_NAME_LENGTH } from './text.ts';
import { judgeTime } from './time.ts';

/** Longest `action`, `reason` and `userAgent`, in UTF-16 units (`event.ts` names the first two; browsers send < 300). */
const MAX_ACTION_LENGTH = 200;
const MAX_REASON_LENGTH = 500;
const MAX_USER_AGENT_LENGTH = 500;

/** Longest text of an attribute, and most attributes of an event: what a template or a condition may read. */
export const MAX_ATTRIBUTE_LENGTH = 2_000;
export const MAX_ATTRIBUTES = 64;

/** Largest AS number: 32 bits (RFC 6793). */
const MAX_ASN = 4_294_967_295;

/** What is known about an event besides its content. */
export interface EventOrigin {
  readonly source: string;
  /** Mapping name and version. */
  readonly mapping: string;
  readonly receivedAt: number;
  readonly rawHash: string;
  /** Id derived from the delivery (idempotency key and line), for events without an own one; or what derives it. */
  readonly deliveryId: string | (() => string) | null;
}

/**
 * Makes the event of a draft: identities canonical, texts bounded and clean, the address and the time read and
 * judged, everything frozen. Refuses only what is older than the dedupe horizon.
 */
export function buildEvent(draft: EventDraft, origin: EventOrigin): { ok: true; event: Event } | Refusal {
  const time = judgeTime(draft.time, origin.receivedAt);
  if (time === 'too_old') {
    return refuse('too_old', '', `the event is older than ids are kept (${draft.time.claimed ?? 'its time'})`);
  }
  const address = readAddress(draft.ip ?? null);
  const severity: AlertSeverity | null = draft.severity ?? (draft.kind === 'alert' ? 'LOW' : null);
  const ownId = draft.id === null || draft.id === '' ? null : boundId(draft.id);
  // One literal without spreads: an optional member that is missing is undefined, which JSON leaves out.
  const event: Event = {
    id: ownId ?? deliveryIdOf(origin) ?? `raw:${origin.rawHash}`,
    weakId: ownId === null,
    source: origin.source,
    mapping: origin.mapping,
    receivedAt: origin.receivedAt,
    time: time.time,
    timeQuality: time.timeQuality,
    claimedTime: time.claimedTime,
    kind: draft.kind,
    action: boundText(draft.action, MAX_ACTION_LENGTH),
    outcome: draft.outcome,
    reason: boundOptional(draft.reason, MAX_REASON_LENGTH) ?? undefined,
    subject: subjectOf(draft.subject),
    actor: actorOf(draft.actor),
    ip: address.ip,
    ipClass: address.ipClass,
    ipNormalised: address.normalised,
    sourceService: address.service ?? undefined,
    asn: wholeWithin(draft.asn, MAX_ASN),
    proxy: draft.proxy ?? null,
    geo: draft.geo ?? null,
    userAgent: boundOptional(draft.userAgent, MAX_USER_AGENT_LENGTH),
    device: deviceOf(draft.device),
    session: typeof draft.session === 'string' && draft.session !== '' ? boundId(draft.session) : null,
    mfa: factorOf(draft.factor),
    target: targetOf(draft.target),
    severity: severity ?? undefined,
    risk: wholeWithin(draft.risk, 100),
    attributes: attributesOf(draft.attributes ?? {}),
    rawHash: origin.rawHash,
  };
  return { ok: true, event: freeze(event) };
}

function deliveryIdOf({ deliveryId }: EventOrigin): string | null {
  return typeof deliveryId === 'function' ? deliveryId() : deliveryId;
}

function subjectOf(party: PartyDraft | null): Subject | null {
  if (party === null) return null;
  const type = party.subjectType ?? 'user';
  // An address that cannot be read stays as it was written: still one key, never blocked.
  const id = type === 'ip' ? (readAddress(party.id).ip ?? canonicalIdentity(party.id)) : canonicalIdentity(party.id);
  if (id === null) return null;
  const name = boundOptional(party.name, MAX_NAME_LENGTH);
  return { type, id, ...(name === null ? {} : { name }) };
}

/** Actor and subject get the same canonical form: a grant to oneself is seen by comparing the two. */
function actorOf(party: PartyDraft | null): Event['actor'] {
  const id = party === null ? null : canonicalIdentity(party.id);
  if (party === null || id === null) return null;
  const name = boundOptional(party.name, MAX_NAME_LENGTH);
  const type = boundOptional(party.actorType, MAX_NAME_LENGTH);
  return { id, ...(name === null ? {} : { name }), ...(type === null ? {} : { type }) };
}

function deviceOf(device: EventDraft['device']): Event['device'] {
  if (device === null || device === undefined || device.id === '') return null;
  const fingerprint = device.fingerprint ?? null;
  return { id: boundId(device.id), ...(fingerprint === null ? {} : { fingerprint: boundId(fingerprint) }) };
}

function factorOf(factor: string | null | undefined): Event['mfa'] {
  const bounded = boundOptional(factor, MAX_NAME_LENGTH);
  return bounded === null ? null : { factor: bounded };
}

function targetOf(target: EventDraft['target']): Event['target'] {
  if (target === null || target === undefined) return null;
  const id = boundOptional(target.id, MAX_ATTRIBUTE_LENGTH);
  if (id === null) return null;
  const name = boundOptional(target.name, MAX_NAME_LENGTH);
  return {
    type: boundText(target.type, MAX_NAME_LENGTH),
    id: boundId(target.id.trim(), MAX_ATTRIBUTE_LENGTH),
    ...(name === null ? {} : { name }),
  };
}

function wholeWithin(value: number | null | undefined, max: number): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max ? value : null;
}

function attributesOf(given: Readonly<Record<string, Json | null | undefined>>): Record<string, Json> {
  // No prototype: a look-up of `constructor` or `toString` finds nothing. Typed so, since `Object.create` gives `any`.
  const attributes: Record<string, Json> = { __proto__: null } satisfies { __proto__: null };
  let count = 0;
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || count >= MAX_ATTRIBUTES) continue;
    attributes[boundText(name, MAX_NAME_LENGTH)] = storable(value);
    count += 1;
  }
  return attributes;
}

/** Texts bounded and clean, floats as their text: a record holds whole numbers only. */
function storable(value: Json): Json {
  if (typeof value === 'string') return boundText(value, MAX_ATTRIBUTE_LENGTH);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : String(value);
  if (Array.isArray(value)) return value.map(storable);
  return typeof value === 'object' ? null : value;
}

/** Freezes an event and the objects in it: only attributes hold anything deeper. */
function freeze(event: Event): Event {
  const { subject, actor, geo, device, mfa, target, attributes } = event;
  if (subject !== null) Object.freeze(subject);
  if (actor !== null) Object.freeze(actor);
  if (geo !== null) Object.freeze(geo);
  if (device !== null) Object.freeze(device);
  if (mfa !== null) Object.freeze(mfa);
  if (target !== null) Object.freeze(target);
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value === 'object') Object.freeze(value);
  }
  Object.freeze(attributes);
  return Object.freeze(event);
}
