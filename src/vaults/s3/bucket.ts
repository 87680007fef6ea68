import type { S3Client } from '@aws-sdk/client-s3';
import { faultOf } from './store-faults.ts';

/** One bucket and the part of it that is ours. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** The wall clock, ms since 1970: locks go by it, whatever business time says. */
  readonly wallNow: () => number;
  /** Whether the store keeps `If-None-Match: *`, as the proof at start has found; until then it is asked for. */
  conditional: boolean;
}

/** One request, whose failure becomes the port's own error. `what` is the operation by S3's name. @throws StoreFault */
export async function asked<Reply>(bucket: Bucket, what: string, request: () => Promise<Reply>): Promise<Reply> {
  try {
    return await request();
  } catch (thrown) {
    throw faultOf(thrown, what, bucket.name);
  }
}

/**
 * Where things lie below the prefix. Keys are made of ids and digests only, never of a name that came from outside:
 *
 *     incoming/<ref>                          a claim: somebody writes this object, or did
 *     objects/<ref>/content                   its bytes, as they are stored
 *     objects/<ref>/<sha256>[.partial].json   the note: what the bytes are, written before them
 *     objects/<ref>/<stem>_meta.json          what the custody record says, in short
 *     probes/<random>                         what a start has tried the lock on
 */
export const CLAIMS = 'incoming/';
export const OBJECTS = 'objects/';
export const PROBES = 'probes/';

export function claimKey({ prefix }: Bucket, ref: string): string {
  return `${prefix}${CLAIMS}${ref}`;
}

/** Ends in a slash. */
export function objectFolder({ prefix }: Bucket, ref: string): string {
  return `${prefix}${OBJECTS}${ref}/`;
}

export function contentKey(bucket: Bucket, ref: string): string {
  return `${objectFolder(bucket, ref)}content`;
}

export function noteKey(bucket: Bucket, ref: string, sha256: string, complete: boolean): string {
  return `${objectFolder(bucket, ref)}${sha256}${complete ? '' : '.partial'}.json`;
}

const NOTE = /^([0-9a-f]{64})(\.partial)?\.json$/;

/** What the name of a note says; null: it is no note. */
export function noteName(name: string): { readonly sha256: string; readonly complete: boolean } | null {
  const [, sha256, partial] = NOTE.exec(name) ?? [];
  return sha256 === undefined ? null : { sha256, complete: partial === undefined };
}
