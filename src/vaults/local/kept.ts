import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VaultError } from '../../pipeline/evidence/vault.ts';
import { codeOf, KEPT_FILE, openOwnFile, syncFolder } from './folders.ts';

/** Until when an object is kept, and whether a hold stands: the vault's own word, beside that of the journal. */
export interface Kept {
  /** ms since 1970. */
  readonly retainUntil: number;
  readonly held: boolean;
}

const KEPT = z.strictObject({ retainUntil: z.int(), held: z.boolean() });
/** Far more than the file ever has, in bytes. */
const MAX_BYTES = 4_096;

/** What stands in the folder; null: there is none. @throws VaultError `damaged`. */
export async function readKept(folder: string): Promise<Kept | null> {
  let text: string;
  try {
    const handle = await openOwnFile(join(folder, KEPT_FILE));
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
      text = buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
  const read = KEPT.safeParse(jsonIn(text));
  if (!read.success) throw new VaultError('damaged', `${KEPT_FILE} beside the evidence cannot be read`);
  return read.data;
}

/** Replaces it as a whole, durably. */
export async function writeKept(folder: string, kept: Kept): Promise<void> {
  const draft = join(folder, `${KEPT_FILE}.new`);
  await rm(draft, { force: true });
  await writeFile(draft, JSON.stringify(kept), { mode: 0o400, flag: 'wx', flush: true });
  await rename(draft, join(folder, KEPT_FILE));
  await syncFolder(folder);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
