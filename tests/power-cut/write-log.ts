import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** The log that preload.c writes: one entry for each call, in the order of the calls. */

/** As numbered in preload.c. */
const TYPES = [
  'none',
  'open',
  'create',
  'write',
  'truncate',
  'sync begin',
  'sync end',
  'unlink',
  'rename',
  'link',
  'make directory',
  'unfollowed',
] as const;

export interface Entry {
  readonly type: (typeof TYPES)[number];
  /** Below the root; '' is the root itself. Of `unfollowed`: the call. */
  readonly path: string;
  readonly inode: number;
  /** Of a write: where. Of a truncation: the new length. Of a sync: its number, the same at its begin and its end. */
  readonly offset: number;
  /** Of a write: the bytes. Of a rename or a link: the new path. */
  readonly data: Buffer;
  /** Where the entry ends in the log: a power cut at a position finds all entries that end at it or before. */
  readonly end: number;
}

const HEADER_BYTES = 32;
/** Read at once: several of the largest entries. */
const CHUNK_BYTES = 4 * 1_048_576;

/** How long the log is now: a moment in the life of the server. */
export function positionOf(log: string): number {
  return statSync(log, { throwIfNoEntry: false })?.size ?? 0;
}

/** All whole entries. The last one may have been cut short by a kill, and is then left out. */
export function* entriesOf(log: string): Generator<Entry> {
  const handle = openSync(log, 'r');
  try {
    let held = Buffer.alloc(0);
    let end = 0;
    for (;;) {
      const entry = entryIn(held, end);
      if (entry !== null) {
        held = held.subarray(entry.end - end);
        end = entry.end;
        yield entry;
        continue;
      }
      const more = Buffer.alloc(CHUNK_BYTES);
      const read = readSync(handle, more);
      if (read === 0) return;
      held = Buffer.concat([held, more.subarray(0, read)]);
    }
  } finally {
    closeSync(handle);
  }
}

function entryIn(held: Buffer, begin: number): Entry | null {
  if (held.length < HEADER_BYTES) return null;
  const pathLength = held.readUInt32LE(4);
  const dataLength = Number(held.readBigUInt64LE(24));
  const length = HEADER_BYTES + pathLength + dataLength;
  if (held.length < length) return null;
  const type = TYPES[held.readUInt32LE(0)];
  if (type === undefined || type === 'none') throw new Error(`the log of writes is broken at byte ${begin}`);
  return {
    type,
    path: held.toString('utf8', HEADER_BYTES, HEADER_BYTES + pathLength),
    inode: Number(held.readBigUInt64LE(8)),
    offset: Number(held.readBigUInt64LE(16)),
    data: held.subarray(HEADER_BYTES + pathLength, length),
    end: begin + length,
  };
}
