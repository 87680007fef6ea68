/**
 * Text of events and of other people as a terminal or a message may get it: nothing that moves a cursor, rewrites what was said or
 * turns the direction of writing.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
