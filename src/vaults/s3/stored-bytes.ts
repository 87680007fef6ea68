import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { VaultError, type ByteRange } from '../../pipeline/evidence/vault.ts';
import { BLOCK_BYTES } from '../blocks.ts';
import { HEADER_BYTES, type BlockForm } from '../sealed-blocks.ts';
import { asked, type Bucket } from './bucket.ts';
import type { Place } from './locks.ts';
import { storedSize, type Note } from './notes.ts';
import { faultOf, StoreFault } from './store-faults.ts';

/** How often a read that brings nothing is begun again. */
const MOST_TRIES = 5;
/** First pause before that, in ms; it doubles. */
const FIRST_PAUSE_MS = 200;

/**
 * The bytes of a range as they are stored. Whole parts are read and compared with the note, so that also a small range is known to be
 * what was written. A connection that breaks off is taken up where it was.
 * @throws VaultError `damaged` before the last byte of a part that is not what was written; `missing`, `unavailable`.
 */
export async function* storedBytes(
  bucket: Bucket,
  place: Place,
  { parts }: Pick<Note, 'parts'>,
  range: ByteRange,
): AsyncGenerator<Uint8Array> {
  let partStart = 0;
  for (const [index, { size, sha256 }] of parts.entries()) {
    const [start, end] = [partStart, partStart + size];
    partStart = end;
    if (end <= range.start || start >= range.end) continue;
    const hash = createHash('sha256');
    let at = start;
    // One piece behind: the last one of a part goes out when all of the part is known to be right.
    let held: Uint8Array | null = null;
    for await (const piece of partBytes(bucket, place, start, end)) {
      hash.update(piece);
      const wanted = piece.subarray(Math.max(0, range.start - at), Math.max(0, range.end - at));
      at += piece.length;
      if (wanted.length === 0) continue;
      if (held !== null) yield held;
      held = wanted;
    }
    if (hash.digest('hex') !== sha256) throw new VaultError('damaged', `Part ${index + 1} is not what was written`);
    if (held !== null) yield held;
  }
}

/**
 * Bytes from `start` up to and without `end`, unchecked. A connection that breaks off is taken up where it was.
 * @throws VaultError `damaged`, `missing`, `unavailable`.
 */
export async function* partBytes(bucket: Bucket, place: Place, start: number, end: number): AsyncGenerator<Uint8Array> {
  let tries = 0;
  for (let at = start; at < end;) {
    try {
      for await (const piece of await openBody(bucket, place, at, end)) {
        if (piece.length > end - at) throw new VaultError('damaged', 'The store gives more than there was');
        tries = 0;
        at += piece.length;
        yield piece;
      }
      if (at < end) throw cutOff();
    } catch (thrown) {
      const fault = faultOf(thrown, 'GetObject', bucket.name);
      tries += 1;
      if (!isPassing(fault) || tries >= MOST_TRIES) throw fault;
      await pause(FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}

async function openBody(bucket: Bucket, { key, versionId }: Place, from: number, end: number): Promise<Readable> {
  return asked(bucket, 'GetObject', async () => {
    const { Body, ContentRange = '' } = await bucket.client.send(
      new GetObjectCommand({
        Bucket: bucket.name,
        Key: key,
        VersionId: versionId,
        Range: `bytes=${from}-${end - 1}`,
      }),
    );
    // A store that does not know ranges gives all of it from the beginning.
    if (!ContentRange.startsWith(`bytes ${from}-`)) throw new VaultError('damaged', 'The store gives another range');
    if (!isReadable(Body)) throw cutOff();
    return Body;
  });
}

/** What the SDK gives in Node, whatever else its type has for other places. */
function isReadable(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

function cutOff(): StoreFault {
  return new StoreFault('unavailable', 'The evidence store broke off', { kind: 'outage', reason: 'CutOff', status: 0 });
}

function isPassing(fault: VaultError): boolean {
  return fault instanceof StoreFault && fault.kind === 'outage';
}

/** The clear content of a range. Blocks that are sealed are checked one by one. @throws VaultError as `storedBytes`. */
export async function* clearContent(
  bucket: Bucket,
  place: Place,
  note: Note,
  form: BlockForm,
  range: ByteRange = { start: 0, end: note.size },
): AsyncGenerator<Uint8Array> {
  const end = Math.min(range.end, note.size);
  if (note.header === null) {
    yield* storedBytes(bucket, place, note, { start: range.start, end });
    return;
  }
  const lastIndex = Math.floor(note.size / BLOCK_BYTES);
  // An empty last block is read too: that the content ends there is a part of what is checked.
  const upTo = end === note.size ? lastIndex : Math.floor((end - 1) / BLOCK_BYTES);
  const first = Math.floor(range.start / BLOCK_BYTES);
  const sealed = BLOCK_BYTES + form.overhead;
  const stored = {
    start: HEADER_BYTES + first * sealed,
    end: Math.min(HEADER_BYTES + (upTo + 1) * sealed, storedSize(note)),
  };
  let index = first;
  for await (const block of inBlocks(storedBytes(bucket, place, note, stored), sealed)) {
    const from = index * BLOCK_BYTES;
    const part = form.open(block, index, index === lastIndex).subarray(Math.max(0, range.start - from), end - from);
    index += 1;
    if (part.length > 0) yield part;
  }
  if (index !== upTo + 1) throw new VaultError('damaged', 'The evidence is shorter than it was');
}

/** Cuts a stream into blocks of one size; the last one has what is left. A block is in use until the next one is asked for. */
async function* inBlocks(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + size - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < size) continue;
      filled = 0;
      yield block;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
