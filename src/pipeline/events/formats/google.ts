import type { Json } from '../../../platform/canonical-json.ts';
import { refuse, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { booleanAt, idAt, objectAt, objectsAt, textAt, textsAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { GOOGLE_EVENTS, GOOGLE_OTHER, type GoogleEvent } from './google-events.ts';

/**
 * Google Workspace activities (Reports API) of the applications `login` and `admin`. An activity may hold several
 * events: the first one that is not `other` decides, the names of all are kept in `eventNames`.
 * Hand-made fixtures; not tested against the live service.
 */
export const mapGoogle: Mapping = (event) => {
  const application = textAt(event, 'id', 'applicationName');
  const entries = objectsAt(event, 'events');
  const named = entries.filter((entry) => textAt(entry, 'name') !== null);
  if (application === null)
    return refuse('missing_field', '/id/applicationName', 'a Google activity names its application');
  const entry = named.find((each) => typeOf(application, each).kind !== 'other') ?? named[0];
  if (entry === undefined)
    return refuse('missing_field', '/events', 'a Google activity holds at least one named event');
  const type = typeOf(application, entry);
  const name = textAt(entry, 'name') ?? '';
  const actor = actorOf(event);
  const { kind, outcome } = classify(type, entry, name);
  const names = named.map((each) => textAt(each, 'name') ?? '');
  const affected = parameter(entry, 'USER_EMAIL') ?? parameter(entry, 'affected_email_address');
  const draft: EventDraft = {
    id: activityId(event, application),
    time: readRfc3339(objectAt(event, 'id')?.['time']),
    kind,
    action: name,
    outcome,
    reason: parameter(entry, 'login_failure_type') ?? parameter(entry, 'login_challenge_status'),
    subject: subjectOf(type, actor, affected),
    actor,
    ip: textAt(event, 'ipAddress'),
    factor: kind === 'mfa_result' || kind === 'mfa_prompt' ? (methodsOf(entry).at(-1) ?? null) : null,
    target: targetOf(entry, type),
    severity: type.severity ?? null,
    attributes: {
      change: changeOf(entry, type),
      providerUserId: affected === null ? idAt(event, 'actor', 'profileId') : null,
      suspicious: booleanParameter(entry, 'is_suspicious'),
      loginType: parameter(entry, 'login_type'),
      application,
      eventNames: names.length > 1 ? (names satisfies Json) : null,
    },
  };
  return { ok: true, draft };
};

function typeOf(application: string, entry: JsonObject): GoogleEvent {
  return GOOGLE_EVENTS.get(`${application}:${textAt(entry, 'name') ?? ''}`) ?? GOOGLE_OTHER;
}

/** `uniqueQualifier` is unique together with the time and the application only. */
function activityId(event: JsonObject, application: string): string | null {
  const qualifier = idAt(event, 'id', 'uniqueQualifier');
  const time = textAt(event, 'id', 'time');
  return qualifier === null || time === null ? null : `${application}/${time}/${qualifier}`;
}

function actorOf(event: JsonObject): PartyDraft | null {
  const type = textAt(event, 'actor', 'callerType');
  const person = textAt(event, 'actor', 'email') ?? idAt(event, 'actor', 'profileId');
  if (person !== null) return { id: person, actorType: type ?? 'USER' };
  const key = textAt(event, 'actor', 'key');
  return key === null ? null : { id: key, actorType: type ?? 'KEY' };
}

function subjectOf(type: GoogleEvent, actor: PartyDraft | null, affected: string | null): PartyDraft | null {
  if (affected !== null) return { id: affected };
  // An administrator's change of factors, passwords or privileges is about somebody else, even when it does not say whom.
  if (type.needsUser === true) return null;
  return actor?.actorType === 'KEY' ? null : actor;
}

/** A challenge is the second factor unless its only method is the password; passed, failed, or just asked for. */
function classify(type: GoogleEvent, entry: JsonObject, name: string): { kind: EventKind; outcome: EventOutcome } {
  if (name !== 'login_challenge' && name !== 'login_verification') return { kind: type.kind, outcome: type.outcome };
  const status = (parameter(entry, 'login_challenge_status') ?? '').slice(0, 100).toLowerCase();
  const passwordOnly = methodsOf(entry).length > 0 && methodsOf(entry).every((method) => method === 'password');
  if (status.includes('fail')) return { kind: passwordOnly ? 'login' : 'mfa_result', outcome: 'failure' };
  // A right password is not yet a success of anything.
  if (passwordOnly) return { kind: 'other', outcome: status.includes('pass') ? 'success' : 'unknown' };
  return status.includes('pass')
    ? { kind: 'mfa_result', outcome: 'success' }
    : { kind: 'mfa_prompt', outcome: 'challenge' };
}

function methodsOf(entry: JsonObject): readonly string[] {
  const found = parameterObject(entry, 'login_challenge_method');
  const several = textsAt(found, 'multiValue');
  return several.length > 0 ? several : textsAt(found, 'value');
}

function targetOf(entry: JsonObject, type: GoogleEvent): EventDraft['target'] {
  for (const [what, name] of type.touches ?? []) {
    const id = parameter(entry, name);
    if (id !== null) return { type: what, id, name: what === 'role' ? parameter(entry, 'ROLE_NAME') : null };
  }
  return null;
}

/** Delegated administration is switched by one event with the new value in a parameter. */
function changeOf(entry: JsonObject, type: GoogleEvent): GoogleEvent['change'] {
  if (type.switch === undefined) return type.change;
  const on = (parameter(entry, 'NEW_VALUE') ?? '').toLowerCase();
  return on === 'false' || on === 'off' ? type.switch : type.change;
}

function parameterObject(entry: JsonObject, name: string): JsonObject | null {
  return objectsAt(entry, 'parameters').find((each) => textAt(each, 'name') === name) ?? null;
}

function parameter(entry: JsonObject, name: string): string | null {
  const found = parameterObject(entry, name);
  return textAt(found, 'value') ?? textsAt(found, 'multiValue')[0] ?? idAt(found, 'intValue');
}

function booleanParameter(entry: JsonObject, name: string): boolean | null {
  const found = parameterObject(entry, name);
  return booleanAt(found, 'boolValue') ?? booleanAt(found, 'value');
}
