import { refuse, type AlertSeverity, type Change, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { readGeo } from '../geo.ts';
import { mfaOutcomeOf } from '../mfa-outcome.ts';
import { booleanAt, idAt, integerAt, objectAt, objectsAt, textAt, textsAt, type JsonObject } from '../read.ts';
import { firstReadable, readEpochMs, readRfc3339, type TimeReading } from '../time.ts';

/** OCSF classes (ocsf/ocsf-schema @a5cfc68e): category × 1000 + uid. */
const ACCOUNT_CHANGE = 3001;
const AUTHENTICATION = 3002;
const USER_ACCESS = 3005;
const GROUP_MANAGEMENT = 3006;
const DETECTION_FINDING = 2004;

interface Activity {
  readonly kind: EventKind;
  readonly change?: Change;
}

/** `class/activity_id` (ocsf/ocsf-schema @a5cfc68e; 3006 from ocsf/examples). What is not here is `other`. */
const ACTIVITIES: ReadonlyMap<string, Activity> = new Map([
  ['3001/1', { kind: 'other', change: 'create' }],
  ['3001/2', { kind: 'other', change: 'enable' }],
  ['3001/3', { kind: 'password_change', change: 'modify' }],
  ['3001/4', { kind: 'password_change', change: 'reset' }],
  ['3001/5', { kind: 'other', change: 'disable' }],
  ['3001/6', { kind: 'other', change: 'delete' }],
  ['3001/7', { kind: 'privilege_change', change: 'grant' }],
  ['3001/8', { kind: 'privilege_change', change: 'revoke' }],
  ['3001/9', { kind: 'other', change: 'disable' }],
  ['3001/10', { kind: 'mfa_change', change: 'add' }],
  ['3001/11', { kind: 'mfa_change', change: 'remove' }],
  ['3001/12', { kind: 'other', change: 'enable' }],
  ['3002/1', { kind: 'login' }],
  ['3002/2', { kind: 'logout' }],
  ['3002/3', { kind: 'login' }],
  ['3005/1', { kind: 'privilege_change', change: 'grant' }],
  ['3005/2', { kind: 'privilege_change', change: 'revoke' }],
  ['3006/1', { kind: 'privilege_change', change: 'grant' }],
  ['3006/2', { kind: 'privilege_change', change: 'revoke' }],
  ['3006/3', { kind: 'privilege_change', change: 'grant' }],
  ['3006/4', { kind: 'privilege_change', change: 'revoke' }],
] satisfies readonly (readonly [string, Activity])[]);

const SEVERITIES: ReadonlyMap<number, AlertSeverity> = new Map([
  [3, 'MEDIUM'],
  [4, 'HIGH'],
  [5, 'CRITICAL'],
  [6, 'CRITICAL'],
]);

/**
 * OCSF 1.x: authentication (3002), account change (3001), user access (3005), group management (3006), and detection
 * findings (2004) as alerts; other classes become `other`. Tested against the pairs of ocsf/examples.
 */
export const mapOcsf: Mapping = (event) => {
  const classUid = integerAt(event, 'class_uid');
  if (classUid === null) return refuse('missing_field', '/class_uid', 'an OCSF event has a class_uid');
  const activityId = integerAt(event, 'activity_id');
  const { kind, change, outcome } = classify(event, classUid, activityId);
  const origin = originOf(event, classUid);
  const actor = partyOf(objectAt(event, 'actor', 'user'));
  const own = partyOf(objectAt(event, 'user')) ?? (classUid === AUTHENTICATION ? actor : null);
  const endpoint = objectAt(origin, 'src_endpoint');
  const draft: EventDraft = {
    id: idAt(event, 'metadata', 'uid'),
    time: timeOf(event),
    kind,
    action: actionOf(event, classUid, activityId),
    outcome,
    reason: textAt(event, 'status_detail') ?? textAt(event, 'message') ?? textAt(event, 'finding_info', 'title'),
    subject: subjectOf(classUid, own, actor, origin),
    actor: actor ?? (classUid === AUTHENTICATION ? own : null),
    ip: textAt(endpoint, 'ip') ?? textAt(endpoint, 'domain') ?? textAt(endpoint, 'svc_name'),
    asn: integerAt(endpoint, 'autonomous_system', 'number'),
    proxy: objectAt(endpoint, 'proxy_endpoint') === null ? null : true,
    geo: geoOf(objectAt(endpoint, 'location')),
    userAgent: textAt(event, 'http_request', 'user_agent'),
    device: deviceOf(event),
    session: idAt(event, 'session', 'uid') ?? idAt(event, 'actor', 'session', 'uid'),
    factor: factorOf(event),
    target: targetOf(event, classUid),
    severity: kind === 'alert' ? (SEVERITIES.get(integerAt(event, 'severity_id') ?? 0) ?? 'LOW') : null,
    risk: integerAt(event, 'risk_score'),
    attributes: {
      change,
      correlationId: idAt(event, 'metadata', 'correlation_uid'),
      providerUserId: idAt(event, 'user', 'uid'),
      countryName: textAt(endpoint, 'location', 'country'),
      classUid,
      product: textAt(event, 'metadata', 'product', 'name'),
    },
  };
  return { ok: true, draft };
};

function classify(
  event: JsonObject,
  classUid: number,
  activityId: number | null,
): Activity & { outcome: EventOutcome } {
  if (classUid === DETECTION_FINDING) return { kind: 'alert', outcome: 'unknown' };
  const activity = ACTIVITIES.get(`${classUid}/${activityId ?? 0}`) ?? { kind: 'other' as const };
  const outcome = outcomeOf(event);
  // A logon that used a second factor and failed, failed there: the class has no finer word.
  if (activity.kind === 'login' && outcome === 'failure' && booleanAt(event, 'is_mfa') === true) {
    return { kind: 'mfa_result', outcome: mfaOutcomeOf(textAt(event, 'status_detail'), textAt(event, 'status_code')) };
  }
  return { ...activity, outcome };
}

/** `status_id` 1 and 2; some producers send the word only. */
function outcomeOf(event: JsonObject): EventOutcome {
  const status = integerAt(event, 'status_id') ?? (textAt(event, 'status') ?? '').slice(0, 20).toLowerCase();
  if (status === 1 || status === 'success') return 'success';
  return status === 2 || status === 'failure' ? 'failure' : 'unknown';
}

/** Milliseconds by the schema; where a producer wrote seconds there, its `time_dt` says the same rightly. */
function timeOf(event: JsonObject): TimeReading {
  return firstReadable(readEpochMs(event['time']), readRfc3339(event['time_dt']));
}

/** The vendor's own word for it where there is one, else the class and the activity. */
function actionOf(event: JsonObject, classUid: number, activityId: number | null): string {
  const vendor = textAt(event, 'api', 'operation') ?? textAt(event, 'metadata', 'event_code');
  return vendor ?? textAt(event, 'type_name') ?? `${classUid}/${activityId ?? 0}`;
}

/** In findings the endpoint and the account stand in the first evidence. */
function originOf(event: JsonObject, classUid: number): JsonObject {
  if (classUid !== DETECTION_FINDING || objectAt(event, 'src_endpoint') !== null) return event;
  return objectsAt(event, 'evidences')[0] ?? event;
}

/**
 * A user object as one identity: mail address, AWS ARN, a name that is an address, the id, the name. A name alone
 * may be a display name, so the id goes first.
 */
function partyOf(user: JsonObject | null): PartyDraft | null {
  const uid = idAt(user, 'uid');
  const name = textAt(user, 'name');
  const arn = uid?.startsWith('arn:') === true ? uid : null;
  const address = name?.includes('@') === true ? name : null;
  const id = textAt(user, 'email_addr') ?? arn ?? address ?? uid ?? name;
  return id === null ? null : { id, name, actorType: textAt(user, 'type') };
}

function subjectOf(
  classUid: number,
  own: PartyDraft | null,
  actor: PartyDraft | null,
  origin: JsonObject,
): PartyDraft | null {
  if (own !== null) return own;
  if (classUid === ACCOUNT_CHANGE || classUid === USER_ACCESS || classUid === GROUP_MANAGEMENT) return null;
  if (classUid !== DETECTION_FINDING) return actor;
  const evidenced = partyOf(objectAt(origin, 'actor', 'user')) ?? partyOf(objectAt(origin, 'user'));
  if (evidenced !== null) return evidenced;
  const ip = textAt(origin, 'src_endpoint', 'ip');
  return ip === null ? actor : { id: ip, subjectType: 'ip' };
}

function geoOf(location: JsonObject | null): EventDraft['geo'] {
  return readGeo({
    lat: location?.['lat'],
    lon: location?.['long'],
    country: textAt(location, 'country'),
    city: textAt(location, 'city'),
  });
}

function deviceOf(event: JsonObject): EventDraft['device'] {
  const id = idAt(event, 'device', 'uid') ?? idAt(event, 'src_endpoint', 'uid');
  return id === null ? null : { id };
}

function factorOf(event: JsonObject): string | null {
  const factors = objectsAt(event, 'auth_factors');
  const second = factors.at(-1);
  return textAt(second, 'factor_type') ?? (booleanAt(event, 'is_mfa') === true ? 'mfa' : null);
}

function targetOf(event: JsonObject, classUid: number): EventDraft['target'] {
  const group = objectAt(event, 'group');
  const groupId = idAt(group, 'uid') ?? textAt(group, 'name');
  if (groupId !== null && classUid === GROUP_MANAGEMENT)
    return { type: 'group', id: groupId, name: textAt(group, 'name') };
  const policy = objectAt(event, 'policy') ?? objectsAt(event, 'policies')[0] ?? null;
  const policyId = idAt(policy, 'uid') ?? textAt(policy, 'name');
  if (policyId !== null) return { type: 'policy', id: policyId, name: textAt(policy, 'name') };
  const privilege = textsAt(event, 'privileges')[0];
  if (privilege !== undefined) return { type: 'privilege', id: privilege };
  const resource = objectAt(event, 'resource') ?? objectsAt(event, 'resources')[0] ?? null;
  const resourceId = idAt(resource, 'uid') ?? textAt(resource, 'name');
  return resourceId === null
    ? null
    : { type: textAt(resource, 'type') ?? 'resource', id: resourceId, name: textAt(resource, 'name') };
}
