import { refuse, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { readGeo } from '../geo.ts';
import { canonicalIp } from '../ip.ts';
import { mfaOutcomeOf } from '../mfa-outcome.ts';
import { booleanAt, idAt, integerAt, objectAt, objectsAt, textAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { OKTA_EVENT_TYPES, OKTA_OTHER, type OktaEventType } from './okta-event-types.ts';
import { riskOfLevel } from './risk-level.ts';

/** Addresses kept of a request's chain. */
const MAX_CHAIN = 10;

/** Okta's words for a result (its management API lists twelve); anything else is unknown. */
const OUTCOMES: ReadonlyMap<string, EventOutcome> = new Map([
  ['SUCCESS', 'success'],
  ['ALLOW', 'success'],
  ['FAILURE', 'failure'],
  ['DENY', 'denied'],
  ['RATE_LIMIT', 'denied'],
  ['CHALLENGE', 'challenge'],
  ['ABANDONED', 'unanswered'],
  ['UNANSWERED', 'unanswered'],
]);

/**
 * Okta System Log events. Who is concerned depends on the event type: see `okta-event-types.ts`.
 * Hand-made fixtures; not tested against the live service.
 */
export const mapOkta: Mapping = (event) => {
  const eventType = textAt(event, 'eventType');
  if (eventType === null) return refuse('missing_field', '/eventType', 'an Okta event has an eventType');
  const type = typeOf(event, eventType);
  const actor = partyOf(objectAt(event, 'actor'));
  const concerned = concernedBy(event, type, actor);
  const draft: EventDraft = {
    id: idAt(event, 'uuid'),
    time: readRfc3339(event['published']),
    kind: type.kind,
    action: eventType,
    outcome: outcomeOf(event, eventType, type.kind),
    reason: textAt(event, 'outcome', 'reason'),
    subject: concerned.subject,
    actor,
    ip: textAt(event, 'client', 'ipAddress'),
    asn: integerAt(event, 'securityContext', 'asNumber'),
    proxy: booleanAt(event, 'securityContext', 'isProxy'),
    geo: geoOf(event),
    userAgent: textAt(event, 'client', 'userAgent', 'rawUserAgent'),
    device: deviceOf(event),
    session: textAt(event, 'authenticationContext', 'externalSessionId'),
    factor: factorOf(event, eventType, type.kind),
    target: touchedBy(event, type),
    severity: type.severity ?? null,
    risk: riskOf(event),
    attributes: {
      change: type.change,
      correlationId: textAt(event, 'transaction', 'id'),
      providerUserId: concerned.providerId,
      grantee: type.kind === 'privilege_change' ? granteeOf(event, concerned.fromTarget) : null,
      application: textAt(targetOfType(event, ['AppInstance']), 'displayName'),
      countryName: textAt(event, 'client', 'geographicalContext', 'country'),
      suspicious: booleanAt(event, 'debugContext', 'debugData', 'threatSuspected'),
      ipChain: chainOf(event),
    },
  };
  return { ok: true, draft };
};

/**
 * In the Identity Engine the password is one of the factors of `auth_via_mfa`. A wrong one is a failed sign-in; a
 * right one is not yet a success of anything.
 */
function typeOf(event: JsonObject, eventType: string): OktaEventType {
  const type = OKTA_EVENT_TYPES.get(eventType) ?? OKTA_OTHER;
  const password = textAt(event, 'debugContext', 'debugData', 'factor') === 'PASSWORD_AS_FACTOR';
  if (!password || type.kind !== 'mfa_result') return type;
  return { ...type, kind: textAt(event, 'outcome', 'result') === 'SUCCESS' ? 'other' : 'login' };
}

function outcomeOf(event: JsonObject, eventType: string, kind: EventKind): EventOutcome {
  if (eventType === 'user.mfa.okta_verify.deny_push') return 'denied';
  const outcome = OUTCOMES.get(textAt(event, 'outcome', 'result') ?? '') ?? 'unknown';
  // A prompt that was sent is a question, not yet an answer.
  if (kind === 'mfa_prompt') return outcome === 'success' ? 'challenge' : outcome;
  if (kind !== 'mfa_result' || outcome !== 'failure') return outcome;
  return mfaOutcomeOf(textAt(event, 'outcome', 'reason'), textAt(event, 'displayMessage'));
}

interface Concerned {
  readonly subject: PartyDraft | null;
  readonly providerId: string | null;
  readonly fromTarget: boolean;
}

function concernedBy(event: JsonObject, type: OktaEventType, actor: PartyDraft | null): Concerned {
  const actorObject = objectAt(event, 'actor');
  const actorIsUser = actor?.actorType === 'User' || actor?.subjectType === 'ip';
  const target = targetOfType(event, ['User', 'AppUser']);
  const fromActor: Concerned = {
    subject: actorIsUser ? actor : null,
    providerId: actorIsUser ? idAt(actorObject, 'id') : null,
    fromTarget: false,
  };
  if (type.concerns === 'actor' && actorIsUser) return fromActor;
  const party = partyOf(target);
  if (party !== null) return { subject: party, providerId: idAt(target, 'id'), fromTarget: true };
  return type.concerns === 'target' ? { subject: null, providerId: null, fromTarget: false } : fromActor;
}

/** An actor or a target: its login name where Okta knows one, else its id. `unknown` is Okta's word for nobody. */
function partyOf(party: JsonObject | null): PartyDraft | null {
  const type = textAt(party, 'type');
  const id = known(textAt(party, 'alternateId')) ?? known(idAt(party, 'id'));
  if (party === null || id === null) return null;
  if (type === 'IP address') return { id: known(idAt(party, 'id')) ?? id, subjectType: 'ip', actorType: type };
  return { id, name: textAt(party, 'displayName'), actorType: type };
}

function known(text: string | null): string | null {
  return text === null || text.toLowerCase() === 'unknown' ? null : text;
}

function targetOfType(event: JsonObject, types: readonly string[]): JsonObject | null {
  const targets = objectsAt(event, 'target');
  for (const type of types) {
    const found = targets.find((target) => textAt(target, 'type') === type);
    if (found !== undefined) return found;
  }
  return null;
}

function touchedBy(event: JsonObject, type: OktaEventType): EventDraft['target'] {
  const preferred = targetOfType(event, type.touches ?? []);
  const other = objectsAt(event, 'target').find(
    (target) => !['User', 'AppUser'].includes(textAt(target, 'type') ?? ''),
  );
  const touched = preferred ?? other ?? null;
  const granted =
    type.kind === 'privilege_change' ? textAt(event, 'debugContext', 'debugData', 'privilegeGranted') : null;
  // Classic administrator grants name the role in the debug data only, and the account as the one target.
  if (granted !== null && (preferred === null || isGroup(preferred)))
    return { type: 'role', id: granted, name: granted };
  const id = idAt(touched, 'id') ?? textAt(touched, 'displayName');
  if (touched === null || id === null) return null;
  return { type: textAt(touched, 'type') ?? 'unknown', id, name: textAt(touched, 'displayName') };
}

function granteeOf(event: JsonObject, userConcerned: boolean): string | null {
  return userConcerned ? null : textAt(targetOfType(event, ['UserGroup', 'Group']), 'displayName');
}

function isGroup(target: JsonObject): boolean {
  return ['UserGroup', 'Group'].includes(textAt(target, 'type') ?? '');
}

function geoOf(event: JsonObject): EventDraft['geo'] {
  const place = objectAt(event, 'client', 'geographicalContext');
  const point = objectAt(place, 'geolocation');
  return readGeo({
    lat: point?.['lat'],
    lon: point?.['lon'],
    country: textAt(place, 'country'),
    city: textAt(place, 'city'),
  });
}

function deviceOf(event: JsonObject): EventDraft['device'] {
  const fingerprint = textAt(event, 'debugContext', 'debugData', 'dtHash');
  const id = idAt(event, 'device', 'id') ?? fingerprint;
  return id === null ? null : { id, fingerprint };
}

function factorOf(event: JsonObject, eventType: string, kind: EventKind): string | null {
  const factor = textAt(event, 'debugContext', 'debugData', 'factor');
  if (factor !== null) return factor;
  if (kind !== 'mfa_prompt' && kind !== 'mfa_result' && kind !== 'mfa_change') return null;
  if (eventType.includes('push')) return 'OKTA_VERIFY_PUSH';
  if (eventType.includes('.sms.')) return 'SMS_FACTOR';
  if (eventType.includes('.voice.')) return 'CALL_FACTOR';
  if (eventType.includes('.email.')) return 'EMAIL_FACTOR';
  return textAt(targetOfType(event, ['AuthenticatorEnrollment']), 'displayName');
}

/** `securityContext.risk.level`, or `{level=HIGH, reasons=...}` in the debug data. */
function riskOf(event: JsonObject): number | null {
  const text = textAt(event, 'debugContext', 'debugData', 'risk')?.slice(0, 500) ?? '';
  const level = textAt(event, 'securityContext', 'risk', 'level') ?? /level=([A-Z]{1,10})/.exec(text)?.[1] ?? null;
  return riskOfLevel(level);
}

function chainOf(event: JsonObject): readonly string[] | null {
  const addresses: string[] = [];
  for (const hop of objectsAt(event, 'request', 'ipChain').slice(0, MAX_CHAIN)) {
    const ip = canonicalIp(textAt(hop, 'ip') ?? '');
    if (ip !== null) addresses.push(ip);
  }
  return addresses.length > 1 ? addresses : null;
}
