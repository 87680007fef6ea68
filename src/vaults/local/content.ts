import type { FileHandle } from 'node:fs/promises';
import type { DigestTaker } from '../../pipeline/evidence/digests.ts';
import { VaultError, type ByteRange } from '../../pipeline/evidence/vault.ts';
import { BLOCK_BYTES, type BlockSink } from '../blocks.ts';
import type { VaultKey } from '../key-file.ts';
import { CLEAR_FORM, formOfHeader, HEADER_BYTES, type BlockForm } from '../sealed-blocks.ts';
import { writeAll, type FileWriter } from './file-writer.ts';

/** The content of one file: how it is written, measured, read and cut to what is whole. */

/** Writes blocks to a new file in the order in which they come, and has them hashed meanwhile. */
export function fileSink(file: FileWriter, form: BlockForm, digests: DigestTaker): BlockSink {
  let index = 0;
  let written: Promise<void> = form.header.length === 0 ? Promise.resolve() : file.write(form.header);

  return {
    async take(block, isLast) {
      const hashed = digests.add(block);
      const at = index;
      index += 1;
      written = written.then(() => file.write(form.seal(block, at, isLast)));
      if (isLast) written = written.then(() => file.settle());
      // Both have to have ended before anybody looks at what the file holds, also when one of them has failed.
      const ended = await Promise.allSettled([written, hashed]);
      for (const each of ended) if (each.status === 'rejected') throw each.reason;
    },
  };
}

/** The form of a file, and how much clear content it must have. */
export interface Shape {
  readonly form: BlockForm;
  /** Of the clear content, in bytes. */
  readonly size: number;
}

/**
 * What a file holds, by its header and its length.
 * @param isSealed whether it is encrypted: that stands in its name, since clear evidence may begin like anything.
 * @throws VaultError `damaged`, `unavailable`.
 */
export async function shapeOf(handle: FileHandle, isSealed: boolean, keys: readonly VaultKey[]): Promise<Shape> {
  const { size } = await handle.stat();
  if (!isSealed) return { form: CLEAR_FORM, size };
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const form = formOfHeader(buffer.subarray(0, bytesRead), keys);
  const body = size - HEADER_BYTES;
  const full = Math.floor(body / (BLOCK_BYTES + form.overhead));
  const last = body - full * (BLOCK_BYTES + form.overhead) - form.overhead;
  if (last < 0) throw new VaultError('damaged', 'The file is cut off');
  return { form, size: full * BLOCK_BYTES + last };
}

/** Reads clear content, checking each block that is sealed. Opens the file when it is asked for the first piece, and closes it in the end. */
export async function* readContent(
  open: () => Promise<FileHandle>,
  { form, size }: Shape,
  range: ByteRange = { start: 0, end: size },
): AsyncGenerator<Uint8Array> {
  const handle = await open();
  try {
    const end = Math.min(range.end, size);
    const lastIndex = Math.floor(size / BLOCK_BYTES);
    // An empty last block is read too: that the file ends there is a part of what is checked.
    const upTo = end === size ? lastIndex : Math.floor((end - 1) / BLOCK_BYTES);
    for (let index = Math.floor(range.start / BLOCK_BYTES); index <= upTo; index += 1) {
      const from = index * BLOCK_BYTES;
      const block = await readBlock(handle, form, index, index === lastIndex, Math.min(BLOCK_BYTES, size - from));
      const part = block.subarray(Math.max(0, range.start - from), end - from);
      if (part.length > 0) yield part;
    }
  } finally {
    await handle.close();
  }
}

async function readBlock(
  handle: FileHandle,
  form: BlockForm,
  index: number,
  isLast: boolean,
  clearBytes: number,
): Promise<Uint8Array> {
  const length = clearBytes + form.overhead;
  const position = form.header.length + index * (BLOCK_BYTES + form.overhead);
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new VaultError('damaged', 'The file is shorter than it was');
    done += bytesRead;
  }
  return form.open(bytes, index, isLast);
}

/**
 * Makes a file that was not written to its end one that is whole in itself: clear content stays as it is; sealed content is cut
 * to the blocks that are intact, and gets a last one. False: nothing of it can be used.
 */
export async function makeWhole(handle: FileHandle, isSealed: boolean, keys: readonly VaultKey[]): Promise<boolean> {
  if (!isSealed) return true;
  const header = Buffer.alloc(HEADER_BYTES);
  const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0);
  if (bytesRead < HEADER_BYTES) return false;
  const form = formOfHeader(header, keys);
  if (await hasLastBlock(handle, keys)) return true;
  let index = await intactBlocks(handle, form);
  for (;;) {
    const end = HEADER_BYTES + index * (BLOCK_BYTES + form.overhead);
    try {
      await handle.truncate(end);
      await writeAll(handle, form.seal(new Uint8Array(0), index, true), end);
      return true;
    } catch (thrown) {
      // No room even for the end: the last block makes room.
      if (index === 0) throw thrown;
      index -= 1;
    }
  }
}

async function hasLastBlock(handle: FileHandle, keys: readonly VaultKey[]): Promise<boolean> {
  try {
    const { form, size } = await shapeOf(handle, true, keys);
    await readBlock(handle, form, Math.floor(size / BLOCK_BYTES), true, size % BLOCK_BYTES);
    return true;
  } catch (thrown) {
    if (thrown instanceof VaultError && thrown.code === 'damaged') return false;
    throw thrown;
  }
}

async function intactBlocks(handle: FileHandle, form: BlockForm): Promise<number> {
  for (let index = 0; ; index += 1) {
    try {
      await readBlock(handle, form, index, false, BLOCK_BYTES);
    } catch (thrown) {
      if (thrown instanceof VaultError && thrown.code === 'damaged') return index;
      throw thrown;
    }
  }
}
