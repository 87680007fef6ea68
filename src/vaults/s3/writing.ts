import {
  isVaultRef,
  VaultError,
  type ContentDigests,
  type WriteOptions,
  type WrittenObject,
} from '../../pipeline/evidence/vault.ts';
import { messageOf } from '../../platform/errors.ts';
import { brokenBy, pour } from '../blocks.ts';
import { CLEAR_FORM, newSealedForm } from '../sealed-blocks.ts';
import type { Bucket } from './bucket.ts';
import { abortUploads, claim, dropClaim, openUploads, requireOwnClaim } from './claims.ts';
import { contentFaults, find } from './found.ts';
import { isAhead, requireLock } from './locks.ts';
import type { Note } from './notes.ts';
import { salvage, writeNote, type SalvagePorts } from './salvage.ts';
import { StoreFault } from './store-faults.ts';
import { beginUpload, completeUpload, putContent, type Sent } from './upload.ts';

export interface WritingPorts extends SalvagePorts {
  /** What came is kept and its lock is not: the store does not do what it was proved to do. */
  onUnlocked(): void;
}

/**
 * Takes content in. In order: a claim to the name, the parts while they come, the note of what they are, and only then the request that
 * makes an object of them; so whatever ends it in between leaves something that tells what it is.
 * @throws VaultError `taken`, `unavailable`.
 */
export async function writeObject(
  ports: WritingPorts,
  ref: string,
  content: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<WrittenObject> {
  if (!isVaultRef(ref)) throw new VaultError('missing', 'That is no name of evidence');
  const { bucket, keys, takeDigests } = ports;
  const [writeKey] = keys;
  const form = writeKey === undefined ? CLEAR_FORM : newSealedForm(writeKey);
  const own = await claim(bucket, ref, form);
  const digests = takeDigests();
  const upload = beginUpload(bucket, ref, { form, digests, until: options.retainUntil });
  const poured = await pour(content, upload, options);
  if (poured.end === 'sink') {
    digests.drop();
    await requireOwnClaim(bucket, ref, own);
    return keepRest(ports, ref, options, poured.thrown);
  }
  const taken = await digests.finish();
  const broken = brokenBy(poured);
  if (taken.size === 0 && broken !== null) {
    await discard(bucket, ref);
    return { ...taken, broken };
  }
  const { header } = own;
  const { uploadId, parts } = upload.sent();
  const note: Note = {
    ...taken,
    retainUntil: options.retainUntil,
    parts: parts.map(({ size, sha256 }) => ({ size, sha256 })),
    header,
    inParts: uploadId !== null,
  };
  await requireOwnClaim(bucket, ref, own);
  await writeNote(bucket, ref, note, broken === null);
  await makeObject(ports, ref, upload.sent(), note);
  const fault = await readBack(bucket, ref, note);
  // The object is there: a claim that stands on is looked at by the next start, and says nothing else.
  await dropClaim(bucket, ref).catch(() => undefined);
  if (fault === null || broken !== null) return { ...taken, broken };
  ports.onUnlocked();
  return { ...taken, broken: { by: 'store', why: messageOf(fault), thrown: fault } };
}

async function makeObject(
  ports: SalvagePorts,
  ref: string,
  { uploadId, parts, whole }: Sent,
  note: Note,
): Promise<void> {
  const { bucket } = ports;
  if (uploadId === null) {
    await putContent(bucket, ref, whole ?? Buffer.alloc(0), note.parts[0]?.sha256 ?? '', note.retainUntil);
    return;
  }
  try {
    await completeUpload(bucket, ref, uploadId, parts);
  } catch (thrown) {
    if (!(thrown instanceof StoreFault)) throw thrown;
    // The answer may be the one that was lost: then the object is there, and is told by its checksum.
    if ((await salvage(ports, ref, note.retainUntil)) === null) throw thrown;
  }
}

/**
 * Whether the store shows what it has acknowledged, and the lock that was asked for; null: both. Never throws: the bytes were taken,
 * and whatever is wrong with them goes on record with them.
 */
async function readBack(bucket: Bucket, ref: string, note: Note): Promise<VaultError | null> {
  try {
    const { content } = await find(bucket, ref);
    if (content === null) return new VaultError('unavailable', 'The evidence store does not list what it just took');
    const [fault] = await contentFaults(bucket, content, note);
    if (fault !== undefined) return new VaultError('damaged', fault);
    if (isAhead(bucket.wallNow(), note.retainUntil)) await requireLock(bucket, content, note.retainUntil);
    return null;
  } catch (thrown) {
    if (thrown instanceof VaultError) return thrown;
    throw thrown;
  }
}

/** The store did not take all of it: what it took is kept where it still answers. */
async function keepRest(
  ports: SalvagePorts,
  ref: string,
  { retainUntil }: WriteOptions,
  thrown: unknown,
): Promise<WrittenObject> {
  const saved = await salvage(ports, ref, retainUntil).catch(() => null);
  if (saved === null) throw thrown;
  const { complete: _not, ...rest }: ContentDigests & { readonly complete: boolean } = saved;
  return { ...rest, broken: { by: 'store', why: `The store could not take all of it: ${messageOf(thrown)}`, thrown } };
}

async function discard(bucket: Bucket, ref: string): Promise<void> {
  await abortUploads(bucket, ref, await openUploads(bucket, ref));
  await dropClaim(bucket, ref);
}
