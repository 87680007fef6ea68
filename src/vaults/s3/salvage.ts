import { createHash } from 'node:crypto';
import type { DigestTaker } from '../../pipeline/evidence/digests.ts';
import { VaultError, type SalvagedObject } from '../../pipeline/evidence/vault.ts';
import { BLOCK_BYTES } from '../blocks.ts';
import type { VaultKey } from '../key-file.ts';
import { measure } from '../measure.ts';
import { HEADER_BYTES, type BlockForm } from '../sealed-blocks.ts';
import { noteKey, type Bucket } from './bucket.ts';
import { abortUploads, claimOf, dropClaim, openUploads, type OpenUpload } from './claims.ts';
import { contentFaults, find, type Found } from './found.ts';
import type { Place } from './locks.ts';
import { bytesOf, formOf, readNote, type Note, type StoredPart } from './notes.ts';
import { putOnce } from './small-objects.ts';
import { clearContent, partBytes } from './stored-bytes.ts';
import { BLOCKS_PER_PART, completeUpload, sendPart, type SentPart } from './upload.ts';

export interface SalvagePorts {
  readonly bucket: Bucket;
  readonly keys: readonly VaultKey[];
  readonly takeDigests: () => DigestTaker;
}

/**
 * Makes an object of what a write has left: of all of it where its note is there, of the parts without a gap where it is not. Null: nothing
 * was left, and what stood for it is taken away.
 * @throws VaultError `damaged`, `unavailable`.
 */
export async function salvage(ports: SalvagePorts, ref: string, retainUntil: number): Promise<SalvagedObject | null> {
  const { bucket } = ports;
  const found = await find(bucket, ref);
  const uploads = found.content === null ? await openUploads(bucket, ref) : [];
  const saved =
    found.note === null
      ? await withoutNote(ports, ref, found, uploads, retainUntil)
      : await withNote(ports, ref, found, found.note, uploads);
  await abortUploads(bucket, ref, saved === null ? uploads : uploads.slice(1));
  await dropClaim(bucket, ref);
  return saved;
}

async function withNote(
  { bucket }: SalvagePorts,
  ref: string,
  { content }: Found,
  place: NonNullable<Found['note']>,
  [upload]: readonly OpenUpload[],
): Promise<SalvagedObject | null> {
  const note = await readNote(bucket, place);
  const { size, sha256, sha512 } = note;
  const answer = { size, sha256, sha512, complete: place.complete };
  if (content !== null) {
    const [fault] = await contentFaults(bucket, content, note);
    if (fault !== undefined) throw new VaultError('damaged', fault);
    return answer;
  }
  // All parts are sent before the note is written: only the last request is missing.
  if (upload === undefined || upload.parts.length !== note.parts.length) return null;
  await completeUpload(bucket, ref, upload.uploadId, upload.parts);
  return answer;
}

async function withoutNote(
  { bucket, keys, takeDigests }: SalvagePorts,
  ref: string,
  { content }: Found,
  [upload]: readonly OpenUpload[],
  retainUntil: number,
): Promise<SalvagedObject | null> {
  const header = (await claimOf(bucket, ref))?.header ?? null;
  const form = formOf({ header }, keys);
  let sent: readonly SentPart[] = [];
  if (content === null) {
    if (upload === undefined || upload.parts.length === 0) return null;
    sent = await madeWhole(bucket, ref, upload, form);
    await completeUpload(bucket, ref, upload.uploadId, sent);
  }
  const place = content ?? (await find(bucket, ref)).content;
  if (place === null) throw new VaultError('unavailable', 'The evidence store lost what it just made of the parts');
  const isKnown = sent.length > 0 && sent.every(({ sha256 }) => sha256 !== '');
  const parts = isKnown ? sent.map(asStored) : await partsIn(bucket, place, place.size, form);
  const size = clearSize(place.size, form);
  const draft: Note = { size, sha256: '', sha512: '', retainUntil, parts, header, inParts: true };
  const [fault] = await contentFaults(bucket, place, draft);
  if (fault !== undefined) throw new VaultError('damaged', fault);
  const digests = await measure(clearContent(bucket, place, draft, form), takeDigests());
  await writeNote(bucket, ref, { ...draft, ...digests }, false);
  return { ...digests, complete: false };
}

function asStored({ size, sha256 }: StoredPart): StoredPart {
  return { size, sha256 };
}

/** Sealed parts get a last block where theirs has not come: without one nobody could tell that nothing is cut off. */
async function madeWhole(
  bucket: Bucket,
  ref: string,
  { uploadId, parts }: OpenUpload,
  form: BlockForm,
): Promise<readonly SentPart[]> {
  const full = BLOCKS_PER_PART * (BLOCK_BYTES + form.overhead);
  const isCut = parts.every(({ size }, index) => size === full + (index === 0 ? form.header.length : 0));
  if (form.overhead === 0 || !isCut) return parts;
  const body = Buffer.from(form.seal(new Uint8Array(0), parts.length * BLOCKS_PER_PART, true));
  const sha256 = createHash('sha256').update(body).digest();
  const etag = await sendPart(bucket, ref, { uploadId, number: parts.length + 1, body, sha256 });
  return [...parts, { size: body.length, sha256: sha256.toString('hex'), etag }];
}

/** The parts of what is an object already: they end where writes end them. */
async function partsIn(bucket: Bucket, place: Place, size: number, form: BlockForm): Promise<readonly StoredPart[]> {
  const parts: StoredPart[] = [];
  const full = BLOCKS_PER_PART * (BLOCK_BYTES + form.overhead);
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + full + (at === 0 ? form.header.length : 0));
    const hash = createHash('sha256');
    for await (const piece of partBytes(bucket, place, at, end)) hash.update(piece);
    parts.push({ size: end - at, sha256: hash.digest('hex') });
    at = end;
  }
  return parts;
}

function clearSize(stored: number, form: BlockForm): number {
  if (form.overhead === 0) return stored;
  const body = stored - HEADER_BYTES;
  const full = Math.floor(body / (BLOCK_BYTES + form.overhead));
  const last = body - full * (BLOCK_BYTES + form.overhead) - form.overhead;
  if (last < 0) throw new VaultError('damaged', 'The evidence is cut off');
  return full * BLOCK_BYTES + last;
}

/** Lays the note of an object under the name that says what it is. @throws VaultError `taken`, `unavailable`. */
export async function writeNote(bucket: Bucket, ref: string, note: Note, complete: boolean): Promise<void> {
  const key = noteKey(bucket, ref, note.sha256, complete);
  const { same } = await putOnce(bucket, key, bytesOf(note), note.retainUntil);
  if (!same) throw new VaultError('taken', `There is another note of ${ref} already`);
}
