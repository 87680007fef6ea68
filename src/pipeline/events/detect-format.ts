import { EVENT_KINDS, type EventFormat } from './event.ts';
import { idAt, isList, objectAt, textAt, valueAt, type JsonObject } from './read.ts';

const OWN_KINDS: ReadonlySet<string> = new Set(EVENT_KINDS);

/** The log categories under which Azure Monitor wraps an Entra record in `properties`. */
export const ENTRA_LOG_CATEGORY = /^(?:[a-z]+signinlogs|signinlogs|auditlogs)$/i;

/** How each format is told; tried in this order, the most particular first, `firebreak` last. */
const SHAPES: readonly (readonly [EventFormat, (event: JsonObject) => boolean])[] = [
  ['ocsf', (event) => typeof valueAt(event, 'class_uid') === 'number' && objectAt(event, 'metadata') !== null],
  ['google', (event) => isList(valueAt(event, 'events')) && textAt(event, 'id', 'applicationName') !== null],
  ['okta', (event) => textAt(event, 'eventType') !== null && textAt(event, 'published') !== null],
  ['cloudtrail', isCloudtrail],
  ['entra', isEntra],
  ['auth0', isAuth0],
  ['ecs', isEcs],
  ['firebreak', (event) => OWN_KINDS.has(textAt(event, 'kind') ?? '')],
];

/** The format of an event by its shape, or null when no shape fits. */
export function detectFormat(event: JsonObject): EventFormat | null {
  return SHAPES.find(([, fits]) => fits(event))?.[0] ?? null;
}

function isCloudtrail(event: JsonObject): boolean {
  const record = objectAt(event, 'detail') ?? event;
  return textAt(record, 'eventName') !== null && textAt(record, 'eventSource') !== null;
}

function isEntra(event: JsonObject): boolean {
  const wrapped = ENTRA_LOG_CATEGORY.test(textAt(event, 'category') ?? '');
  const record = (wrapped ? objectAt(event, 'properties') : null) ?? event;
  const signIn = textAt(record, 'createdDateTime') !== null && objectAt(record, 'status') !== null;
  return signIn || (textAt(record, 'activityDateTime') !== null && textAt(record, 'activityDisplayName') !== null);
}

function isAuth0(event: JsonObject): boolean {
  const named = idAt(event, 'log_id') !== null || idAt(event, '_id') !== null;
  const record = objectAt(event, 'data') ?? event;
  return named && textAt(record, 'type') !== null && valueAt(record, 'date') !== undefined;
}

function isEcs(event: JsonObject): boolean {
  const described = objectAt(event, 'event') ?? valueAt(event, 'event.kind') ?? valueAt(event, 'event.category');
  return valueAt(event, '@timestamp') !== undefined && described !== undefined;
}
