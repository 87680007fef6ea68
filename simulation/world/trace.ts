import { createHash } from 'node:crypto';

/** Everything that happened in a world, in its order; two runs of one seed must not differ in a single byte. */
export interface Trace {
  add(line: string): void;
  readonly lines: number;
  /** SHA-256 of all lines, hexadecimal. Ends the trace. */
  digest(): string;
}

/** Lines are hashed in pieces of about this many characters: one call for each line costs more than the line. */
const PIECE = 8_192;

/** @param show called with each line, for a person who follows one seed. */
export function hashedTrace(show: ((line: string) => void) | null = null): Trace {
  const hash = createHash('sha256');
  let piece = '';
  let lines = 0;
  return {
    get lines() {
      return lines;
    },
    add(line) {
      lines += 1;
      piece += line;
      piece += '\n';
      if (show !== null) show(line);
      if (piece.length < PIECE) return;
      hash.update(piece);
      piece = '';
    },
    digest() {
      hash.update(piece);
      return hash.digest('hex');
    },
  };
}
