import { constants } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { takeDigestsHere, type DigestTaker } from '../../pipeline/evidence/digests.ts';
import {
  isVaultRef,
  requireAddress,
  VaultError,
  type ContentDigests,
  type ObjectAddress,
  type Vault,
  type WriteOptions,
  type WrittenObject,
} from '../../pipeline/evidence/vault.ts';
import { messageOf } from '../../platform/errors.ts';
import { requireAttachedName } from '../attached-name.ts';
import { brokenBy, pour } from '../blocks.ts';
import type { VaultKey } from '../key-file.ts';
import { measure } from '../measure.ts';
import { CLEAR_FORM, newSealedForm } from '../sealed-blocks.ts';
import { fileSink, makeWhole, readContent, shapeOf, type Shape } from './content.ts';
import { fileWriter } from './file-writer.ts';
import { contentName, findContent, type FoundContent } from './find-content.ts';
import {
  codeOf,
  FOLDER_MODE,
  foldersOf,
  incomingFile,
  makeFolder,
  objectFolder,
  openOwnFile,
  SEALED,
  shardOf,
  syncFolder,
} from './folders.ts';
import { readKept, writeKept } from './kept.ts';

/** What a file of evidence may be done with: read by its owner, and nothing else. */
const CONTENT_MODE = 0o400;
const IDENTITY = z.strictObject({ id: z.string().regex(/^local:[0-9a-f]{32}$/) });

export interface LocalVaultOptions {
  /** Made when it is not there. */
  readonly folder: string;
  /** The first one encrypts what is new; empty: nothing is encrypted. */
  readonly keys: readonly VaultKey[];
  /** Where both digests are taken; in this thread when absent. */
  readonly takeDigests?: () => DigestTaker;
}

/**
 * Evidence in a folder of this machine: files that are written once, read-only from the moment at which they have their name.
 * That nobody changes them is the operator's to see to (an immutable file system, a mount that is not writable); the vault finds out, and says so.
 * @throws VaultError `unavailable` when the folder cannot be used.
 */
export async function openLocalVault({
  folder,
  keys,
  takeDigests = takeDigestsHere,
}: LocalVaultOptions): Promise<Vault> {
  const { root, id } = await available(() => openRoot(folder));
  const folders = foldersOf(root);
  const [writeKey] = keys;
  const isSealing = writeKey !== undefined;

  async function contentAt(address: ObjectAddress): Promise<FoundContent> {
    requireAddress(address);
    const found = await findContent(folders, address.ref);
    if (found?.sha256 === address.sha256) return found;
    throw new VaultError('missing', 'The evidence is not where it was laid');
  }

  /** The object's folder, with its term in it, before there is any content: an object is never without. */
  async function makeObjectFolder(ref: string, { retainUntil }: Pick<WriteOptions, 'retainUntil'>): Promise<void> {
    const shard = shardOf(folders, ref);
    if (await makeFolder(shard)) await syncFolder(folders.objects);
    const own = objectFolder(folders, ref);
    if (!(await makeFolder(own))) throw new VaultError('taken', `There is an object ${ref} already`);
    await writeKept(own, { retainUntil, held: false });
    await syncFolder(shard);
  }

  /** Gives the content its name: from here on it is an object. */
  async function publish(ref: string, handle: FileHandle, from: string, to: string): Promise<void> {
    await handle.chmod(CONTENT_MODE);
    await handle.sync();
    await rename(from, join(objectFolder(folders, ref), to));
    await syncFolder(objectFolder(folders, ref));
    await syncFolder(folders.incoming);
  }

  async function shapeAt(path: string, isSealed: boolean): Promise<Shape> {
    const handle = await openOwnFile(path);
    try {
      return await shapeOf(handle, isSealed, keys);
    } finally {
      await handle.close();
    }
  }

  async function measured(path: string, isSealed: boolean, digests = takeDigests()): Promise<ContentDigests> {
    return measure(
      readContent(() => openOwnFile(path), await shapeAt(path, isSealed)),
      digests,
    );
  }

  /** What is left of a write whose file could not be written to its end. Null: nothing. */
  async function keepRest(
    ref: string,
    handle: FileHandle,
    path: string,
    isSealed: boolean,
    digests = takeDigests(),
  ): Promise<ContentDigests | null> {
    if (!(await makeWhole(handle, isSealed, keys))) return null;
    const rest = await measured(path, isSealed, digests);
    if (rest.size === 0) return null;
    await publish(ref, handle, path, contentName(rest.sha256, isSealed, true));
    return rest;
  }

  async function discard(ref: string): Promise<void> {
    for (const isSealed of [false, true]) await rm(incomingFile(folders, ref, isSealed), { force: true });
    await removeObjectFolder(ref);
  }

  async function removeObjectFolder(ref: string): Promise<void> {
    const own = objectFolder(folders, ref);
    let names: readonly string[];
    try {
      names = await readdir(own);
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return;
      throw thrown;
    }
    for (const name of names) await unlink(join(own, name));
    await rmdir(own);
    await syncFolder(shardOf(folders, ref));
  }

  async function write(ref: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenObject> {
    if (!isVaultRef(ref)) throw new VaultError('missing', 'That is no name of evidence');
    await makeObjectFolder(ref, options);
    const path = incomingFile(folders, ref, isSealing);
    const digests = takeDigests();
    const handle = await open(path, NEW_FILE, 0o600);
    const file = fileWriter(path, handle);
    try {
      const form = writeKey === undefined ? CLEAR_FORM : newSealedForm(writeKey);
      const poured = await pour(content, fileSink(file, form, digests), options);
      if (poured.end === 'sink') return await afterFailure(ref, handle, path, poured.thrown);
      const taken = await settled(digests.finish());
      if ('thrown' in taken) return await afterFailure(ref, handle, path, taken.thrown);
      const broken = brokenBy(poured);
      if (taken.size === 0 && broken !== null) {
        await discard(ref);
        return { ...taken, broken };
      }
      await publish(ref, handle, path, contentName(taken.sha256, isSealing, broken !== null));
      return { ...taken, broken };
    } finally {
      digests.drop();
      await file.close();
      await handle.close();
    }
  }

  /** The disk is full, or what takes the digests is gone: what is in the file is kept, and hashed again as it lies there, in this thread. */
  async function afterFailure(ref: string, handle: FileHandle, path: string, thrown: unknown): Promise<WrittenObject> {
    const rest = await keepRest(ref, handle, path, isSealing, takeDigestsHere());
    if (rest === null) {
      await discard(ref);
      throw thrown;
    }
    return {
      ...rest,
      broken: { by: 'store', why: `The store could not take all of it: ${messageOf(thrown)}`, thrown },
    };
  }

  return {
    id,
    immutable: 'by-operator',
    encryptionKeyId: writeKey?.id ?? null,
    write: (...given) => available(() => write(...given)),
    read: (address, range) =>
      available(async () => {
        const { path, isSealed } = await contentAt(address);
        // What cannot be read at all is said now, and not when somebody has begun to hand it on.
        return readContent(() => openOwnFile(path), await shapeAt(path, isSealed), range);
      }),
    stat: (address) =>
      available(async () => {
        requireAddress(address);
        const found = await findContent(folders, address.ref);
        if (found?.sha256 !== address.sha256) return null;
        const { mode, nlink } = await lstat(found.path);
        const { form, size } = await shapeAt(found.path, found.isSealed);
        const kept = await readKept(objectFolder(folders, address.ref));
        const faults = [
          ...((mode & 0o777) === CONTENT_MODE ? [] : [`Its mode is ${(mode & 0o777).toString(8)}, not 400`]),
          ...(nlink === 1 ? [] : ['The file has a second name elsewhere']),
          ...(kept === null ? ['The note of its term is gone'] : []),
        ];
        const { retainUntil = 0, held = false } = kept ?? {};
        return { size, retainUntil, held, encryptionKeyId: form.encryptionKeyId, faults };
      }),
    retain: (address, until) =>
      available(async () => {
        await contentAt(address);
        const folder = objectFolder(folders, address.ref);
        const kept = await readKept(folder);
        if (kept === null || kept.retainUntil < until)
          await writeKept(folder, { held: kept?.held ?? false, retainUntil: until });
      }),
    hold: (address, held) =>
      available(async () => {
        await contentAt(address);
        const folder = objectFolder(folders, address.ref);
        const kept = await readKept(folder);
        if (kept === null || kept.held !== held) await writeKept(folder, { retainUntil: kept?.retainUntil ?? 0, held });
      }),
    attach: (address, fileName, bytes) =>
      available(async () => {
        await contentAt(address);
        requireAttachedName(fileName);
        await writeOnce(objectFolder(folders, address.ref), fileName, bytes);
      }),
    destroy: (address, now) =>
      available(async () => {
        requireAddress(address);
        const found = await findContent(folders, address.ref);
        if (found === null) return;
        if (found.sha256 !== address.sha256) throw new VaultError('damaged', 'Something else lies there');
        const { held = false, retainUntil = 0 } = (await readKept(objectFolder(folders, address.ref))) ?? {};
        if (held) throw new VaultError('kept', 'A legal hold stands on it');
        if (now < retainUntil) throw new VaultError('kept', `It is kept until ${new Date(retainUntil).toISOString()}`);
        await removeObjectFolder(address.ref);
      }),
    async *list() {
      for (const shard of await available(() => readdir(folders.objects))) {
        for (const ref of await available(() => readdir(join(folders.objects, shard)))) {
          const found = isVaultRef(ref) ? await available(() => findContent(folders, ref)) : null;
          if (found !== null) yield { ref, sha256: found.sha256 };
        }
      }
    },
    unfinished: () =>
      available(async () => {
        const names = (await readdir(folders.incoming)).map((name) =>
          name.endsWith(SEALED) ? name.slice(0, -SEALED.length) : name,
        );
        return names.filter(isVaultRef);
      }),
    salvage: (ref, options) =>
      available(async () => {
        const found = await findContent(folders, ref);
        if (found !== null) return { ...(await measured(found.path, found.isSealed)), complete: !found.isPartial };
        for (const isSealed of [false, true]) {
          const path = incomingFile(folders, ref, isSealed);
          const handle = await openLeftover(path);
          if (handle === null) continue;
          try {
            if ((await readKept(objectFolder(folders, ref)).catch(() => null)) === null) {
              await removeObjectFolder(ref);
              await makeObjectFolder(ref, options);
            }
            const rest = await keepRest(ref, handle, path, isSealed);
            if (rest !== null) return { ...rest, complete: false };
          } finally {
            await handle.close();
          }
        }
        await discard(ref);
        return null;
      }),
    close: async () => undefined,
  };
}

const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function openLeftover(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}

/** The folder, and the name that it got when it was first used. */
async function openRoot(folder: string): Promise<{ readonly root: string; readonly id: string }> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const root = await realpath(folder);
  for (const each of Object.values(foldersOf(root))) await makeFolder(each);
  const fresh = { id: `local:${randomBytes(16).toString('hex')}` };
  try {
    await writeOnce(root, 'vault.json', Buffer.from(JSON.stringify(fresh)));
  } catch (thrown) {
    if (!(thrown instanceof VaultError && thrown.code === 'taken')) throw thrown;
  }
  const handle = await openOwnFile(join(root, 'vault.json'));
  try {
    const read = IDENTITY.safeParse(JSON.parse(await handle.readFile('utf8')));
    if (!read.success) throw new VaultError('unavailable', `${join(root, 'vault.json')} does not name a vault`);
    return { root, id: read.data.id };
  } finally {
    await handle.close();
  }
}

/** A small file that is there as a whole or not at all, and is never replaced. */
async function writeOnce(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name);
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(draft, bytes, { mode: CONTENT_MODE, flag: 'wx', flush: true });
    await link(draft, path);
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw thrown;
    const handle = await openOwnFile(path);
    try {
      if (!(await handle.readFile()).equals(bytes)) throw new VaultError('taken', `There is another ${name} already`);
    } finally {
      await handle.close();
    }
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
}

async function settled<Value extends object>(promise: Promise<Value>): Promise<Value | { readonly thrown: unknown }> {
  try {
    return await promise;
  } catch (thrown) {
    return { thrown };
  }
}

/** What the system says becomes the port's own error. */
async function available<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof VaultError || codeOf(thrown) === '') throw thrown;
    throw new VaultError('unavailable', `The evidence store cannot be used: ${messageOf(thrown)}`, thrown);
  }
}
