import type { Json } from '../../../platform/canonical-json.ts';
import { MAX_ATTRIBUTE_LENGTH, MAX_ATTRIBUTES } from '../build-event.ts';
import { refuse, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import { EVENT_KINDS, EVENT_OUTCOMES, SUBJECT_TYPES } from '../event.ts';
import { readAddress } from '../ip.ts';
import { fieldReader, type FieldReader } from './firebreak-fields.ts';
import { escapePointer, isList, isObject, type JsonObject } from '../read.ts';
import { MAX_NAME_LENGTH } from '../text.ts';
import { readEpochMs, readRfc3339, type TimeReading } from '../time.ts';
import { readOwnGeo } from './firebreak-geo.ts';

const SEVERITIES = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;

/** Members that have a place in the event; every other scalar is an attribute. */
const FIELDS: ReadonlySet<string> = new Set([
  'id',
  'time',
  'kind',
  'action',
  'outcome',
  'reason',
  'subject',
  'actor',
  'ip',
  'asn',
  'proxy',
  'geo',
  'userAgent',
  'device',
  'session',
  'mfa',
  'target',
  'severity',
  'risk',
  'attributes',
]);

/** Where the subject is looked for when `subject` is missing, in this order. */
const SUBJECT_ALIASES = [
  ['user_account', 'user'],
  ['user_id', 'user'],
  ['user', 'user'],
  ['host_id', 'host'],
  ['segment_id', 'segment'],
] as const;

/**
 * Firebreak's own format: the members of `Event` in natural form. Strict about the types of the members it knows (the
 * refusal names the first that is wrong), lenient about values that the person looked at could choose: an unreadable
 * address or time is missing, not a fault. Unknown scalars at the top become attributes; unknown lists and objects
 * are only in the raw event.
 */
export const mapFirebreak: Mapping = (event) => {
  const fields = fieldReader(event);
  const kind = fields.oneOf('kind', EVENT_KINDS);
  if (kind === null && fields.fault === null)
    return refuse('missing_field', '/kind', `kind is one of ${EVENT_KINDS.join(', ')}`);
  const subject = fields.party('subject', SUBJECT_TYPES) ?? subjectByAlias(event, kind === 'alert');
  const actor = fields.party('actor', null);
  const device = fields.named('device', 'id', 'fingerprint');
  const mfa = fields.named('mfa', 'factor');
  const target = fields.named('target', 'id', 'type', 'name');
  const attributes = attributesOf(event, fields);
  const draft: EventDraft = {
    id: fields.id('id'),
    time: timeOf(event, fields),
    kind: kind ?? 'other',
    action: fields.text('action') ?? kind ?? 'other',
    outcome: fields.oneOf('outcome', EVENT_OUTCOMES) ?? 'unknown',
    reason: fields.text('reason'),
    subject,
    actor: actor === null ? null : { id: actor.id, name: actor.name ?? null, actorType: actor.actorType ?? null },
    ip: fields.text('ip'),
    asn: fields.integer('asn', 0, 4_294_967_295),
    proxy: fields.boolean('proxy'),
    geo: readOwnGeo(fields),
    userAgent: fields.text('userAgent'),
    device: device === null ? null : { id: device['id'] ?? '', fingerprint: device['fingerprint'] ?? null },
    session: fields.id('session'),
    factor: mfa?.['factor'] ?? null,
    target:
      target === null
        ? null
        : { type: target['type'] ?? 'unknown', id: target['id'] ?? '', name: target['name'] ?? null },
    severity: fields.oneOf('severity', SEVERITIES),
    risk: fields.integer('risk', 0, 100),
    attributes,
  };
  if (fields.fault !== null) return refuse('invalid_field', fields.fault.pointer, fields.fault.detail);
  return { ok: true, draft };
};

/** RFC 3339 or milliseconds. Another type is a fault; a text that is no time leaves the time of receipt. */
function timeOf(event: JsonObject, fields: FieldReader): TimeReading {
  const value = fields.raw('time');
  if (typeof value === 'number') return readEpochMs(value);
  if (value !== undefined && value !== null && typeof value !== 'string')
    fields.blame('/time', 'must be RFC 3339 text or milliseconds since 1970');
  return readRfc3339(event['time']);
}

function subjectByAlias(event: JsonObject, isAlert: boolean): PartyDraft | null {
  for (const [name, subjectType] of SUBJECT_ALIASES) {
    const value = Object.hasOwn(event, name) ? event[name] : undefined;
    const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    // A sign-in that names a host is about nobody we know; an alert is about the host.
    if (typeof id === 'string' && id.trim() !== '' && (isAlert || subjectType === 'user')) return { id, subjectType };
  }
  const ip = Object.hasOwn(event, 'ip') ? event['ip'] : undefined;
  return isAlert && typeof ip === 'string' && readAddress(ip).ip !== null ? { id: ip, subjectType: 'ip' } : null;
}

function attributesOf(event: JsonObject, fields: FieldReader): Record<string, Json> {
  const attributes = new Map<string, Json>();
  const given = fields.raw('attributes');
  if (given !== undefined && given !== null && !isObject(given)) fields.blame('/attributes', 'must be an object');
  const own = isObject(given) ? Object.entries(given) : [];
  for (const [name, value] of own) keep(attributes, name, value, `/attributes/${escapePointer(name)}`, fields, true);
  for (const [name, value] of Object.entries(event)) {
    if (!FIELDS.has(name)) keep(attributes, name, value, `/${escapePointer(name)}`, fields, false);
  }
  return Object.fromEntries(attributes);
}

/**
 * Keeps a scalar, or in `attributes` a list of scalars. A value that is too long is left out rather than cut: a template
 * must not act on half of a name, and a missing value is an error there. It is no fault, since whoever is looked at
 * could otherwise make his own events be refused.
 */
function keep(
  into: Map<string, Json>,
  name: string,
  value: unknown,
  pointer: string,
  fields: FieldReader,
  declared: boolean,
): void {
  const items = isList(value) && declared ? value : [value];
  const scalars = items.filter(isScalar);
  if (scalars.length !== items.length) {
    if (declared) fields.blame(pointer, 'must be a text, a number, a boolean or a list of these');
    return;
  }
  const long = scalars.some((item) => typeof item === 'string' && item.length > MAX_ATTRIBUTE_LENGTH);
  if (long || items.length > MAX_ATTRIBUTES || name.length > MAX_NAME_LENGTH || into.size >= MAX_ATTRIBUTES) return;
  into.set(name, isList(value) ? scalars : (scalars[0] ?? null));
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
