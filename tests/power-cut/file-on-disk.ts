import type { Draw } from '../../torture/draw.ts';

/** What a power cut leaves of what was not synced: of one file, or of everything. */
export type Survival = 'nothing' | 'everything' | 'prefix' | 'pieces';

/** A file of which a part is on disk and the rest only written. */
export interface FileOnDisk {
  write(offset: number, data: Buffer): void;
  truncate(length: number): void;
  /** How many changes there have been: what a sync that begins now will have put on disk when it ends. */
  readonly changes: number;
  /** The first so many changes are on disk. */
  settle(changes: number): void;
  /** What power would leave if it were cut now. */
  left(survival: Survival, draw: Draw): Buffer;
}

type FileChange =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly length: number };

/** What a disk writes whole, in bytes: a sector of an old disk, or a page of the cache. Both are drawn. */
const PIECE_BYTES = [512, 4_096] as const;

/** @param content what is on disk already. */
export function fileOnDisk(content: Buffer = Buffer.alloc(0)): FileOnDisk {
  const durable = growing(content);
  let pending: FileChange[] = [];
  let settled = 0;
  return {
    write: (offset, data) => void pending.push({ kind: 'write', offset, data }),
    truncate: (length) => void pending.push({ kind: 'truncate', length }),
    get changes() {
      return settled + pending.length;
    },
    settle(changes) {
      // A sync that began earlier may end later.
      const count = Math.max(0, changes - settled);
      for (const change of pending.slice(0, count)) apply(durable, change);
      pending = pending.slice(count);
      settled += count;
    },
    left(survival, draw) {
      const content = growing(Buffer.from(durable.bytes()));
      if (survival === 'everything') for (const change of pending) apply(content, change);
      if (survival === 'prefix') applyPrefix(content, pending, draw);
      if (survival === 'pieces') applyPieces(content, pending, draw);
      return content.bytes();
    },
  };
}

/** In order up to some moment, and of the write that was under way then a part. */
function applyPrefix(content: Growing, pending: readonly FileChange[], draw: Draw): void {
  const count = draw.integer(0, pending.length);
  for (const change of pending.slice(0, count)) apply(content, change);
  const torn = pending[count];
  if (torn?.kind !== 'write') return;
  const piece = draw.pick(PIECE_BYTES);
  const whole = Math.floor((torn.offset + draw.integer(0, torn.data.length)) / piece) * piece;
  if (whole > torn.offset) content.write(torn.offset, torn.data.subarray(0, whole - torn.offset));
}

/**
 * In any order: each piece of the file reached the disk as it was after some number of the writes to it, whatever became
 * of the others. Lengths are kept in the file system's own journal and are therefore cut in order; what was written
 * before a cut is settled piece by piece as well.
 */
function applyPieces(content: Growing, pending: readonly FileChange[], draw: Draw): void {
  const piece = draw.pick(PIECE_BYTES);
  let writes: WriteChange[] = [];
  let cuts = draw.integer(0, pending.filter(({ kind }) => kind === 'truncate').length);
  for (const change of pending) {
    if (change.kind === 'write') {
      writes.push(change);
      continue;
    }
    if (cuts === 0) break;
    cuts -= 1;
    settlePieces(content, writes, piece, draw);
    apply(content, change);
    writes = [];
  }
  settlePieces(content, writes, piece, draw);
}

type WriteChange = Extract<FileChange, { kind: 'write' }>;

function settlePieces(content: Growing, writes: readonly WriteChange[], piece: number, draw: Draw): void {
  const touching = new Map<number, WriteChange[]>();
  for (const write of writes) {
    const last = Math.floor((write.offset + write.data.length - 1) / piece);
    for (let index = Math.floor(write.offset / piece); index <= last; index += 1) {
      const known = touching.get(index);
      if (known === undefined) touching.set(index, [write]);
      else known.push(write);
    }
  }
  for (const [index, all] of touching) {
    for (const { offset, data } of all.slice(0, draw.integer(0, all.length))) {
      const from = Math.max(offset, index * piece);
      const to = Math.min(offset + data.length, (index + 1) * piece);
      content.write(from, data.subarray(from - offset, to - offset));
    }
  }
}

function apply(content: Growing, change: FileChange): void {
  if (change.kind === 'write') content.write(change.offset, change.data);
  else content.truncate(change.length);
}

/** Bytes that grow; what lies between the end and a later write is zero. */
interface Growing {
  write(offset: number, data: Buffer): void;
  truncate(length: number): void;
  bytes(): Buffer;
}

function growing(content: Buffer): Growing {
  let buffer = content;
  let size = content.length;
  const reach = (length: number): void => {
    if (length <= size) return;
    if (length > buffer.length) {
      const larger = Buffer.alloc(Math.max(length, buffer.length * 2));
      buffer.copy(larger, 0, 0, size);
      buffer = larger;
    } else buffer.fill(0, size, length);
    size = length;
  };
  return {
    write(offset, data) {
      reach(offset + data.length);
      data.copy(buffer, offset);
    },
    truncate(length) {
      if (length > size) reach(length);
      size = length;
    },
    bytes: () => buffer.subarray(0, size),
  };
}
