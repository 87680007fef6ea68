import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLE_FILES, MAX_BUNDLE_FILES } from './bundle-format.ts';
import { BLOCK, claimOf, END, entryHeader, isEntryName, paddingOf } from './ustar.ts';

/** Where a bundle is read from while it is verified: an archive, in order, or the folder that it was unpacked to. */
export interface BundleSource {
  /**
   * The next file, or what is there instead, as a sentence. Files are asked for in the order of the bundle.
   * @param size in bytes; null: not known yet.
   */
  next(name: string, size: number | null): Promise<NextFile>;
  /** After all files were read: what is there besides, as a sentence, or null. @param at as headers must hold it. */
  finish(at: number): Promise<BundleFault | null>;
  close(): Promise<void>;
}

export type NextFile =
  { readonly size: number; readonly content: AsyncIterable<Uint8Array> } | { readonly fault: BundleFault };

export interface BundleFault {
  readonly verdict: 'changed' | 'truncated';
  readonly file: string | null;
  readonly problem: string;
}

/** Bytes read at once. */
const READ_CHUNK = 256 * 1024;

/** @throws the file system's error when there is neither a file nor a folder. */
export async function openBundle(path: string): Promise<BundleSource> {
  const stats = await lstat(path);
  return stats.isDirectory() ? folderSource(path) : tarSource(blocksOf(await open(path, 'r')));
}

/** Bytes of an archive, asked for by count. */
export interface BlockReader {
  /** So many bytes; fewer at the end. */
  take(count: number): Promise<Buffer>;
  close(): Promise<void>;
}

function blocksOf(handle: FileHandle): BlockReader {
  let rest = Buffer.alloc(0);
  return {
    async take(count) {
      while (rest.length < count) {
        const chunk = Buffer.allocUnsafe(Math.max(READ_CHUNK, count - rest.length));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
        if (bytesRead === 0) break;
        rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      }
      const taken = rest.subarray(0, count);
      rest = rest.subarray(taken.length);
      return taken;
    },
    close: () => handle.close(),
  };
}

/** An archive in memory, for tests that change every byte of it. */
export function blocksIn(archive: Buffer): BlockReader {
  let offset = 0;
  return {
    async take(count) {
      const taken = archive.subarray(offset, offset + count);
      offset += taken.length;
      return taken;
    },
    close: async () => undefined,
  };
}

/** Reads an archive strictly: each header must be the one that the bundle's own writer makes, to the last byte. */
export function tarSource(reader: BlockReader): BundleSource {
  /** Headers are compared at the end: the time that they must hold stands in the manifest. */
  const early: { readonly name: string; readonly size: number; readonly header: Buffer }[] = [];
  let peeked: Buffer | null = null;
  let fault: BundleFault | null = null;

  async function header(): Promise<Buffer> {
    peeked ??= await reader.take(BLOCK);
    return peeked;
  }

  async function* contentOf(name: string, size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      const taken = await reader.take(Math.min(left, READ_CHUNK));
      if (taken.length === 0) {
        fault ??= truncated(name);
        return;
      }
      left -= taken.length;
      yield taken;
    }
    const expected = paddingOf(size);
    const padding = await reader.take(expected.length);
    if (padding.length < expected.length) fault ??= truncated(name);
    else if (!padding.equals(expected)) fault ??= changed(name, `There are bytes behind the end of ${name}.`);
  }

  return {
    async next(name, size) {
      if (fault !== null) return { fault };
      const found = await header();
      if (found.length < BLOCK) return { fault: truncated(name) };
      const claim = found.equals(END.subarray(0, BLOCK)) ? 'end' : claimOf(found);
      if (claim === 'end') return { fault: changed(name, `${name} is missing.`) };
      if (claim === null)
        return { fault: changed(name, `Where ${name} belongs there is something that is no file of a bundle.`) };
      if (claim.name !== name) {
        return { fault: changed(name, `${JSON.stringify(claim.name)} stands where ${name} belongs.`) };
      }
      if (size !== null && claim.size !== size)
        return { fault: changed(name, `${name} has not the size that the manifest names.`) };
      early.push({ name, size: claim.size, header: found });
      peeked = null;
      return { size: claim.size, content: contentOf(name, claim.size) };
    },
    async finish(at) {
      if (fault !== null) return fault;
      for (const { name, size, header: found } of early) {
        if (!found.equals(entryHeader(name, size, at))) return changed(name, `The header of ${name} was changed.`);
      }
      const first = await header();
      const end = Buffer.concat([first, await reader.take(END.length - first.length + 1)]);
      if (end.equals(END)) return null;
      const claim = first.length === BLOCK ? claimOf(first) : null;
      if (claim !== null) return changed(claim.name, `${claim.name} is not a file of this bundle.`);
      if (end.length < END.length)
        return { verdict: 'truncated', file: null, problem: 'The end of the archive is missing.' };
      return changed(null, 'There is something behind the last file.');
    },
    close: () => reader.close(),
  };
}

/** The folder that an archive was unpacked to. Only plain files and folders may lie in it. */
function folderSource(path: string): BundleSource {
  const asked = new Set<string>();
  return {
    async next(name, size) {
      asked.add(name);
      // Only names that `isEntryName` allows are asked for, but a folder on the way may have become a link.
      const stats =
        isEntryName(name) && (await isPlain(path, name)) ? await lstat(join(path, name)).catch(() => null) : null;
      if (stats === null) return { fault: changed(name, `${name} is missing, or a link lies in its place.`) };
      if (!stats.isFile()) return { fault: changed(name, `${name} is no file.`) };
      if (size !== null && stats.size !== size)
        return { fault: changed(name, `${name} has not the size that the manifest names.`) };
      return { size: stats.size, content: bytesOf(join(path, name)) };
    },
    async finish() {
      for await (const name of filesIn(path, '')) {
        if (!asked.has(name)) return changed(name, `${JSON.stringify(name)} is not a file of this bundle.`);
      }
      return null;
    },
    close: async () => undefined,
  };
}

async function isPlain(path: string, name: string): Promise<boolean> {
  const parts = name.split('/');
  for (let depth = 1; depth < parts.length; depth += 1) {
    const stats = await lstat(join(path, ...parts.slice(0, depth))).catch(() => null);
    if (stats === null || !stats.isDirectory()) return false;
  }
  return true;
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: READ_CHUNK, autoClose: false })) {
      yield chunk as Buffer; // no encoding: bytes
    }
  } finally {
    await handle.close();
  }
}

/** Everything but folders, links included, by its path within. */
async function* filesIn(root: string, within: string): AsyncGenerator<string> {
  let count = 0;
  for (const entry of await readdir(join(root, within), { withFileTypes: true })) {
    const name = within === '' ? entry.name : `${within}/${entry.name}`;
    if ((count += 1) > MAX_BUNDLE_FILES + Object.keys(BUNDLE_FILES).length) return yield name;
    if (entry.isDirectory()) yield* filesIn(root, name);
    else yield name;
  }
}

function changed(file: string | null, problem: string): BundleFault {
  return { verdict: 'changed', file, problem };
}

function truncated(name: string): BundleFault {
  return { verdict: 'truncated', file: name, problem: `The archive ends before the end of ${name}.` };
}
