import { EVENT_FORMATS, type EventFormat } from '../events/event.ts';

/** Which fields an event of a source has, so that a template is judged before the incident. */

/** Members of every normalised event (`Event`). */
const EVENT_MEMBERS = [
  'id',
  'weakId',
  'source',
  'mapping',
  'time',
  'receivedAt',
  'timeQuality',
  'claimedTime',
  'kind',
  'action',
  'outcome',
  'reason',
  'subject',
  'actor',
  'ip',
  'ipClass',
  'ipNormalised',
  'sourceService',
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
  'rawHash',
] as const;

/** Names of the subject where it is a user (`eventValues`). */
const SUBJECT_NAMES = ['user_id', 'user_account'] as const;

/** What each mapping keeps beside the members: its `attributes`. */
const ATTRIBUTES: Readonly<Record<EventFormat, readonly string[]>> = {
  firebreak: ['host_id', 'segment_id'],
  okta: ['change', 'correlationId', 'providerUserId', 'grantee', 'application', 'countryName', 'suspicious', 'ipChain'],
  entra: [
    'change',
    'correlationId',
    'providerUserId',
    'grantee',
    'accounts',
    'category',
    'application',
    'errorCode',
    'riskEvents',
  ],
  auth0: ['change', 'providerUserId', 'application', 'connection', 'accounts'],
  cloudtrail: [
    'change',
    'providerUserId',
    'grantee',
    'errorCode',
    'service',
    'region',
    'accountId',
    'mfaAuthenticated',
    'readOnly',
  ],
  google: ['change', 'providerUserId', 'suspicious', 'loginType', 'application', 'eventNames'],
  ocsf: ['change', 'correlationId', 'providerUserId', 'countryName', 'classUid', 'product'],
  ecs: ['change', 'providerUserId', 'host_id', 'dataset', 'rule'],
};

export interface EventFields {
  readonly known: ReadonlySet<string>;
  /** True where senders add fields of their own: a field that is not known may still come. */
  readonly open: boolean;
}

/** Of the declared sources; of all when none is declared. */
export function eventFieldsOf(sources: readonly string[]): EventFields {
  const formats = EVENT_FORMATS.filter((format) => sources.length === 0 || sources.includes(format));
  const attributes = formats.flatMap((format) => ATTRIBUTES[format]);
  return { known: new Set([...EVENT_MEMBERS, ...SUBJECT_NAMES, ...attributes]), open: formats.includes('firebreak') };
}
