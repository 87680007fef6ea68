import { VaultError, type VaultErrorCode } from '../../pipeline/evidence/vault.ts';
import { messageOf } from '../../platform/errors.ts';

/**
 * What the store answered, as the port's own error. `settings` is wrong for good until somebody changes the configuration or the
 * bucket; `outage` may pass; `object` is about one object.
 */
export class StoreFault extends VaultError {
  readonly kind: 'settings' | 'outage' | 'object';
  /** The store's own word, for example `NoSuchUpload`. */
  readonly reason: string;
  /** HTTP status; 0: there was no answer. */
  readonly status: number;
  constructor(
    code: VaultErrorCode,
    message: string,
    { kind, reason, status, cause }: Pick<StoreFault, 'kind' | 'reason' | 'status'> & { readonly cause?: unknown },
  ) {
    super(code, message, cause);
    this.kind = kind;
    this.reason = reason;
    this.status = status;
  }
}

/** A fault of the configuration or the bucket that Firebreak itself found. */
export function settingsFault(message: string): StoreFault {
  return new StoreFault('unavailable', message, { kind: 'settings', reason: 'Refused', status: 0 });
}

/** Turns whatever a request threw into a fault. @param what the operation by S3's name. */
export function faultOf(thrown: unknown, what: string, bucket: string): VaultError {
  if (thrown instanceof VaultError) return thrown;
  const reason = wordOf(thrown);
  const status = statusOf(thrown);
  const known = SETTINGS.find(([names]) => names.includes(reason));
  const with_ = { reason, status, cause: thrown };
  if (MISSING.has(reason))
    return new StoreFault('missing', 'The evidence is not where it was laid', { kind: 'object', ...with_ });
  if (known !== undefined) return new StoreFault('unavailable', known[1](bucket, what), { kind: 'settings', ...with_ });
  if (reason === 'InvalidObjectState')
    return new StoreFault('unavailable', 'The store has moved it to an archive: restore it there first', {
      kind: 'object',
      ...with_,
    });
  const said = `The evidence store does not do ${what}: ${messageOf(thrown).slice(0, MAX_WORDS)}`;
  // An answer of 4xx says that the request is wrong, which the next one will be too.
  const kind = status >= 400 && status < 500 && !PASSING.has(reason) ? 'object' : 'outage';
  return new StoreFault('unavailable', said, { kind, ...with_ });
}

/** Longest part of the store's own sentence that is handed on, in UTF-16 units. */
const MAX_WORDS = 300;

const MISSING = new Set(['NoSuchKey', 'NoSuchVersion', 'NotFound']);
/** Refusals of 4xx that the next try may not meet. */
const PASSING = new Set([
  'RequestTimeout',
  'TooManyRequests',
  'SlowDown',
  'OperationAborted',
  'ConditionalRequestConflict',
]);

type Sentence = (bucket: string, what: string) => string;

/** The store's words for what only a person can change, and the change. */
const SETTINGS: readonly (readonly [names: readonly string[], sentence: Sentence])[] = [
  [
    ['NoSuchBucket'],
    (bucket) => `There is no bucket ${bucket}: correct EVIDENCE_S3_BUCKET, or make it with Object Lock`,
  ],
  [
    ['AccessDenied', 'AllAccessDisabled', 'AccountProblem', 'Forbidden'],
    (bucket, what) =>
      `The evidence store refuses ${what} on the bucket ${bucket}: give its credentials the permissions of docs/evidence-store.md`,
  ],
  [
    ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidToken', 'UnauthorizedAccess'],
    () =>
      'The evidence store does not know these credentials: correct EVIDENCE_S3_ACCESS_KEY_ID and EVIDENCE_S3_SECRET_ACCESS_KEY',
  ],
  [['ExpiredToken', 'TokenRefreshRequired'], () => 'The credentials of the evidence store have expired: renew them'],
  [
    ['CredentialsProviderError', 'AuthSdkError'],
    () =>
      'There are no credentials for the evidence store: set EVIDENCE_S3_ACCESS_KEY_ID and EVIDENCE_S3_SECRET_ACCESS_KEY, or give this machine a role',
  ],
  [
    ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException', '301'],
    (bucket) => `The bucket ${bucket} lies in another region: correct EVIDENCE_S3_REGION`,
  ],
  [
    ['RequestTimeTooSkewed', 'RequestExpired'],
    () => 'The clock of this machine is not that of the evidence store: set it (NTP)',
  ],
  [
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    () =>
      'The certificate of the evidence store is none that this machine trusts for its name: name its authority in NODE_EXTRA_CA_CERTS, or correct EVIDENCE_S3_ENDPOINT',
  ],
  [
    ['PlainRefused'],
    () =>
      'The evidence store is reached by https only: name its address in EVIDENCE_S3_ENDPOINT, or take the plain one out of the AWS settings of this machine',
  ],
  [
    ['AddressRefused'],
    () =>
      'The address of the evidence store is refused: a name that leads to a private address needs its host:port in WEBHOOK_ALLOW',
  ],
];

/** What names a failure: S3's word, or the system's for one that no store has seen. */
function wordOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'Error';
  return thrown.name === 'Error' && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
}

function statusOf(thrown: unknown): number {
  if (typeof thrown !== 'object' || thrown === null || !('$metadata' in thrown)) return 0;
  const { $metadata: metadata } = thrown;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return 0;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : 0;
}

/** Whether the store refused because something is there already. */
export function isTaken(thrown: unknown): boolean {
  return thrown instanceof StoreFault && (thrown.status === 412 || thrown.reason === 'PreconditionFailed');
}
