import { refuse, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import { readGeo } from '../geo.ts';
import { idAt, objectAt, textAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { AUTH0_OTHER, AUTH0_TYPES, type Auth0Type } from './auth0-types.ts';
import { readManagementCall, type ManagementCall } from './auth0-management.ts';

/**
 * Auth0 tenant logs, as the management API gives them or inside the `data` of a log stream. Management API
 * operations (`sapi`, `fapi`) are read by method and path. Hand-made fixtures; not tested against the live service.
 */
export const mapAuth0: Mapping = (event) => {
  const record = objectAt(event, 'data') ?? event;
  const type = textAt(record, 'type');
  if (type === null) return refuse('missing_field', '/type', 'an Auth0 log has a type');
  const call = type === 'sapi' || type === 'fapi' ? readManagementCall(record) : null;
  const known: Auth0Type = AUTH0_TYPES.get(type) ?? AUTH0_OTHER;
  const user = userOf(record);
  const draft: EventDraft = {
    id: idAt(event, 'log_id') ?? idAt(record, 'log_id') ?? idAt(record, '_id'),
    time: readRfc3339(record['date']),
    kind: call?.kind ?? known.kind,
    action: call === null ? type : `${type} ${call.operation}`,
    outcome: known.outcome,
    reason: textAt(record, 'details', 'error', 'message') ?? textAt(record, 'description'),
    subject: call === null ? subjectOf(record, known, user) : concernedBy(call, user),
    actor: call === null ? user : (call.actor ?? user),
    ip: textAt(record, 'ip'),
    geo: geoOf(record),
    userAgent: textAt(record, 'user_agent'),
    session: idAt(record, 'session_id'),
    factor:
      known.factor ??
      (known.kind === 'mfa_result' || known.kind === 'mfa_change' ? textAt(record, 'details', 'factor') : null),
    target: call?.target ?? null,
    severity: known.severity ?? null,
    attributes: {
      change: call === null ? known.change : call.change,
      providerUserId: call === null ? idAt(record, 'user_id') : (call.concerns?.id ?? null),
      application: textAt(record, 'client_name'),
      connection: textAt(record, 'connection'),
      accounts: call?.accounts,
    },
  };
  return { ok: true, draft };
};

function userOf(record: JsonObject): PartyDraft | null {
  const id = textAt(record, 'user_name') ?? idAt(record, 'user_id');
  return id === null ? null : { id, actorType: 'user' };
}

function subjectOf(record: JsonObject, type: Auth0Type, user: PartyDraft | null): PartyDraft | null {
  const ip = textAt(record, 'ip');
  // "Too many failures from one address" is about the address, whichever account came last.
  return type.aboutAddress === true && ip !== null ? { id: ip, subjectType: 'ip' } : user;
}

/** The account in the path; without one the person who acted, but never for a factor, a password or a privilege. */
function concernedBy(call: ManagementCall, user: PartyDraft | null): PartyDraft | null {
  if (call.concerns !== null) return call.concerns;
  if (['mfa_change', 'password_change', 'privilege_change'].includes(call.kind)) return null;
  const actor = call.actor ?? user;
  return actor?.actorType === 'user' ? actor : null;
}

function geoOf(record: JsonObject): EventDraft['geo'] {
  const place = objectAt(record, 'location_info');
  return readGeo({
    lat: place?.['latitude'],
    lon: place?.['longitude'],
    country: textAt(place, 'country_code'),
    city: textAt(place, 'city_name'),
  });
}
