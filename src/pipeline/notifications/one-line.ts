import { printable } from '../../platform/printable.ts';

/** Text that takes one line, and whether nothing of it was left out. */
export interface Line {
  readonly text: string;
  readonly whole: boolean;
}

/**
 * Hostile text as one line: white space of any kind becomes one space, what moves a cursor or turns the direction of writing
 * becomes U+FFFD, and so does half a surrogate pair. No channel needs to know more than its own markup after this.
 *
 * @param max longest result, in UTF-16 units; what is longer ends with an ellipsis.
 */
export function oneLine(text: string, max: number): Line {
  const line = printable(text.replace(/\s+/gu, ' ').trim()).toWellFormed();
  if (line.length <= max) return { text: line, whole: true };
  // A pair that the cut parts would be half a character.
  const kept = line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '');
  return { text: `${kept}…`, whole: false };
}
