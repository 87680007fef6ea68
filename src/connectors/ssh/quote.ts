/**
 * One word of a POSIX shell that stands for exactly this text, whatever is in it. SSH hands a command over as one string, which
 * the login shell of the account takes apart: inside single quotes it changes nothing, and a quote itself is written `'\''`.
 * @throws RangeError for NUL, which no argument can hold, and for text that is not well-formed
 */
export function quoted(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) throw new RangeError('A shell word cannot hold this text');
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Text that no shell takes for anything but itself. */
const PLAIN = /^[A-Za-z0-9_./:@%+-]+$/;
