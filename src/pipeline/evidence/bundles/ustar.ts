/**
 * The one form of tar archive that bundles have: POSIX ustar, regular files only, and of each header exactly one possible
 * spelling. A verifier makes the header that must be there and compares all 512 bytes, so that nothing can hide in a mode, a
 * time or an owner, and no entry can be a link or lead out of a folder. Any tar program reads it.
 */

export const BLOCK = 512;
/** What an archive ends with: two blocks of zeros, and nothing behind them. */
export const END = Buffer.alloc(2 * BLOCK);

/** Names fit the header's own field: letters, digits and a few signs, parted by slashes, no part beginning with a dot. */
const NAME = /^(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*\/){0,3}[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;
const MAX_NAME_LENGTH = 100;

/** Largest size that eleven octal digits hold, in bytes; larger ones are written in base 256, as GNU tar does. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

/** Whether a file of a bundle can be called this: no path of it leads anywhere but into the bundle. */
export function isEntryName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

/** The header of a file. @param at seconds since 1970. */
export function entryHeader(name: string, size: number, at: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, MAX_NAME_LENGTH, 'latin1');
  header.write('0000400\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  writeSize(header, size);
  header.write(`${at.toString(8).padStart(11, '0')}\0`, 136, 'latin1');
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function writeSize(header: Buffer, size: number): void {
  if (size <= MAX_OCTAL_SIZE) {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    return;
  }
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
}

/** Zeros between a file's end and the next header. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What a header claims, for a sentence about one that is not as it must be. Null: none of a file. Believes nothing. */
export function claimOf(header: Uint8Array): { readonly name: string; readonly size: number } | null {
  const bytes = Buffer.from(header);
  if (bytes.toString('latin1', 257, 262) !== 'ustar' || bytes[156] !== 0x30) return null;
  const name = bytes.toString('latin1', 0, MAX_NAME_LENGTH).split('\0', 1)[0] ?? '';
  const digits = /^([0-7]{11})\0/.exec(bytes.toString('latin1', 124, 136))?.[1];
  const size = digits === undefined ? Number(bytes.readBigUInt64BE(128)) : Number.parseInt(digits, 8);
  return isEntryName(name) && Number.isSafeInteger(size) ? { name, size } : null;
}
