import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { codeOf } from './folders.ts';

type Direct = Pick<FileHandle, 'write' | 'close'>;

/** Writes a new file from its beginning to its end, piece after piece. */
export interface FileWriter {
  /** The bytes are in use until the promise resolves; one call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when nothing is under way any more; what was written is not on disk before the file is synced. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * How far the pages of the file may lie behind what is written, in bytes: what would otherwise be written all at once at the end is
 * on disk by then, and the machine's memory is not filled with it.
 */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/** What address, length and place of a direct write are multiples of: the block of every disk divides it. */
const DIRECT_ALIGNMENT = 4_096;

/**
 * Whole blocks of page-aligned shared memory go to the disk as they are (`O_DIRECT`), past the memory in which the system keeps files:
 * an image of 100 GB would take the place of everything else there, and two copies more. All else, and everything where the system
 * or its file system does not do that, is written as usual.
 * @param handle of the same file, open for writing; the caller closes it.
 * @param openedDirectly opens it so; null: not here
 */
export function fileWriter(path: string, handle: FileHandle, openedDirectly = openDirect): FileWriter {
  let position = 0;
  let unsynced = 0;
  let syncing: Promise<void> = Promise.resolve();
  /** Undefined: not asked for yet. Null: it cannot be done here. */
  let direct: Direct | null | undefined;

  async function closeDirect(): Promise<void> {
    const open = direct ?? null;
    direct = null;
    await open?.close();
  }

  /** False: it cannot be written in this way. */
  async function writtenDirectly(bytes: Uint8Array): Promise<boolean> {
    if (direct === undefined) direct = await openedDirectly(path);
    if (direct === null) return false;
    try {
      await writeAll(direct, bytes, position);
      return true;
    } catch (thrown) {
      if (codeOf(thrown) !== 'EINVAL') throw thrown;
      // A disk with larger blocks, or a part that was left over: written once more, at the same place.
      await closeDirect();
      return false;
    }
  }

  async function writeThroughPages(bytes: Uint8Array): Promise<void> {
    await writeAll(handle, bytes, position);
    unsynced += bytes.length;
    if (unsynced < SYNC_EVERY_BYTES) return;
    // One at a time: the next one waits for a disk that is slower than the source.
    await syncing;
    unsynced = 0;
    syncing = handle.datasync();
    syncing.catch(() => undefined);
  }

  return {
    async write(bytes) {
      if (!isAligned(bytes, position) || !(await writtenDirectly(bytes))) await writeThroughPages(bytes);
      position += bytes.length;
    },
    settle: () => syncing,
    close: closeDirect,
  };
}

/** Only shared memory of ours is known to begin with a page. */
function isAligned({ buffer, byteOffset, length }: Uint8Array, position: number): boolean {
  if (!(buffer instanceof SharedArrayBuffer) || length === 0) return false;
  return [byteOffset, length, position].every((each) => each % DIRECT_ALIGNMENT === 0);
}

async function openDirect(path: string): Promise<Direct | null> {
  // Not on every system; its types say otherwise.
  const flag = constants.O_DIRECT as number | undefined;
  if (flag === undefined) return null;
  return open(path, constants.O_WRONLY | constants.O_NOFOLLOW | flag).catch(() => null);
}

export async function writeAll(handle: Pick<FileHandle, 'write'>, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
