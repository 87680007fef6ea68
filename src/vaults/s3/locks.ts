import {
  GetObjectLegalHoldCommand,
  GetObjectRetentionCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import { asked, type Bucket } from './bucket.ts';
import { StoreFault } from './store-faults.ts';

/** One version of one key: the only thing that a lock stands on. */
export interface Place {
  readonly key: string;
  readonly versionId: string;
}

/** What the store says of a version's lock. */
export interface Lock {
  readonly mode: string;
  /** ms since 1970. */
  readonly until: number;
}

/** What goes with a write so that it is locked from its first moment; nothing where the time has passed, which no store takes. */
export function lockHeaders(
  { wallNow }: Bucket,
  until: number,
): {
  readonly ObjectLockMode?: 'COMPLIANCE';
  readonly ObjectLockRetainUntilDate?: Date;
} {
  if (!isAhead(wallNow(), until)) return {};
  return { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: lockDate(until) };
}

/** How far ahead a term has to be to be worth a lock, in ms: the request takes its time. */
const LEAST_AHEAD_MS = 5_000;

export function isAhead(now: number, until: number): boolean {
  return until > now + LEAST_AHEAD_MS;
}

/** Latest day that an ISO date with four digits of a year can name. */
const LAST_MS = Date.UTC(9999, 11, 31);

/** Stores keep whole seconds: rounded up, so that nothing goes a moment early. */
function lockDate(until: number): Date {
  return new Date(Math.min(Math.ceil(until / 1_000) * 1_000, LAST_MS));
}

/** Null: there is no lock. @throws StoreFault */
export async function readLock(bucket: Bucket, { key, versionId }: Place): Promise<Lock | null> {
  const { name: Bucket, client } = bucket;
  try {
    const { Retention } = await asked(bucket, 'GetObjectRetention', () =>
      client.send(new GetObjectRetentionCommand({ Bucket, Key: key, VersionId: versionId })),
    );
    const until = Retention?.RetainUntilDate?.getTime() ?? 0;
    return Retention?.Mode === undefined ? null : { mode: Retention.Mode, until };
  } catch (thrown) {
    if (isNoLock(thrown)) return null;
    throw thrown;
  }
}

/**
 * Locks a version in COMPLIANCE mode at least until then, and reads it back. Only ever extends.
 * @throws StoreFault `unavailable` when the store says that it did and did not.
 */
export async function extendLock(bucket: Bucket, place: Place, until: number): Promise<void> {
  if (!isAhead(bucket.wallNow(), until)) return;
  const before = await readLock(bucket, place);
  if (before?.mode === 'COMPLIANCE' && before.until >= until) return;
  const wanted = lockDate(Math.max(until, before?.until ?? 0));
  await asked(bucket, 'PutObjectRetention', () =>
    bucket.client.send(
      new PutObjectRetentionCommand({
        Bucket: bucket.name,
        Key: place.key,
        VersionId: place.versionId,
        Retention: { Mode: 'COMPLIANCE', RetainUntilDate: wanted },
      }),
    ),
  );
  await requireLock(bucket, place, until);
}

/** @throws StoreFault `unavailable` when the lock that was asked for does not stand. */
export async function requireLock(bucket: Bucket, place: Place, until: number): Promise<void> {
  const lock = await readLock(bucket, place);
  if (lock?.mode === 'COMPLIANCE' && lock.until >= until) return;
  const found = lock === null ? 'none' : `${lock.mode} until ${new Date(lock.until).toISOString()}`;
  throw new StoreFault(
    'unavailable',
    `The evidence store took a lock in COMPLIANCE mode until ${new Date(until).toISOString()} and has ${found}`,
    { kind: 'settings', reason: 'LockNotKept', status: 0 },
  );
}

export async function readHold(bucket: Bucket, { key, versionId }: Place): Promise<boolean> {
  const { name: Bucket, client } = bucket;
  try {
    const { LegalHold } = await asked(bucket, 'GetObjectLegalHold', () =>
      client.send(new GetObjectLegalHoldCommand({ Bucket, Key: key, VersionId: versionId })),
    );
    return LegalHold?.Status === 'ON';
  } catch (thrown) {
    if (isNoLock(thrown)) return false;
    throw thrown;
  }
}

/** Sets or lifts the hold on a version, and reads it back. @throws StoreFault */
export async function writeHold(bucket: Bucket, place: Place, held: boolean): Promise<void> {
  if ((await readHold(bucket, place)) === held) return;
  await asked(bucket, 'PutObjectLegalHold', () =>
    bucket.client.send(
      new PutObjectLegalHoldCommand({
        Bucket: bucket.name,
        Key: place.key,
        VersionId: place.versionId,
        LegalHold: { Status: held ? 'ON' : 'OFF' },
      }),
    ),
  );
  if ((await readHold(bucket, place)) === held) return;
  throw new StoreFault('unavailable', 'The evidence store took a legal hold and does not have it', {
    kind: 'settings',
    reason: 'HoldNotKept',
    status: 0,
  });
}

/** How stores say that nothing was ever set on a version. */
function isNoLock(thrown: unknown): boolean {
  return thrown instanceof StoreFault && thrown.reason === 'NoSuchObjectLockConfiguration';
}
