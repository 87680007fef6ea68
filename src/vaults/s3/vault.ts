import { createHash } from 'node:crypto';
import { takeDigestsHere, type DigestTaker } from '../../pipeline/evidence/digests.ts';
import { isVaultRef, VaultError, type ObjectAddress, type Vault } from '../../pipeline/evidence/vault.ts';
import { requireAttachedName } from '../attached-name.ts';
import type { VaultKey } from '../key-file.ts';
import { noteName, objectFolder, OBJECTS, type Bucket } from './bucket.ts';
import { claimed } from './claims.ts';
import { s3Client, type ClientOptions } from './client.ts';
import { contentFaults, find, lookUp, termOf, type Kept } from './found.ts';
import { extendLock, readHold, readLock, writeHold } from './locks.ts';
import { formOf } from './notes.ts';
import { prove } from './proof.ts';
import { salvage } from './salvage.ts';
import { putOnce } from './small-objects.ts';
import { clearContent } from './stored-bytes.ts';
import { StoreFault } from './store-faults.ts';
import { deleteVersion, versionsBelow } from './versions.ts';
import { writeObject } from './writing.ts';

export interface S3VaultOptions extends ClientOptions {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** The first one encrypts what is new before it leaves this machine; empty: the store's own encryption is all there is. */
  readonly keys: readonly VaultKey[];
  /** Where both digests are taken; in this thread when absent. */
  readonly takeDigests?: () => DigestTaker;
  /** Told of what people should know: the store could not be reached at start, or does not do what it did. */
  readonly onFault: (fault: VaultError) => void;
  /** The wall clock; the machine's when absent. */
  readonly wallNow?: () => number;
}

/**
 * Evidence in a bucket with Object Lock: what is written cannot be removed or changed before its time by anybody, the account's owner
 * included. Tries that on the bucket first. A store that cannot be reached holds up no start: it is tried again with what is asked of it next.
 * @throws VaultError `unavailable` with the fix when the bucket or the configuration cannot be used at all.
 */
export async function openS3Vault(options: S3VaultOptions): Promise<Vault> {
  const { keys, takeDigests = takeDigestsHere, onFault, wallNow = Date.now } = options;
  const bucket: Bucket = {
    client: s3Client(options),
    name: options.bucket,
    prefix: options.prefix,
    wallNow,
    conditional: true,
  };
  const ports = {
    bucket,
    keys,
    takeDigests,
    onUnlocked() {
      isProven = false;
    },
  };
  let isProven = false;
  let proving: Promise<void> | null = null;

  /** Whatever is asked of a store that has not shown yet what it promises waits for that. */
  async function asking<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    await proven();
    return work();
  }

  function proven(): Promise<void> {
    if (isProven) return Promise.resolve();
    proving ??= prove(bucket)
      .then(() => {
        isProven = true;
      })
      .finally(() => {
        proving = null;
      });
    return proving;
  }

  async function kept(address: ObjectAddress): Promise<Kept> {
    const there = await lookUp(bucket, address);
    if (there === null) throw new VaultError('missing', 'The evidence is not where it was laid');
    return there;
  }

  async function destroy(address: ObjectAddress, now: number): Promise<void> {
    const there = await lookUp(bucket, address);
    if (there === null) return removeRest(address);
    const { retainUntil, held } = await termOf(bucket, there);
    if (held) throw new VaultError('kept', 'A legal hold stands on it');
    if (now < retainUntil) throw keptUntil(retainUntil);
    const { own, all, note } = there.found;
    // The note goes last: a removal that is cut off is gone on with by it.
    const others = all.filter(({ versionId }) => versionId !== note?.versionId);
    for (const place of note === null ? others : [...others, note]) {
      try {
        await deleteVersion(bucket, place);
      } catch (thrown) {
        const isOwn = own.some(({ versionId }) => versionId === place.versionId);
        throw isOwn && (await isStillLocked(place)) ? keptUntil((await readLock(bucket, place))?.until ?? 0) : thrown;
      }
    }
  }

  /** What a removal left that was cut off after the content had gone. */
  async function removeRest({ ref, sha256 }: ObjectAddress): Promise<void> {
    const { content, note, all } = await find(bucket, ref);
    if (content !== null) throw new VaultError('damaged', 'Something else lies there');
    if (note?.sha256 !== sha256) return;
    for (const place of all) await deleteVersion(bucket, place);
  }

  async function isStillLocked(place: { readonly key: string; readonly versionId: string }): Promise<boolean> {
    const until = (await readLock(bucket, place))?.until ?? 0;
    return until > bucket.wallNow() || (await readHold(bucket, place));
  }

  try {
    await asking(async () => undefined);
  } catch (thrown) {
    if (!(thrown instanceof StoreFault) || thrown.kind === 'settings') {
      bucket.client.destroy();
      throw thrown;
    }
    onFault(thrown);
  }

  return {
    id: idOf(options),
    get immutable() {
      return isProven ? 'enforced' : 'by-operator';
    },
    encryptionKeyId: keys[0]?.id ?? null,
    write: (ref, content, given) =>
      asking(async () => {
        const written = await writeObject(ports, ref, content, given);
        if (written.broken?.by === 'store') onFault(new VaultError('unavailable', written.broken.why));
        return written;
      }),
    read: (address, range) =>
      asking(async () => {
        const { content, note } = await kept(address);
        return clearContent(bucket, content, note, formOf(note, keys), range);
      }),
    stat: (address) =>
      asking(async () => {
        const there = await lookUp(bucket, address);
        if (there === null) return null;
        const { content, note, found } = there;
        const term = await termOf(bucket, there);
        const faults = [...(await contentFaults(bucket, content, note)), ...found.overlaid, ...term.faults];
        const { encryptionKeyId } = formOf(note, keys);
        return { size: note.size, retainUntil: term.retainUntil, held: term.held, encryptionKeyId, faults };
      }),
    retain: (address, until) =>
      asking(async () => {
        const { found } = await kept(address);
        for (const place of found.own) await extendLock(bucket, place, until);
      }),
    hold: (address, held) =>
      asking(async () => {
        const { found } = await kept(address);
        for (const place of found.own) await writeHold(bucket, place, held);
      }),
    attach: (address, fileName, bytes) =>
      asking(async () => {
        requireAttachedName(fileName);
        const there = await kept(address);
        const { retainUntil, held } = await termOf(bucket, there);
        const key = `${objectFolder(bucket, address.ref)}${fileName}`;
        const { place, same } = await putOnce(bucket, key, bytes, retainUntil);
        if (!same) throw new VaultError('taken', `There is another ${fileName} already`);
        if (held) await writeHold(bucket, place, true);
      }),
    destroy: (address, now) => asking(() => destroy(address, now)),
    async *list() {
      await asking(async () => undefined);
      yield* addresses(bucket);
    },
    unfinished: () => asking(async () => (await claimed(bucket)).filter(isVaultRef)),
    salvage: (ref, { retainUntil }) =>
      asking(async () => {
        if (!isVaultRef(ref)) throw new VaultError('missing', 'That is no name of evidence');
        return salvage(ports, ref, retainUntil);
      }),
    async close() {
      bucket.client.destroy();
    },
  };
}

function keptUntil(until: number): VaultError {
  return new VaultError('kept', `It is kept until ${new Date(until).toISOString()}`);
}

/**
 * The store's name follows from where it is, so that it is known also while nobody answers. Amazon's bucket names are unique whichever of its
 * addresses is used; of other stores the address is a part of the name.
 */
function idOf({ endpoint, bucket, prefix }: S3VaultOptions): string {
  const host = endpoint === null ? '' : new URL(endpoint).host;
  const isAmazon = host === '' || /(?:^|\.)amazonaws\.com(?:\.cn)?(?::\d+)?$/.test(host);
  const place = JSON.stringify([isAmazon ? 'aws' : host, bucket, prefix]);
  return `s3:${createHash('sha256').update(place).digest('hex').slice(0, 32)}`;
}

/** Keys come in order, so that those of one object follow one another. */
async function* addresses(bucket: Bucket): AsyncGenerator<ObjectAddress> {
  const prefix = `${bucket.prefix}${OBJECTS}`;
  let current = { ref: '', sha256: '', notedAt: Number.POSITIVE_INFINITY, hasContent: false };
  for await (const { key, isMarker, at } of versionsBelow(bucket, prefix)) {
    const [ref = '', name = ''] = key.slice(prefix.length).split('/', 2);
    if (isMarker || !isVaultRef(ref)) continue;
    if (ref !== current.ref) {
      if (current.hasContent && current.sha256 !== '') yield { ref: current.ref, sha256: current.sha256 };
      current = { ref, sha256: '', notedAt: Number.POSITIVE_INFINITY, hasContent: false };
    }
    const note = noteName(name);
    if (name === 'content') current.hasContent = true;
    else if (note !== null && at < current.notedAt) current = { ...current, sha256: note.sha256, notedAt: at };
  }
  if (current.hasContent && current.sha256 !== '') yield { ref: current.ref, sha256: current.sha256 };
}
