import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { requireAddress, VaultError, type ObjectAddress } from '../../pipeline/evidence/vault.ts';
import { asked, contentKey, noteKey, noteName, objectFolder, type Bucket } from './bucket.ts';
import { isAhead, readHold, readLock, type Place } from './locks.ts';
import { readNote, storeChecksum, storedSize, type Note } from './notes.ts';
import { firstOf, versionsByKey, type Version } from './versions.ts';

/** What lies under the name of one object. */
export interface Found {
  readonly content: Version | null;
  /** The first one of the notes; null: there is none. */
  readonly note: (Version & { readonly sha256: string; readonly complete: boolean }) | null;
  /** The first version of each key that Firebreak wrote: what is locked and held. */
  readonly own: readonly Version[];
  readonly all: readonly Version[];
  /** What somebody else has laid over it, each as a sentence. */
  readonly overlaid: readonly string[];
}

/** @throws VaultError `damaged`, `unavailable`. */
export async function find(bucket: Bucket, ref: string): Promise<Found> {
  const folder = objectFolder(bucket, ref);
  const byKey = await versionsByKey(bucket, folder);
  const own: Version[] = [];
  const notes: NonNullable<Found['note']>[] = [];
  for (const [key, versions] of byKey) {
    const first = firstOf(versions);
    if (first === null) continue;
    own.push(first);
    const named = noteName(key.slice(folder.length));
    if (named !== null) notes.push({ ...first, ...named });
  }
  notes.sort((left, right) => left.at - right.at);
  return {
    content: firstOf(byKey.get(contentKey(bucket, ref))),
    note: notes[0] ?? null,
    own,
    all: [...byKey.values()].flat(),
    overlaid: overlaidIn(byKey, folder),
  };
}

function overlaidIn(byKey: ReadonlyMap<string, readonly Version[]>, folder: string): readonly string[] {
  return [...byKey].flatMap(([key, versions]) => {
    const first = firstOf(versions);
    const name = key.slice(folder.length);
    // A store lists markers apart from versions, in no order to them. Firebreak lays none here.
    const isHidden = versions.some(({ isMarker }) => isMarker);
    // The same bytes twice are a write whose answer was lost, in a store without conditional writes.
    const isOther = versions.some(({ isMarker, etag }) => !isMarker && etag !== first?.etag);
    return [
      ...(isHidden && first !== null ? [`Somebody has laid a delete marker over ${name}`] : []),
      ...(isOther ? [`Somebody has laid another version over ${name}`] : []),
    ];
  });
}

/** An object and what it is. */
export interface Kept {
  readonly content: Place & Version;
  readonly note: Note;
  readonly found: Found;
}

/** Null: there is no such object. @throws VaultError `missing` for what is no address, `damaged`, `unavailable`. */
export async function lookUp(bucket: Bucket, address: ObjectAddress): Promise<Kept | null> {
  requireAddress(address);
  const found = await find(bucket, address.ref);
  const { content } = found;
  const names = [true, false].map((complete) => noteKey(bucket, address.ref, address.sha256, complete));
  const place = found.own.find(({ key }) => names.includes(key));
  if (content === null || place === undefined) return null;
  const note = await readNote(bucket, place);
  if (note.sha256 !== address.sha256) throw new VaultError('damaged', 'The note of the evidence is another one');
  return { content, note, found };
}

/** What the store says of the bytes by itself, where it is not what the note says; each as a sentence. */
export async function contentFaults(bucket: Bucket, { key, versionId }: Place, note: Note): Promise<readonly string[]> {
  const head = await asked(bucket, 'HeadObject', () =>
    bucket.client.send(
      new HeadObjectCommand({ Bucket: bucket.name, Key: key, VersionId: versionId, ChecksumMode: 'ENABLED' }),
    ),
  );
  const { ContentLength, ChecksumSHA256 } = head;
  return [
    ...(ContentLength === storedSize(note) ? [] : ['The store has another number of bytes than were sent']),
    ...(ChecksumSHA256 === undefined || ChecksumSHA256 === storeChecksum(note)
      ? []
      : ['The store has another checksum than that of what was sent']),
  ];
}

/** Until when an object is kept, whether a hold stands on it, and what is wrong with either, as sentences. */
export async function termOf(
  bucket: Bucket,
  { content, note }: Pick<Kept, 'content' | 'note'>,
): Promise<{ readonly retainUntil: number; readonly held: boolean; readonly faults: readonly string[] }> {
  const lock = await readLock(bucket, content);
  const held = await readHold(bucket, content);
  if (lock === null) {
    // Without a lock it may go at any time; a term that had passed when it was written never had one.
    const isOwed = isAhead(bucket.wallNow(), note.retainUntil);
    return { retainUntil: isOwed ? 0 : note.retainUntil, held, faults: isOwed ? ['No lock stands on it'] : [] };
  }
  const faults = lock.mode === 'COMPLIANCE' ? [] : [`Its lock is in ${lock.mode} mode, which can be bypassed`];
  return { retainUntil: lock.until, held, faults };
}
