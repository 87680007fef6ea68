import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { VaultError } from '../../pipeline/evidence/vault.ts';
import { asked, type Bucket } from './bucket.ts';
import type { Place } from './locks.ts';

/**
 * The first version of a key is the one that was written by Firebreak: later ones, and delete markers, are what somebody else has
 * laid over it. A lock keeps a version from being removed and does not keep others from being added.
 */
export interface Version extends Place {
  readonly isMarker: boolean;
  /** Of what is stored, in bytes; 0 for a marker. */
  readonly size: number;
  /** The store's own word for the content; empty for a marker. */
  readonly etag: string;
  /** ms since 1970, by the store's clock. */
  readonly at: number;
}

/** Versions of one object that are looked through: it has three keys. More is somebody's attempt to bury it. */
const MAX_VERSIONS = 10_000;

/** Every version below a prefix, the newest of each key first. @throws StoreFault */
export async function* versionsBelow(bucket: Bucket, prefix: string): AsyncGenerator<Version> {
  let next: Marker | null = {};
  while (next !== null) {
    const page: ListObjectVersionsCommandOutput = await listPage(bucket, prefix, next);
    const found = [
      ...(page.Versions ?? []).map((each) => ({ ...each, isMarker: false })),
      ...(page.DeleteMarkers ?? []).map((each) => ({ ...each, isMarker: true, Size: 0, ETag: '' })),
    ];
    for (const { Key, VersionId, Size = 0, ETag = '', LastModified, isMarker } of found) {
      const key = decoded(Key ?? '');
      if (key === null || VersionId === undefined) continue;
      yield { key, versionId: VersionId, size: Size, etag: ETag, at: LastModified?.getTime() ?? 0, isMarker };
    }
    next = markerAfter(page);
  }
}

interface Marker {
  readonly KeyMarker?: string;
  readonly VersionIdMarker?: string;
}

function listPage(bucket: Bucket, Prefix: string, from: Marker): Promise<ListObjectVersionsCommandOutput> {
  const { client, name } = bucket;
  return asked(bucket, 'ListObjectVersions', () =>
    client.send(new ListObjectVersionsCommand({ Bucket: name, Prefix, EncodingType: 'url', ...from })),
  );
}

/** Where the next page begins; null: this was the last one. */
function markerAfter({
  IsTruncated,
  NextKeyMarker,
  NextVersionIdMarker,
}: ListObjectVersionsCommandOutput): Marker | null {
  if (IsTruncated !== true || NextKeyMarker === undefined) return null;
  const KeyMarker = decoded(NextKeyMarker) ?? NextKeyMarker;
  return NextVersionIdMarker === undefined ? { KeyMarker } : { KeyMarker, VersionIdMarker: NextVersionIdMarker };
}

/** All versions of what lies in one folder, by key. @throws VaultError `damaged` when there are too many to be honest. */
export async function versionsByKey(bucket: Bucket, folder: string): Promise<ReadonlyMap<string, readonly Version[]>> {
  const found = new Map<string, Version[]>();
  let count = 0;
  for await (const version of versionsBelow(bucket, folder)) {
    count += 1;
    if (count > MAX_VERSIONS)
      throw new VaultError(
        'damaged',
        `More than ${MAX_VERSIONS} versions lie over the evidence: remove those that are later than it`,
      );
    found.set(version.key, [...(found.get(version.key) ?? []), version]);
  }
  return found;
}

/** The first one of a key's versions, which come the newest first; null: there never was one. */
export function firstOf(versions: readonly Version[] | undefined): Version | null {
  return versions?.findLast(({ isMarker }) => !isMarker) ?? null;
}

/** @throws StoreFault */
export async function firstVersion(bucket: Bucket, key: string): Promise<Version | null> {
  return firstOf((await versionsByKey(bucket, key)).get(key));
}

/** Removes one version for good. One that is gone is no error. @throws StoreFault */
export async function deleteVersion(bucket: Bucket, { key, versionId }: Place): Promise<void> {
  await asked(bucket, 'DeleteObject', () =>
    bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key, VersionId: versionId })),
  );
}

/** Null: no text that any version of Firebreak wrote. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
