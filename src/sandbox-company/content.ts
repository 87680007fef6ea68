import { createCipheriv } from 'node:crypto';
import { sha256 } from '../platform/hash.ts';
import type { Host, HostFile } from './company.ts';

/** What files and images hold: generated while it is read, so that any size costs no memory. */

/** Bytes of one piece: large enough that the cost of a piece does not count. */
const PIECE_BYTES = 64 * 1024;

/** Every run of the same name and size gives the same bytes: the key stream of AES-128 under the name's hash. */
export async function* generatedBytes(name: string, size: number): AsyncGenerator<Buffer> {
  const seed = sha256(name);
  const cipher = createCipheriv('aes-128-ctr', seed.subarray(0, 16), seed.subarray(16));
  const zeros = Buffer.alloc(PIECE_BYTES);
  for (let left = size; left > 0; left -= PIECE_BYTES) {
    yield cipher.update(left < PIECE_BYTES ? zeros.subarray(0, left) : zeros);
  }
}

/** The bytes of a file as it is at this revision. */
export function fileBytes(host: Host, file: HostFile): AsyncGenerator<Buffer> {
  if (file.text !== null && file.revision === 1) return oneText(file.text);
  return generatedBytes(`${host.id}\n${file.path}\n${file.revision}`, file.size);
}

export type ImageKind = 'disk' | 'memory';

/** The bytes of an image of a host. */
export function imageBytes(host: Host, kind: ImageKind): AsyncGenerator<Buffer> {
  return generatedBytes(`${host.id}\n${kind}`, imageSize(host, kind));
}

export function imageSize(host: Host, kind: ImageKind): number {
  return kind === 'disk' ? host.diskBytes : host.memoryBytes;
}

/**
 * A file that is written to while it is read: `write` is called when half of it is out, and the rest is of the new
 * revision. One of less than two bytes changes after it was read.
 */
export async function* changingBytes(host: Host, file: HostFile, write: () => void): AsyncGenerator<Buffer> {
  const half = file.size >> 1;
  yield* slice(fileBytes(host, file), 0, half);
  write();
  yield* slice(fileBytes(host, file), half, file.size);
}

async function* slice(pieces: AsyncIterable<Buffer>, from: number, to: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += piece.length;
    if (part.length > 0) yield part;
    if (at >= to) return;
  }
}

// Asynchronous like its siblings, so that what reads them need not ask which one it has.
async function* oneText(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'utf8');
}
