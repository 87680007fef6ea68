import { createHash, randomBytes } from 'node:crypto';
import { GetObjectLockConfigurationCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { asked, PROBES, type Bucket } from './bucket.ts';
import { readHold, requireLock, writeHold, type Place } from './locks.ts';
import { requireVersion } from './small-objects.ts';
import { isTaken, settingsFault, StoreFault } from './store-faults.ts';
import { deleteVersion, versionsBelow } from './versions.ts';

/** How long the lock of a probe stands, in ms: long enough to be tried, and gone before the next start looks for it. */
const PROBE_LOCK_MS = 60_000;
/** Probes of earlier starts that are removed at one. */
const MAX_OLD_PROBES = 100;
/** From here on stores refuse a request as too old, and terms that are counted by our clock mean something else there; in ms. */
const MAX_SKEW_MS = 15 * 60_000;

/**
 * Tries on small objects of its own what the store promises, and believes nothing that it only says: that bytes are compared with their
 * SHA-256, that a lock in COMPLIANCE mode is read back and refuses a delete of its version, and that a legal hold does. Finds out
 * whether it knows conditional writes.
 * @throws StoreFault of kind `settings` with the fix for what only a person can change; `outage`
 */
export async function prove(bucket: Bucket): Promise<void> {
  await requireObjectLock(bucket);
  await requireSameClock(bucket);
  await removeOldProbes(bucket).catch(() => undefined);
  await requireChecksums(bucket);
  await requireHold(bucket);
  await requireCompliance(bucket);
}

async function requireObjectLock(bucket: Bucket): Promise<void> {
  const without = settingsFault(
    `The bucket ${bucket.name} has no Object Lock: name one in EVIDENCE_S3_BUCKET that was made with it (docs/evidence-store.md)`,
  );
  try {
    const { ObjectLockConfiguration: found } = await asked(bucket, 'GetObjectLockConfiguration', () =>
      bucket.client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket.name })),
    );
    if (found?.ObjectLockEnabled !== 'Enabled') throw without;
  } catch (thrown) {
    if (!(thrown instanceof StoreFault)) throw thrown;
    throw NO_LOCK.has(thrown.reason) ? without : thrown;
  }
}

/** How stores say that a bucket has none, or that they know no such thing. */
const NO_LOCK = new Set([
  'ObjectLockConfigurationNotFoundError',
  'NotImplemented',
  'MethodNotAllowed',
  'InvalidBucketState',
]);

/** The SDK has compared the clocks by now, and goes by the store's: terms would still go by ours. */
async function requireSameClock({ client }: Bucket): Promise<void> {
  const skewMs = client.config.systemClockOffset;
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
  const by = `${Math.round(Math.abs(skewMs) / 60_000)} min ${skewMs > 0 ? 'behind' : 'ahead of'}`;
  throw settingsFault(`The clock of this machine is ${by} that of the evidence store: set it (NTP)`);
}

function probeKey({ prefix }: Bucket): string {
  return `${prefix}${PROBES}${randomBytes(16).toString('hex')}`;
}

async function putProbe(
  bucket: Bucket,
  Key: string,
  more: Partial<ConstructorParameters<typeof PutObjectCommand>[0]> = {},
): Promise<Place> {
  const Body = Buffer.from('This was written to try the lock of the bucket.\n');
  const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
  const { VersionId } = await asked(bucket, 'PutObject', () =>
    bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body, ChecksumSHA256, ...more })),
  );
  return { key: Key, versionId: requireVersion(VersionId) };
}

async function requireChecksums(bucket: Bucket): Promise<void> {
  const wrong = createHash('sha256').update('something else').digest('base64');
  try {
    const taken = await putProbe(bucket, probeKey(bucket), { ChecksumSHA256: wrong });
    await deleteVersion(bucket, taken);
  } catch (thrown) {
    if (thrown instanceof StoreFault && thrown.kind === 'object') return;
    throw thrown;
  }
  throw settingsFault('The evidence store takes bytes that are not those of their SHA-256: use one that compares them');
}

/** An object that only a hold keeps: it also shows that our credentials may delete, so that a refusal is the lock's and not theirs. */
async function requireHold(bucket: Bucket): Promise<void> {
  const probe = await putProbe(bucket, probeKey(bucket));
  await writeHold(bucket, probe, true);
  if (await isDeletable(bucket, probe)) throw settingsFault('The evidence store removes what a legal hold stands on');
  await writeHold(bucket, probe, false);
  if (await readHold(bucket, probe)) throw settingsFault('The evidence store does not lift a legal hold');
  if (await isDeletable(bucket, probe)) return;
  throw settingsFault(
    `The evidence store keeps what nothing stands on: give the credentials s3:DeleteObjectVersion on ${bucket.name}, and the bucket no default retention`,
  );
}

async function requireCompliance(bucket: Bucket): Promise<void> {
  const key = probeKey(bucket);
  const until = bucket.wallNow() + PROBE_LOCK_MS;
  const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date(until) } as const;
  const probe = await putProbe(bucket, key, lock);
  await requireLock(bucket, probe, until - 1_000);
  if (await isDeletable(bucket, probe))
    throw settingsFault(
      'The evidence store says that a lock stands and removes what it stands on: it has no Object Lock that counts',
    );
  bucket.conditional = await knowsConditions(bucket, key);
}

/** Whether a second write to a name that is taken is refused when that was asked for. */
async function knowsConditions(bucket: Bucket, key: string): Promise<boolean> {
  try {
    await putProbe(bucket, key, { IfNoneMatch: '*' });
    return false;
  } catch (thrown) {
    if (isTaken(thrown)) return true;
    // 501 and 400 are how older stores answer to a header that they do not know.
    if (thrown instanceof StoreFault && (thrown.kind === 'object' || thrown.status === 501)) return false;
    throw thrown;
  }
}

/** Tries it. An outage says nothing, and is thrown. */
async function isDeletable(bucket: Bucket, place: Place): Promise<boolean> {
  try {
    await deleteVersion(bucket, place);
    return true;
  } catch (thrown) {
    if (thrown instanceof StoreFault && thrown.status >= 400 && thrown.status < 500) return false;
    throw thrown;
  }
}

async function removeOldProbes(bucket: Bucket): Promise<void> {
  let looked = 0;
  for await (const { key, versionId, at } of versionsBelow(bucket, `${bucket.prefix}${PROBES}`)) {
    looked += 1;
    if (looked > MAX_OLD_PROBES) return;
    if (at < bucket.wallNow() - 2 * PROBE_LOCK_MS)
      await deleteVersion(bucket, { key, versionId }).catch(() => undefined);
  }
}
