import { constants } from 'node:fs';
import { lstat, mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isVaultRef, VaultError } from '../../pipeline/evidence/vault.ts';

/**
 * Where things lie in the vault's folder. Paths are made of ids and digests only, never of a name that came from outside:
 *
 *     incoming/<ref>[.sealed]                 what is being written
 *     objects/<last two of ref>/<ref>/        one folder for each object
 *       <sha256>[.sealed][.partial]           its content, 0400
 *       kept.json                             until when it is kept, and whether a hold stands
 *       <stem>_meta.json                      what the custody record says, in short
 */
export interface Folders {
  readonly incoming: string;
  readonly objects: string;
}

export const FOLDER_MODE = 0o700;
/** What marks content that is encrypted: in its name, since clear content may begin like anything. */
export const SEALED = '.sealed';
/** What marks content that is not the whole. */
export const PARTIAL = '.partial';
export const KEPT_FILE = 'kept.json';

export function foldersOf(root: string): Folders {
  return { incoming: join(root, 'incoming'), objects: join(root, 'objects') };
}

export function shardOf({ objects }: Folders, ref: string): string {
  requireRef(ref);
  return join(objects, ref.slice(-2));
}

export function objectFolder(folders: Folders, ref: string): string {
  return join(shardOf(folders, ref), ref);
}

export function incomingFile({ incoming }: Folders, ref: string, isSealed: boolean): string {
  requireRef(ref);
  return join(incoming, isSealed ? `${ref}${SEALED}` : ref);
}

function requireRef(ref: string): void {
  if (!isVaultRef(ref)) throw new VaultError('missing', 'That is no name of evidence');
}

/**
 * Refuses a folder of the vault that is a link to somewhere else.
 * @throws VaultError `damaged`.
 */
export async function requireOwnFolder(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory())
    throw new VaultError('damaged', 'A folder of the vault is a link or a file: somebody has put it there');
}

/** Opens a file for reading that is really one, and not a link to one. @throws VaultError `damaged`; what the system throws. */
export async function openOwnFile(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    if (codeOf(thrown) === 'ELOOP')
      throw new VaultError('damaged', 'A symbolic link lies in place of the evidence', thrown);
    throw thrown;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new VaultError('damaged', 'Something that is no file lies in place of the evidence');
}

/** A name is as durable as its folder. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder where there is none. True: it was made now. */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw thrown;
    await requireOwnFolder(path);
    return false;
  }
}

/** The system's word for an error, for example `ENOENT`; empty when it has none. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
