import { randomBytes } from 'node:crypto';
import { lstat, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Puts a text in the place of another one, whole or not at all: it is written beside the file, made durable, and renamed.
 * False when the file is no longer what was read, or a link: then nothing is changed. @throws Error of the file system
 */
export async function replaceFile(path: string, before: string, after: string): Promise<boolean> {
  const stat = await lstat(path);
  if (!stat.isFile()) return false;
  const temporary = join(dirname(path), `.firebreak-${randomBytes(8).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', stat.mode & 0o777);
  try {
    await handle.writeFile(after);
    await handle.sync();
    await handle.close();
    if ((await readFile(path)).equals(Buffer.from(before))) {
      await rename(temporary, path);
      return true;
    }
    await unlink(temporary);
    return false;
  } catch (thrown) {
    await handle.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw thrown;
  }
}
