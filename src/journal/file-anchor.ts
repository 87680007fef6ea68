import { closeSync, ftruncateSync, fsyncSync, openSync, readSync, fstatSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { appendedNotes } from '../pipeline/audit/anchor-file.ts';
import type { Anchor } from './log-keeper.ts';

/** How much of the end of the file is looked at, in bytes: many notes, of a few hundred bytes each. */
const TAIL_BYTES = 65_536;

/**
 * Appends each checkpoint to a file beside the journal: the nearest anchor there is, to be shipped elsewhere. On disk
 * when it is published. What a power cut or a full disk left of an append that was not finished is cut off first: half a
 * note would look like a forged one for ever.
 *
 * @param onTorn told of the bytes that were cut off.
 */
export function fileAnchor(file: string, onTorn: (bytes: number) => void = () => undefined): Anchor {
  const mended = (): void => {
    const torn = mend(file);
    if (torn > 0) onTorn(torn);
  };
  mended();
  return async (note) => {
    mended();
    await appendFile(file, `${note}\n`, { mode: 0o600, flush: true });
  };
}

/** The newest whole note in the file, or null. */
export function newestNote(file: string): string | null {
  const handle = openSync(file, 'a+', 0o600);
  try {
    return appendedNotes(tailOf(handle).toString('utf8')).notes.at(-1) ?? null;
  } finally {
    closeSync(handle);
  }
}

function tailOf(handle: number): Buffer {
  const { size } = fstatSync(handle);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(handle, tail, 0, tail.length, size - tail.length);
  return tail;
}

/** Cuts off an unfinished note. Answers how many bytes that were. */
function mend(file: string): number {
  const handle = openSync(file, 'a+', 0o600);
  try {
    const { size } = fstatSync(handle);
    const tail = tailOf(handle);
    const text = tail.toString('utf8');
    const { notes, end } = appendedNotes(text);
    if (end === text.length) return 0;
    // Searched among the bytes: what a power cut leaves need not be text, and has no length as one.
    const last = Buffer.from(notes.at(-1) ?? '');
    const torn = tail.length - (last.length === 0 ? 0 : tail.lastIndexOf(last) + last.length + 1);
    // Nothing of ours so far back: that is no unfinished note, and not ours to remove.
    if (last.length === 0 && size > TAIL_BYTES) return 0;
    ftruncateSync(handle, size - torn);
    fsyncSync(handle);
    return torn;
  } finally {
    closeSync(handle);
  }
}
