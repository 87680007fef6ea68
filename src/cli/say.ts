import { printable } from '../platform/printable.ts';
import type { Io } from './io.ts';

/** Options of every command that asks a running server. */
export interface ServerOptions {
  readonly url: string;
  readonly json: boolean;
}

/** Things of a list: more than a person looks through; the last line says how many there are. */
export const MAX_LISTED = 100;

/** Says what a command is answered: one JSON line, or lines for people, in which nothing moves a cursor. */
export function say({ json }: ServerOptions, io: Io, value: unknown, lines: readonly string[]): void {
  io.stdout.write(`${json ? JSON.stringify(value) : lines.map(printable).join('\n')}\n`);
}
