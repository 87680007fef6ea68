import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The library that writes down what a server does to its files: compiled here, loaded into the server. */

const SOURCE = fileURLToPath(new URL('./preload.c', import.meta.url));
/** Processors whose system calls the library makes by name; on 32 bits their arguments are others. */
const PROCESSORS: readonly string[] = ['x64', 'arm64'];

/** How long a sync takes, in microseconds: long enough that power is cut while one is under way. */
const SYNC_US = 2_000;

export interface Preload {
  /** Why there is none on this machine; null: there is one. */
  readonly skip: string | null;
  /**
   * The environment of a process that is to be watched. @param root the directory whose files are followed. @param log
   * where it is written down.
   */
  env(root: string, log: string, lie: Lie | null): Readonly<Record<string, string>>;
}

/** How a disk lies about syncs: it does nothing, or what it says is done is done some syncs later. */
export type Lie = 'omitted' | 'late';

/** @param directory where the compiled library is put. */
export function compilePreload(directory: string): Preload {
  const library = join(directory, 'preload.so');
  return {
    skip: whyNot(library),
    env: (root, log, lie) => ({
      LD_PRELOAD: library,
      POWER_CUT_ROOT: realpathSync(root),
      POWER_CUT_LOG: log,
      POWER_CUT_SYNC_US: String(SYNC_US),
      ...(lie === null ? {} : { POWER_CUT_LIE: lie }),
      // What goes past the C library cannot be seen.
      UV_USE_IO_URING: '0',
    }),
  };
}

function whyNot(library: string): string | null {
  if (process.platform !== 'linux') return `this is ${process.platform}, and LD_PRELOAD is used as Linux has it`;
  if (!PROCESSORS.includes(process.arch)) return `the library is not written for ${process.arch}`;
  const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-pthread', '-o', library, SOURCE];
  const { status, error, stderr } = spawnSync(process.env['CC'] ?? 'cc', args, { encoding: 'utf8' });
  if (error !== undefined) return `there is no C compiler (${error.message})`;
  return status === 0 ? null : `the library was not compiled: ${stderr.slice(0, 2_000)}`;
}
