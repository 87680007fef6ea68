import type { Io } from '../cli/io.ts';

/** What the demo needs of the terminal around it. */
export interface Terminal {
  write(text: string): void;
  complain(text: string): void;
  /** True when escape sequences are welcome: a terminal, and NO_COLOR is not set (no-color.org). */
  readonly styled: boolean;
  /** Width in characters; rows are cut to it, because a wrapped row would break the painting. */
  readonly columns: number;
}

/** Width of the view when the terminal does not say how wide it is (some say 0). */
const DEFAULT_COLUMNS = 140;

export function terminalOf({ stdout, stderr, env }: Io, columns: number | undefined): Terminal {
  return {
    write: (text) => void stdout.write(text),
    complain: (text) => void stderr.write(text),
    styled: stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    columns: columns !== undefined && columns > 0 ? columns : DEFAULT_COLUMNS,
  };
}
