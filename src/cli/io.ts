import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

/** What a command may use of the process it runs in. A parameter, so that tests can look at what it says. */
export interface Io {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The bytes of a file; `-` means standard input. */
  readInput(file: string): Promise<Uint8Array<ArrayBuffer>>;
  readTextSync(file: string): string;
  /** Resolves when somebody asks the process to end. */
  stopRequested(): Promise<void>;
}

export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    readInput: async (file) => new Uint8Array(file === '-' ? await buffer(process.stdin) : await readFile(file)),
    readTextSync: (file) => readFileSync(file, 'utf8'),
    stopRequested: () =>
      new Promise((resolve) => {
        process.once('SIGTERM', () => resolve());
        process.once('SIGINT', () => resolve());
      }),
  };
}
