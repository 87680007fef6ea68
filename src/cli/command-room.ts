import { Option, type Command } from 'commander';
import type { Io } from './io.ts';

/** What the commands of a program share. */
export interface CommandRoom {
  readonly program: Command;
  readonly io: Io;
  exitWith(code: Promise<number>): Promise<void>;
}

/** Of commands that ask a running server. */
export function asking(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'server').default('http://127.0.0.1:3000'))
    .option('--json', 'one JSON line', false);
}
