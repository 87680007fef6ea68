import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { appendedNotes } from './anchor-file.ts';
import { signCheckpoint } from './checkpoint.ts';

const keys = generateKeyPairSync('ed25519');
const note = (size: number): string =>
  signCheckpoint({ origin: 'firebreak/jrn_1/g1', size, root: 'ab'.repeat(32) }, keys);
const file = (...sizes: readonly number[]): string => sizes.map((size) => `${note(size)}\n`).join('');

describe('checkpoints that were appended to a file', () => {
  it('are read as they were published', () => {
    expect(appendedNotes('')).toEqual({ notes: [], end: 0 });
    expect(appendedNotes(file(1, 20))).toEqual({ notes: [note(1), note(20)], end: file(1, 20).length });
  });

  it('are whole, wherever the last append was cut off', () => {
    const kept = file(1, 2).length;
    for (let length = kept; length < file(1, 2, 3).length; length += 1) {
      const { notes, end } = appendedNotes(file(1, 2, 3).slice(0, length));
      // Of a beginning that names no log yet nobody can say that it is one: it stays in the note before, which then is none.
      expect([...notes, note(2)].slice(0, 2)).toEqual([note(1), note(2)]);
      expect(end).toBeLessThanOrEqual(kept);
    }
  });

  it('are whole when pieces of the last append are missing', () => {
    const torn = `${file(1)}${note(2).slice(0, 40)}${'\0'.repeat(60)}${note(2).slice(100)}\n`;
    expect(appendedNotes(torn)).toEqual({ notes: [note(1)], end: file(1).length });
  });

  it('are none in a file that holds other things', () => {
    expect(appendedNotes('something else\n\n')).toEqual({ notes: [], end: 0 });
  });
});
