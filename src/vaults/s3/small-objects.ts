import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { VaultError } from '../../pipeline/evidence/vault.ts';
import { asked, type Bucket } from './bucket.ts';
import { lockHeaders, type Place } from './locks.ts';
import { withPayloadDigest } from './payload-digest.ts';
import { isTaken, StoreFault } from './store-faults.ts';
import { firstVersion } from './versions.ts';

/** Far more than a note of 6,400 parts has, in bytes. */
const MAX_SMALL_BYTES = 4 * 1024 * 1024;

/**
 * Lays bytes under a key, once. With a store that knows no conditional writes, two that come in the same moment are both laid, and the first
 * one counts for both.
 * @param until locked until then, ms since 1970; the past: not locked
 * @returns the version that counts, and whether it holds these bytes
 * @throws StoreFault
 */
export async function putOnce(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  until: number,
): Promise<{ readonly place: Place; readonly same: boolean }> {
  const before = bucket.conditional ? null : await firstVersion(bucket, key);
  if (before === null) {
    const versionId = await put(bucket, key, bytes, until);
    if (versionId !== null && bucket.conditional) return { place: { key, versionId }, same: true };
  }
  const first = before ?? (await firstVersion(bucket, key));
  if (first === null)
    throw new StoreFault('unavailable', 'The evidence store says that there is something, and lists nothing', {
      kind: 'outage',
      reason: 'Inconsistent',
      status: 0,
    });
  const there = await readSmall(bucket, first);
  return { place: first, same: there.equals(bytes) };
}

/** Null: there is something already, perhaps this very write, whose answer was lost. */
async function put(bucket: Bucket, key: string, bytes: Uint8Array, until: number): Promise<string | null> {
  const digest = createHash('sha256').update(bytes).digest();
  const command = new PutObjectCommand({
    Bucket: bucket.name,
    Key: key,
    Body: bytes,
    ChecksumSHA256: digest.toString('base64'),
    ...(bucket.conditional ? { IfNoneMatch: '*' } : {}),
    ...lockHeaders(bucket, until),
  });
  try {
    const { VersionId } = await asked(bucket, 'PutObject', () =>
      bucket.client.send(withPayloadDigest(command, digest.toString('hex'))),
    );
    return requireVersion(VersionId);
  } catch (thrown) {
    if (isTaken(thrown)) return null;
    throw thrown;
  }
}

/** @throws StoreFault when the store keeps no versions: then nothing in it is written once. */
export function requireVersion(versionId: string | undefined): string {
  if (versionId !== undefined && versionId !== 'null') return versionId;
  throw new StoreFault('unavailable', 'The bucket keeps no versions: evidence needs one with Object Lock', {
    kind: 'settings',
    reason: 'NoVersion',
    status: 0,
  });
}

/** The whole of a small object. @throws VaultError `missing`, `damaged`, `unavailable`. */
export async function readSmall(bucket: Bucket, { key, versionId }: Place): Promise<Buffer> {
  return asked(bucket, 'GetObject', async () => {
    const { Body, ContentLength = 0 } = await bucket.client.send(
      new GetObjectCommand({ Bucket: bucket.name, Key: key, VersionId: versionId }),
    );
    if (ContentLength > MAX_SMALL_BYTES) throw new VaultError('damaged', 'A note beside the evidence is far too large');
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  });
}
