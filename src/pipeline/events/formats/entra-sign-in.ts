import type { EventDraft, MappingResult } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { readGeo } from '../geo.ts';
import { mfaOutcomeOf } from '../mfa-outcome.ts';
import { booleanAt, idAt, integerAt, objectAt, objectsAt, textAt, textsAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { riskOfLevel } from './risk-level.ts';

/** The second factor was asked for and not passed. */
const MFA_FAILED = 500_121;

/**
 * Codes of `status.errorCode`. 0, 50126, 50053, 50074, 50076 and 500121 come from the study of the formats, 50057 and
 * 53003 from published rules (SigmaHQ/sigma @8eaafff1); the others are from knowledge. A code that is not here is
 * `unknown`: most of the remaining ones are about tokens and applications, and no failed attempt of a person.
 */
const OUTCOME_OF_CODE: ReadonlyMap<number, EventOutcome> = new Map([
  [0, 'success'],
  // Wrong password, locked, no such user, expired password.
  [50126, 'failure'],
  [50053, 'failure'],
  [50034, 'failure'],
  [50056, 'failure'],
  [50055, 'failure'],
  // Interruptions: something more is asked for.
  [50072, 'challenge'],
  [50074, 'challenge'],
  [50076, 'challenge'],
  [50079, 'challenge'],
  [50097, 'challenge'],
  [50125, 'challenge'],
  [50140, 'challenge'],
  [50158, 'challenge'],
  [50203, 'challenge'],
  [53004, 'challenge'],
  [65001, 'challenge'],
  // Stopped by a policy or a disabled account.
  [50057, 'denied'],
  [50105, 'denied'],
  [53000, 'denied'],
  [53001, 'denied'],
  [53002, 'denied'],
  [53003, 'denied'],
  [530032, 'denied'],
  [530034, 'denied'],
]);

/**
 * One sign-in record. The correlation id, which Entra repeats over the records of one sign-in (interruption, retry),
 * goes to the attribute `correlationId` and not to `session`: the client chooses it, so it may group, but nothing may
 * be skipped because of it. `session` is Entra's own session id, where the record has one.
 */
export function mapEntraSignIn(record: JsonObject): MappingResult {
  const code = integerAt(record, 'status', 'errorCode');
  const { kind, outcome } = classify(record, code);
  const user = textAt(record, 'userPrincipalName') ?? idAt(record, 'userId') ?? idAt(record, 'servicePrincipalId');
  const party = user === null ? null : { id: user, name: textAt(record, 'userDisplayName'), actorType: 'User' };
  const deviceId = idAt(record, 'deviceDetail', 'deviceId');
  const draft: EventDraft = {
    id: idAt(record, 'id'),
    time: readRfc3339(record['createdDateTime']),
    kind,
    action: booleanAt(record, 'isInteractive') === false ? 'signIn.nonInteractive' : 'signIn',
    outcome,
    reason: textAt(record, 'status', 'additionalDetails') ?? textAt(record, 'status', 'failureReason'),
    subject: party,
    actor: party,
    ip: textAt(record, 'ipAddress'),
    asn: integerAt(record, 'autonomousSystemNumber'),
    geo: geoOf(record),
    userAgent: textAt(record, 'userAgent') ?? textAt(record, 'deviceDetail', 'browser'),
    device: deviceId === null ? null : { id: deviceId },
    session: idAt(record, 'sessionId'),
    factor: factorOf(record),
    risk: riskOfLevel(textAt(record, 'riskLevelDuringSignIn')),
    attributes: {
      correlationId: idAt(record, 'correlationId'),
      providerUserId: idAt(record, 'userId'),
      application: textAt(record, 'appDisplayName'),
      errorCode: code === null ? null : String(code),
      riskEvents: riskEventsOf(record),
    },
  };
  return { ok: true, draft };
}

function classify(record: JsonObject, code: number | null): { kind: EventKind; outcome: EventOutcome } {
  const texts = [
    textAt(record, 'status', 'additionalDetails'),
    ...failedSteps(record),
    textAt(record, 'status', 'failureReason'),
  ];
  const saysMfaDenied = texts.some((text) => (text ?? '').slice(0, 500).toLowerCase().includes('mfa denied'));
  if (code === MFA_FAILED || (code !== null && code !== 0 && saysMfaDenied)) {
    return { kind: 'mfa_result', outcome: mfaOutcomeOf(...texts.slice(0, -1)) };
  }
  return { kind: 'login', outcome: code === null ? 'unknown' : (OUTCOME_OF_CODE.get(code) ?? 'unknown') };
}

/** What `authenticationDetails[]` says about the steps that were not passed. */
function failedSteps(record: JsonObject): readonly (string | null)[] {
  return objectsAt(record, 'authenticationDetails')
    .filter((step) => booleanAt(step, 'succeeded') === false)
    .map((step) => textAt(step, 'authenticationStepResultDetail'));
}

/** The method of the second factor: of the last step that is not the password. */
function factorOf(record: JsonObject): string | null {
  const summary = textAt(record, 'mfaDetail', 'authMethod');
  if (summary !== null) return summary;
  const methods = objectsAt(record, 'authenticationDetails').map((step) => textAt(step, 'authenticationMethod'));
  const second = methods.filter(
    (method) => method !== null && !['password', 'previously satisfied'].includes(method.slice(0, 50).toLowerCase()),
  );
  return second.at(-1) ?? null;
}

function geoOf(record: JsonObject): EventDraft['geo'] {
  const place = objectAt(record, 'location');
  const point = objectAt(place, 'geoCoordinates');
  const country = textAt(place, 'countryOrRegion');
  return readGeo({ lat: point?.['latitude'], lon: point?.['longitude'], country, city: textAt(place, 'city') });
}

function riskEventsOf(record: JsonObject): readonly string[] | null {
  const events = textsAt(record, 'riskEventTypes_v2');
  return events.length === 0 ? null : events.slice(0, 20);
}
