import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, objectFolder, PARTIAL, requireOwnFolder, SEALED, shardOf, type Folders } from './folders.ts';

/** The content of an object as it lies in its folder. */
export interface FoundContent {
  readonly path: string;
  readonly sha256: string;
  readonly isSealed: boolean;
  readonly isPartial: boolean;
}

const CONTENT = /^([0-9a-f]{64})(\.sealed)?(\.partial)?$/;

export function contentName(sha256: string, isSealed: boolean, isPartial: boolean): string {
  return `${sha256}${isSealed ? SEALED : ''}${isPartial ? PARTIAL : ''}`;
}

/** The content of the object of this name, whatever its digest is; null: there is none. @throws VaultError `damaged`. */
export async function findContent(folders: Folders, ref: string): Promise<FoundContent | null> {
  const folder = objectFolder(folders, ref);
  try {
    await requireOwnFolder(shardOf(folders, ref));
    await requireOwnFolder(folder);
    for (const name of await readdir(folder)) {
      const [, sha256, sealed, partial] = CONTENT.exec(name) ?? [];
      if (sha256 === undefined) continue;
      return { path: join(folder, name), sha256, isSealed: sealed !== undefined, isPartial: partial !== undefined };
    }
    return null;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}
