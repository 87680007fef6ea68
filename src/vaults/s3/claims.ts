import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import { VaultError } from '../../pipeline/evidence/vault.ts';
import type { BlockForm } from '../sealed-blocks.ts';
import { asked, CLAIMS, claimKey, contentKey, objectFolder, type Bucket } from './bucket.ts';
import { bytesOf, readClaim, type Claim } from './notes.ts';
import { putOnce } from './small-objects.ts';
import { StoreFault } from './store-faults.ts';
import type { SentPart } from './upload.ts';
import { deleteVersion, firstVersion, versionsBelow, versionsByKey } from './versions.ts';

/** Unfinished uploads of one object that are looked at: a request whose answer was lost may have begun a second one. */
const MAX_UPLOADS = 10;

/** Takes a name for a write, so that no other one has it. @throws VaultError `taken`, `unavailable`. */
export async function claim(bucket: Bucket, ref: string, form: BlockForm): Promise<Claim> {
  const header = form.header.length === 0 ? null : form.header.toString('base64');
  const said: Claim = { nonce: randomBytes(16).toString('hex'), header };
  const { same } = await putOnce(bucket, claimKey(bucket, ref), bytesOf(said), 0);
  if (!same) throw taken(ref);
  // Claims go when their object is there: what has none may still have been written.
  const there = await versionsByKey(bucket, objectFolder(bucket, ref));
  if (there.size === 0) return said;
  await dropClaim(bucket, ref);
  throw taken(ref);
}

/**
 * Whoever takes a write for dead takes its claim away: one that was only slow must not go on then.
 * @throws VaultError `unavailable`.
 */
export async function requireOwnClaim(bucket: Bucket, ref: string, { nonce }: Claim): Promise<void> {
  if ((await claimOf(bucket, ref))?.nonce === nonce) return;
  throw new VaultError('unavailable', 'Another process took this write for dead and has finished it');
}

function taken(ref: string): VaultError {
  return new VaultError('taken', `There is an object ${ref} already`);
}

/** What a claim says; null: there is none, or it says nothing. @throws StoreFault */
export async function claimOf(bucket: Bucket, ref: string): Promise<Claim | null> {
  const first = await firstVersion(bucket, claimKey(bucket, ref));
  return first === null ? null : readClaim(bucket, first);
}

/** Takes a claim away. @throws StoreFault */
export async function dropClaim(bucket: Bucket, ref: string): Promise<void> {
  const key = claimKey(bucket, ref);
  for (const { versionId } of (await versionsByKey(bucket, key)).get(key) ?? []) {
    try {
      await deleteVersion(bucket, { key, versionId });
    } catch (thrown) {
      // Where the bucket itself locks everything for a time, a claim is only hidden.
      if (!(thrown instanceof StoreFault) || thrown.kind === 'outage') throw thrown;
      await hide(bucket, key);
      return;
    }
  }
}

async function hide(bucket: Bucket, key: string): Promise<void> {
  await asked(bucket, 'DeleteObject', () =>
    bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key })),
  );
}

/** Names of all claims that stand. @throws StoreFault */
export async function claimed(bucket: Bucket): Promise<readonly string[]> {
  const prefix = `${bucket.prefix}${CLAIMS}`;
  const hidden = new Set<string>();
  const standing = new Set<string>();
  for await (const { key, isMarker } of versionsBelow(bucket, prefix)) {
    const name = key.slice(prefix.length);
    if (isMarker) hidden.add(name);
    else standing.add(name);
  }
  return [...standing].filter((name) => !hidden.has(name));
}

/** An upload that was begun and has not become an object. */
export interface OpenUpload {
  readonly uploadId: string;
  /** From the first one on without a gap. */
  readonly parts: readonly SentPart[];
}

/** The uploads of one object, the one that got furthest first. @throws StoreFault */
export async function openUploads(bucket: Bucket, ref: string): Promise<readonly OpenUpload[]> {
  const key = contentKey(bucket, ref);
  const { Uploads = [] } = await asked(bucket, 'ListMultipartUploads', () =>
    bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: key, MaxUploads: MAX_UPLOADS })),
  );
  const found: OpenUpload[] = [];
  for (const { Key, UploadId } of Uploads) {
    if (Key !== key || UploadId === undefined) continue;
    found.push({ uploadId: UploadId, parts: await partsOf(bucket, key, UploadId) });
  }
  return found.sort((left, right) => right.parts.length - left.parts.length);
}

async function partsOf(bucket: Bucket, Key: string, UploadId: string): Promise<readonly SentPart[]> {
  const parts: SentPart[] = [];
  for (let PartNumberMarker: string | undefined; ;) {
    const marker: { readonly PartNumberMarker?: string } = PartNumberMarker === undefined ? {} : { PartNumberMarker };
    const page = await asked(bucket, 'ListParts', () =>
      bucket.client.send(new ListPartsCommand({ Bucket: bucket.name, Key, UploadId, ...marker })),
    );
    for (const { PartNumber, ETag = '', Size = 0, ChecksumSHA256 = '' } of page.Parts ?? []) {
      // A gap is a part that never came: what lies behind it is in no order.
      if (PartNumber !== parts.length + 1) return parts;
      parts.push({ etag: ETag, size: Size, sha256: Buffer.from(ChecksumSHA256, 'base64').toString('hex') });
    }
    if (page.IsTruncated !== true || page.NextPartNumberMarker === undefined) return parts;
    PartNumberMarker = page.NextPartNumberMarker;
  }
}

/** Gives up uploads, whose parts would be paid for without ever being an object. */
export async function abortUploads(bucket: Bucket, ref: string, uploads: readonly OpenUpload[]): Promise<void> {
  const Key = contentKey(bucket, ref);
  for (const { uploadId: UploadId } of uploads) {
    await asked(bucket, 'AbortMultipartUpload', () =>
      bucket.client.send(new AbortMultipartUploadCommand({ Bucket: bucket.name, Key, UploadId })),
    );
  }
}
