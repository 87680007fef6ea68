import { refuse, type AlertSeverity, type Change, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { readGeo } from '../geo.ts';
import { mfaOutcomeOf } from '../mfa-outcome.ts';
import { booleanAt, idAt, integerAt, isObject, listAt, textAt, textsAt, valueAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { CLOUDTRAIL_EVENTS } from './cloudtrail-events.ts';
import { OKTA_EVENT_TYPES } from './okta-event-types.ts';

interface Classified {
  readonly kind: EventKind;
  readonly change?: Change;
}

const SEVERITIES: ReadonlyMap<string, AlertSeverity> = new Map([
  ['medium', 'MEDIUM'],
  ['high', 'HIGH'],
  ['critical', 'CRITICAL'],
]);

/** Words of an action by which an `iam` event says which way it went; the first that occurs decides. */
const DIRECTIONS: readonly (readonly [Change, readonly string[]])[] = [
  ['reset', ['reset']],
  ['remove', ['remove', 'delete', 'deactivat', 'disable', 'unenrol', 'revoke', 'detach', 'unassign']],
  ['add', ['add', 'creat', 'activat', 'enable', 'enrol', 'grant', 'attach', 'assign', 'register']],
  ['modify', ['updat', 'modif', 'chang', 'put']],
];

/**
 * Elastic Common Schema documents, nested or with dotted names. ECS has no word for most of our kinds: the action of
 * Okta and CloudTrail data sets is read by their own tables, others by category and words of the action.
 * Hand-made fixtures; not tested against a live cluster.
 */
export const mapEcs: Mapping = (event) => {
  const action = text(event, 'event.action') ?? text(event, 'event.code');
  const categories = textsOf(event, 'event.category');
  const eventKind = text(event, 'event.kind');
  if (action === null && categories.length === 0 && eventKind === null) {
    return refuse('missing_field', '/event', 'an ECS document has event.action, event.category or event.kind');
  }
  const { kind, change } = classify(event, action ?? '', categories, eventKind);
  const actor = partyOf(event, 'user');
  const target = partyOf(event, 'user.target') ?? partyOf(event, 'user.changes');
  const host = text(event, 'host.id') ?? text(event, 'host.name');
  const agent = text(event, 'user_agent.original');
  const draft: EventDraft = {
    id: id(event, 'event.id'),
    time: readRfc3339(value(event, '@timestamp')),
    kind,
    action: action ?? categories.join(','),
    outcome: outcomeOf(event, kind),
    reason: text(event, 'event.reason') ?? text(event, 'message'),
    subject: subjectOf(kind, actor, target, host),
    actor,
    ip: text(event, 'source.ip') ?? text(event, 'client.ip') ?? text(event, 'source.address'),
    asn: integerAt(value(event, 'source.as.number')),
    proxy: booleanAt(value(event, 'okta.security_context.is_proxy')),
    geo: geoOf(event),
    userAgent: agent,
    device: deviceOf(event),
    session: id(event, 'session.id'),
    factor:
      kind === 'mfa_result' || kind === 'mfa_prompt'
        ? (text(event, 'okta.debug_context.debug_data.factor') ?? null)
        : null,
    target: targetOf(event),
    severity: kind === 'alert' ? severityOf(event) : null,
    risk: riskOf(event),
    attributes: {
      change,
      providerUserId: id(event, target === null ? 'user.id' : 'user.target.id'),
      host_id: host,
      dataset: text(event, 'event.dataset'),
      rule: text(event, 'rule.name') ?? text(event, 'kibana.alert.rule.name'),
    },
  };
  return { ok: true, draft };
};

function classify(
  event: JsonObject,
  action: string,
  categories: readonly string[],
  eventKind: string | null,
): Classified {
  if (eventKind === 'alert' || eventKind === 'signal') return { kind: 'alert' };
  const byVendor = vendorType(event, action);
  if (byVendor !== null) return byVendor;
  const words = action.slice(0, 200).toLowerCase();
  const types = textsOf(event, 'event.type');
  const second = ['mfa', '2fa', '2sv', 'second_factor', 'second-factor'].some((word) => words.includes(word));
  if (categories.includes('iam')) return classifyIam(words, types, second || words.includes('authenticator'));
  if (categories.includes('authentication')) {
    if (second) return { kind: words.includes('push') && words.includes('sen') ? 'mfa_prompt' : 'mfa_result' };
    return { kind: types.includes('end') || /log[-_ ]?(?:out|off)/.test(words) ? 'logout' : 'login' };
  }
  const change = directionOf(words);
  const aboutLogs = /(?:^|[^a-z])(?:audit|logging|log|trail)(?:[^a-z]|$)/.test(words);
  if (categories.includes('configuration') && aboutLogs && change !== undefined)
    return { kind: 'logging_change', change: change === 'remove' ? 'disable' : change };
  return { kind: 'other' };
}

function classifyIam(words: string, types: readonly string[], aboutFactor: boolean): Classified {
  const change = directionOf(words);
  const withChange = change === undefined ? {} : { change };
  if (aboutFactor) return { kind: 'mfa_change', ...withChange };
  if (words.includes('password')) return { kind: 'password_change', ...withChange };
  if (words.includes('token') || words.includes('access_key') || words.includes('accesskey'))
    return { kind: 'token_create', ...withChange };
  const granting = ['privilege', 'role', 'grant', 'policy', 'permission'].some((word) => words.includes(word));
  if (!granting && !types.includes('admin') && !(types.includes('group') && types.includes('user')))
    return { kind: 'other', ...withChange };
  if (change === 'add') return { kind: 'privilege_change', change: 'grant' };
  return { kind: 'privilege_change', ...(change === 'remove' ? { change: 'revoke' } : withChange) };
}

/** In these data sets `event.action` is the vendor's own name of the event type. */
function vendorType(event: JsonObject, action: string): Classified | null {
  const dataset = text(event, 'event.dataset');
  const provider = (text(event, 'event.provider') ?? '').replace(/\.amazonaws\.com$/, '');
  if (dataset === 'okta.system') return OKTA_EVENT_TYPES.get(action) ?? null;
  return dataset === 'aws.cloudtrail' ? (CLOUDTRAIL_EVENTS.get(`${provider}:${action}`) ?? null) : null;
}

function directionOf(words: string): Change | undefined {
  return DIRECTIONS.find(([, parts]) => parts.some((part) => words.includes(part)))?.[0];
}

function outcomeOf(event: JsonObject, kind: EventKind): EventOutcome {
  const said = text(event, 'event.outcome');
  if (kind === 'mfa_prompt') return said === 'failure' ? 'failure' : 'challenge';
  if (said === 'success') return 'success';
  if (said !== 'failure') return 'unknown';
  return kind === 'mfa_result' ? mfaOutcomeOf(text(event, 'event.reason'), text(event, 'event.action')) : 'failure';
}

function partyOf(event: JsonObject, path: string): PartyDraft | null {
  const name = text(event, `${path}.name`);
  const party = text(event, `${path}.email`) ?? name ?? id(event, `${path}.id`);
  return party === null ? null : { id: party, name: text(event, `${path}.full_name`) ?? name, actorType: 'user' };
}

function subjectOf(
  kind: EventKind,
  actor: PartyDraft | null,
  target: PartyDraft | null,
  host: string | null,
): PartyDraft | null {
  if (target !== null) return target;
  // In ECS `user` is who acted: without a target these need not be about that person.
  if (['mfa_change', 'password_change', 'privilege_change'].includes(kind)) return null;
  if (kind === 'alert' && actor === null && host !== null) return { id: host, subjectType: 'host' };
  return actor;
}

function geoOf(event: JsonObject): EventDraft['geo'] {
  const point = value(event, 'source.geo.location');
  // A geo_point is an object, or a list with the longitude first.
  const [listLon, listLat] = listAt(point);
  const lat = isObject(point) ? valueAt(point, 'lat') : listLat;
  const lon = isObject(point) ? valueAt(point, 'lon') : listLon;
  return readGeo({
    lat,
    lon,
    country: text(event, 'source.geo.country_iso_code'),
    city: text(event, 'source.geo.city_name'),
  });
}

function deviceOf(event: JsonObject): EventDraft['device'] {
  const device = id(event, 'device.id');
  return device === null ? null : { id: device };
}

function targetOf(event: JsonObject): EventDraft['target'] {
  const group = id(event, 'group.id') ?? text(event, 'group.name');
  if (group !== null) return { type: 'group', id: group, name: text(event, 'group.name') };
  const role = textsOf(event, 'user.target.roles')[0] ?? textsOf(event, 'user.changes.roles')[0];
  return role === undefined ? null : { type: 'role', id: role };
}

function severityOf(event: JsonObject): AlertSeverity {
  const word = text(event, 'kibana.alert.severity') ?? text(event, 'log.level') ?? '';
  return SEVERITIES.get(word.slice(0, 20).toLowerCase()) ?? 'LOW';
}

function riskOf(event: JsonObject): number | null {
  const score = value(event, 'event.risk_score') ?? value(event, 'kibana.alert.risk_score');
  return typeof score === 'number' && score >= 0 && score <= 100 ? Math.round(score) : null;
}

/** The member at a dotted path: nested, or under the dotted name itself. */
function value(event: JsonObject, path: string): unknown {
  return valueAt(event, ...path.split('.')) ?? valueAt(event, path);
}

function text(event: JsonObject, path: string): string | null {
  return textAt(value(event, path));
}

function id(event: JsonObject, path: string): string | null {
  return idAt(value(event, path));
}

/** ECS lists categories and types; a single word counts as a list of one. */
function textsOf(event: JsonObject, path: string): readonly string[] {
  return textsAt(value(event, path));
}
