import { createHash, type Hash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { DigestTaker } from '../../pipeline/evidence/digests.ts';
import { BLOCK_BYTES, type BlockSink } from '../blocks.ts';
import { HEADER_BYTES, type BlockForm } from '../sealed-blocks.ts';
import { asked, contentKey, type Bucket } from './bucket.ts';
import { lockHeaders } from './locks.ts';
import type { StoredPart } from './notes.ts';
import { withPayloadDigest } from './payload-digest.ts';
import { requireVersion } from './small-objects.ts';
import { isTaken } from './store-faults.ts';

/**
 * Blocks of one part. 16 MiB a part make 156 GiB of the 10,000 parts that S3 knows, above the largest artefact; a part ends with a block,
 * so that what is left of an upload is whole in itself.
 */
export const BLOCKS_PER_PART = 16;
/** Parts that are on their way at once. With the one that waits for its turn and the one that fills, four are in memory: 64 MiB. */
const PARTS_AT_ONCE = 2;

/** A part that the store has. */
export interface SentPart extends StoredPart {
  readonly etag: string;
}

/** What was sent, before it is an object. */
export interface Sent {
  readonly parts: readonly SentPart[];
  /** Null: it is so little that it goes in one request, and waits for it here. */
  readonly uploadId: string | null;
  readonly whole: Buffer | null;
}

export interface Upload extends BlockSink {
  /** What was sent; to be asked when the sink has had its last block. */
  sent(): Sent;
}

/** Takes blocks, seals them, and sends them part by part, in order and with two on their way. */
export function beginUpload(
  bucket: Bucket,
  ref: string,
  { form, digests, until }: { readonly form: BlockForm; readonly digests: DigestTaker; readonly until: number },
): Upload {
  const partBytes = HEADER_BYTES + BLOCKS_PER_PART * (BLOCK_BYTES + form.overhead);
  const spare: Buffer[] = [];
  const parts: SentPart[] = [];
  const lanes: Promise<void>[] = Array.from({ length: PARTS_AT_ONCE }, () => Promise.resolve());
  let uploadId: Promise<string> | null = null;
  let known: string | null = null;
  let whole: Buffer | null = null;
  let blocks = 0;
  let count = 0;
  let filling: { buffer: Buffer; length: number; readonly hash: Hash } | null = null;

  function append(bytes: Uint8Array): void {
    // Most evidence is small: the first block gets no more room than it needs.
    filling ??= {
      buffer: spare.pop() ?? Buffer.allocUnsafeSlow(count === 0 ? bytes.length : partBytes),
      length: 0,
      hash: createHash('sha256'),
    };
    if (filling.buffer.length < filling.length + bytes.length) {
      const larger = Buffer.allocUnsafeSlow(partBytes);
      filling.buffer.copy(larger, 0, 0, filling.length);
      filling.buffer = larger;
    }
    filling.buffer.set(bytes, filling.length);
    filling.length += bytes.length;
    filling.hash.update(bytes);
  }

  async function send(number: number, body: Buffer, sha256: Buffer): Promise<void> {
    uploadId ??= createUpload(bucket, ref, until);
    const UploadId = await uploadId;
    known = UploadId;
    const etag = await sendPart(bucket, ref, { uploadId: UploadId, number, body, sha256 });
    parts[number - 1] = { size: body.length, sha256: sha256.toString('hex'), etag };
  }

  /** Hands on what has filled, and waits until the part before the last one has gone: then there is room for more. */
  async function handOn(): Promise<void> {
    if (filling === null) return;
    const { buffer, length, hash } = filling;
    filling = null;
    count += 1;
    const number = count;
    const lane = number % PARTS_AT_ONCE;
    const before = lanes[lane];
    const sha256 = hash.digest();
    const going = (async () => {
      await before;
      await send(number, buffer.subarray(0, length), sha256);
      spare.push(buffer);
    })();
    // Who waits for it hears the failure: the next part of the lane, or the end.
    going.catch(() => undefined);
    lanes[lane] = going;
    await before;
  }

  async function end(): Promise<void> {
    if (count > 0) await handOn();
    else if (filling !== null) {
      const { buffer, length, hash } = filling;
      whole = buffer.subarray(0, length);
      parts[0] = { size: length, sha256: hash.digest('hex'), etag: '' };
    }
    await Promise.all(lanes);
  }

  return {
    async take(block, isLast) {
      const hashed = digests.add(block);
      if (blocks === 0 && form.header.length > 0) append(form.header);
      const stored = form.seal(block, blocks, isLast);
      // An empty last block of clear content is nothing, unless it is all there is.
      if (stored.length > 0 || blocks === 0) append(stored);
      blocks += 1;
      const isFull = !isLast && blocks % BLOCKS_PER_PART === 0;
      await Promise.all([hashed, isLast ? end() : isFull ? handOn() : undefined]);
    },
    sent: () => ({ parts, uploadId: known, whole }),
  };
}

async function createUpload(bucket: Bucket, ref: string, until: number): Promise<string> {
  const { UploadId } = await asked(bucket, 'CreateMultipartUpload', () =>
    bucket.client.send(
      new CreateMultipartUploadCommand({
        Bucket: bucket.name,
        Key: contentKey(bucket, ref),
        ChecksumAlgorithm: 'SHA256',
        ChecksumType: 'COMPOSITE',
        ...lockHeaders(bucket, until),
      }),
    ),
  );
  if (UploadId === undefined) throw new Error('invariant broken: an upload has an id');
  return UploadId;
}

/** Sends one part. @returns the store's word for it @throws StoreFault */
export async function sendPart(
  bucket: Bucket,
  ref: string,
  part: { readonly uploadId: string; readonly number: number; readonly body: Buffer; readonly sha256: Buffer },
): Promise<string> {
  const command = new UploadPartCommand({
    Bucket: bucket.name,
    Key: contentKey(bucket, ref),
    UploadId: part.uploadId,
    PartNumber: part.number,
    Body: part.body,
    ChecksumSHA256: part.sha256.toString('base64'),
  });
  const { ETag } = await asked(bucket, 'UploadPart', () =>
    bucket.client.send(withPayloadDigest(command, part.sha256.toString('hex'))),
  );
  return ETag ?? '';
}

/**
 * Makes an object of the parts. The answer to it may be lost: what is then found under the name is told by its checksum.
 * @throws StoreFault
 */
export async function completeUpload(
  bucket: Bucket,
  ref: string,
  uploadId: string,
  parts: readonly SentPart[],
): Promise<void> {
  const Parts = parts.map(({ etag, sha256 }, index) => ({
    PartNumber: index + 1,
    ETag: etag,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
  }));
  const { VersionId } = await asked(bucket, 'CompleteMultipartUpload', () =>
    bucket.client.send(
      new CompleteMultipartUploadCommand({
        Bucket: bucket.name,
        Key: contentKey(bucket, ref),
        UploadId: uploadId,
        MultipartUpload: { Parts },
        ...(bucket.conditional ? { IfNoneMatch: '*' } : {}),
      }),
    ),
  );
  requireVersion(VersionId);
}

/** Lays content that is small enough for one request. A repeat whose first answer was lost finds it there. @throws StoreFault */
export async function putContent(
  bucket: Bucket,
  ref: string,
  whole: Buffer,
  sha256: string,
  until: number,
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: bucket.name,
    Key: contentKey(bucket, ref),
    Body: whole,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
    ...(bucket.conditional ? { IfNoneMatch: '*' } : {}),
    ...lockHeaders(bucket, until),
  });
  try {
    const { VersionId } = await asked(bucket, 'PutObject', () =>
      bucket.client.send(withPayloadDigest(command, sha256)),
    );
    requireVersion(VersionId);
  } catch (thrown) {
    if (!isTaken(thrown)) throw thrown;
  }
}
