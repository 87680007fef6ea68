import { openCheckpoint } from './checkpoint.ts';

/** Checkpoints that were appended to a file, one after the other, each followed by an empty line. */
export interface AppendedNotes {
  readonly notes: readonly string[];
  /** Where the last whole note ends, in UTF-16 units: a power cut in the middle of an append leaves more. */
  readonly end: number;
}

/**
 * What a file holds that checkpoints are appended to. An unfinished last note is left out: nobody was ever told of it as
 * published, and the journal holds it whole.
 */
export function appendedNotes(text: string): AppendedNotes {
  const starts = [...text.matchAll(/(?:^|\n\n)(?=firebreak\/)/g)].map(({ index, 0: before }) => index + before.length);
  const notes = starts.map((start, index) => `${text.slice(start, starts[index + 1] ?? text.length).trimEnd()}\n`);
  const last = notes.at(-1);
  if (last === undefined) return { notes, end: 0 };
  const whole = text.endsWith('\n\n') && openCheckpoint(last, []).status !== 'malformed';
  return whole ? { notes, end: text.length } : { notes: notes.slice(0, -1), end: starts.at(-1) ?? 0 };
}
