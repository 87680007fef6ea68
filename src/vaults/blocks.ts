import { collectYoung } from '../platform/collect-young.ts';
import { messageOf } from '../platform/errors.ts';
import type { WrittenObject } from '../pipeline/evidence/vault.ts';

/**
 * Content of any size as blocks of one size: what is hashed, encrypted and written at a time. Everything but the last block
 * is full; the last one has what is left, which may be nothing.
 */

/** Size of a block, in bytes: large enough that a block costs more to hash than to hand on, small enough to hold several. */
export const BLOCK_BYTES = 1024 * 1024;
/** Blocks that are on their way at once, which bounds the memory of one write: one fills, one is hashed, one is written. */
const BLOCKS_AT_ONCE = 4;

/** As every engine has it; the types of Node.js leave it out. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number; readonly shared: true }) => {
    readonly buffer: SharedArrayBuffer;
  };
};
/** What the memory of a WebAssembly program is counted in, in bytes. */
const WASM_PAGE_BYTES = 65_536;

/** So often what the pieces of the content lay in is collected: 8 MiB are soon there, and a millisecond is nothing beside hashing them. */
const BLOCKS_PER_COLLECTION = 8;

export interface BlockSink {
  /** The block is in use until the promise resolves. `isLast` is true once. */
  take(block: Uint8Array, isLast: boolean): Promise<void>;
}

/** How the content ended: `thrown` is what the source threw, `failed` what the sink did. */
export type Poured =
  | { readonly end: 'whole' }
  | { readonly end: 'source'; readonly thrown: unknown }
  | { readonly end: 'aborted' }
  | { readonly end: 'limit' }
  | { readonly end: 'sink'; readonly thrown: unknown };

/**
 * Pours content into a sink, block by block and in order. The sink gets a last block however the source ends, so that what came is
 * whole in itself; only where the sink itself fails does it get nothing more.
 */
export async function pour(
  content: AsyncIterable<Uint8Array>,
  sink: BlockSink,
  { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Poured> {
  const ring = sharedBlocks(BLOCKS_AT_ONCE).map((bytes) => ({ bytes, free: Promise.resolve() }));
  const failure: { thrown?: unknown; happened: boolean } = { happened: false };
  let turn = 0;
  let filled = 0;
  let total = 0;

  function current(): (typeof ring)[number] {
    const slot = ring[turn % BLOCKS_AT_ONCE];
    if (slot === undefined) throw new Error('invariant broken: a ring has a slot for each turn');
    return slot;
  }

  async function handOn(isLast: boolean): Promise<void> {
    const slot = current();
    slot.free = sink.take(slot.bytes.subarray(0, filled), isLast).catch((thrown: unknown) => {
      if (!failure.happened) Object.assign(failure, { thrown, happened: true });
    });
    turn += 1;
    filled = 0;
    if (turn % BLOCKS_PER_COLLECTION === 0) collectYoung();
    await current().free;
  }

  async function fill(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length && !failure.happened;) {
      const part = piece.subarray(at, at + BLOCK_BYTES - filled);
      current().bytes.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === BLOCK_BYTES) await handOn(false);
    }
  }

  const source = await drain(content, signal, async (piece) => {
    const room = maxBytes - total;
    await fill(piece.length > room ? piece.subarray(0, room) : piece);
    total += piece.length;
    if (failure.happened) return 'sink';
    return total > maxBytes ? 'limit' : 'on';
  });
  if (!failure.happened) await handOn(true);
  await Promise.all(ring.map(({ free }) => free));
  return failure.happened ? { end: 'sink', thrown: failure.thrown } : source;
}

/** Shared memory, so that another thread can hash a block without a copy of it. */
function sharedBlocks(count: number): readonly Uint8Array[] {
  const buffer = alignedMemory(count * BLOCK_BYTES);
  return Array.from({ length: count }, (_, index) => new Uint8Array(buffer, index * BLOCK_BYTES, BLOCK_BYTES));
}

/** It begins with a page, where it can be had so: a disk takes it as it is then. Only a WebAssembly program's memory is known to do that. */
function alignedMemory(bytes: number): SharedArrayBuffer {
  const pages = bytes / WASM_PAGE_BYTES;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch {
    // It reserves far more addresses than it has bytes, which a process with a limit on them (`ulimit -v`) may not.
    return new SharedArrayBuffer(bytes);
  }
}

/** Reads a source until it ends, fails, is aborted, or nobody wants more; a source that hangs holds nobody up once it is aborted. */
async function drain(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  take: (piece: Uint8Array) => Promise<'on' | 'sink' | 'limit'>,
): Promise<Poured> {
  const iterator = content[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextOf(iterator, signal);
      if (next === 'aborted') return letGo(iterator, { end: 'aborted' });
      if (next.done === true) return { end: 'whole' };
      const said = await take(next.value);
      if (said === 'limit') return letGo(iterator, { end: 'limit' });
      if (said === 'sink') return letGo(iterator, { end: 'sink', thrown: null });
    }
  } catch (thrown) {
    return signal.aborted ? { end: 'aborted' } : { end: 'source', thrown };
  }
}

/**
 * The next piece, or that the source is wanted no more. With one promise of the abort for all pieces each of them would stay
 * in memory until the end, held by the race that it won.
 */
function nextOf(
  iterator: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<IteratorResult<Uint8Array> | 'aborted'> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      resolve('aborted');
      return;
    }
    const onAbort = (): void => resolve('aborted');
    signal.addEventListener('abort', onAbort, { once: true });
    const end = (): void => signal.removeEventListener('abort', onAbort);
    iterator.next().then(resolve, reject).finally(end);
  });
}

/** Nobody waits for a source that is not wanted any more: it may be the one that hangs. */
function letGo(iterator: AsyncIterator<Uint8Array>, answer: Poured): Poured {
  void Promise.resolve(iterator.return?.()).catch(() => undefined);
  return answer;
}

/** What a custody record says of content that ended as it did; null: it is whole. */
export function brokenBy(poured: Poured): WrittenObject['broken'] {
  switch (poured.end) {
    case 'source':
      return { by: 'source', why: `The source broke off: ${messageOf(poured.thrown)}`, thrown: poured.thrown };
    case 'aborted':
      return { by: 'aborted', why: 'The collection was ended before the source had ended', thrown: null };
    case 'limit':
      return { by: 'limit', why: 'The source has more than one artefact may have', thrown: null };
    default:
      return null;
  }
}
