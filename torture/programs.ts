import { spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Edit } from './plants.ts';
import { startReaper } from './reaper.ts';

/**
 * A copy of the compiled program, made once: what is tortured does not change when somebody builds meanwhile, and a bug
 * that is planted in it is in no other place.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** What is kept of a program's complaints, in characters. */
const MAX_COMPLAINT = 8_000;
/** How long a program may take until it is ready, in ms: far above a start on a machine that is busy with others. */
const READY_MS = 60_000;

export interface Running {
  readonly child: ChildProcess;
  /** The line of JSON that it printed when it was ready. @throws when it ended before. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  /** Resolves when it is gone, however it ended, with its exit code (null: by a signal). */
  readonly ended: Promise<number | null>;
  complaints(): string;
}

export interface Programs {
  /** Directory for all files of the run; removed by `remove`. */
  readonly directory: string;
  start(module: string, args: readonly string[], env: Readonly<Record<string, string>>): Running;
  /** The compiled program without planted bugs: it judges. */
  readonly sound: string;
  /** Runs a module of the sound program, or a script by its whole path; answers with the JSON line that it prints. */
  runSound(
    module: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    readyMs: number,
  ): Promise<unknown>;
  /** Kills everything that still runs. */
  killAll(): void;
  remove(): void;
}

/** Where `npm run build` puts the program. */
export const DIST = join(ROOT, 'dist');

/** @param dist the compiled program. @param keep leaves the directory where it is. @throws Error when nothing is compiled, or an edit does not find its line exactly once. */
export function openPrograms(dist: string, edits: readonly Edit[], keep = false): Programs {
  if (!existsSync(join(dist, 'main.js'))) throw new Error(`${join(dist, 'main.js')} is missing: npm run build`);
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-torture-'));
  const sound = join(directory, 'sound');
  for (const copy of [sound, join(directory, 'dist')])
    cpSync(dist, copy, { recursive: true, filter: (file) => !file.endsWith('.map') });
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'dir');
  try {
    const copy = join(directory, 'dist');
    for (const edit of edits) writeFileSync(join(copy, edit.file), planted(copy, edit));
  } catch (thrown) {
    rmSync(directory, { recursive: true, force: true });
    throw thrown;
  }
  const reaper = startReaper(keep ? null : directory);
  const children = new Set<ChildProcess>();
  const killAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  function launch(
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    readyMs: number,
  ): Running {
    const child = spawn(process.execPath, [file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    });
    children.add(child);
    const { pid } = child;
    if (pid !== undefined) reaper.began(pid);
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = `${complaints}${text}`.slice(-MAX_COMPLAINT);
      appendFileSync(join(directory, 'complaints.log'), text);
    });
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => {
        children.delete(child);
        if (pid !== undefined) reaper.ended(pid);
        resolve(code);
      });
    });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ready = readyLine(child, closed, () => `${file} was not ready: ${complaints}`, readyMs);
    // Whoever kills it during its start does not ask for the line any more.
    ready.catch(() => undefined);
    return { child, ready, ended, complaints: () => complaints };
  }

  return {
    directory,
    sound,
    start: (module, args, env) => launch(join(directory, 'dist', `${module}.js`), args, env, READY_MS),
    async runSound(module, args, env, readyMs) {
      const file = isAbsolute(module) ? module : join(sound, `${module}.js`);
      const running = launch(file, args, env, readyMs);
      const answer = await running.ready;
      await running.ended;
      return answer;
    },
    killAll,
    remove() {
      process.off('exit', killAll);
      reaper.dismiss();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The text of a compiled file with a bug planted in it. @throws Error when it does not hold the line exactly once. */
export function planted(dist: string, { file, find, replace }: Edit): string {
  const text = readFileSync(join(dist, file), 'utf8');
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`the bug cannot be planted: ${file} has ${found} times: ${find}`);
  return text.replace(find, () => replace);
}

async function readyLine(
  child: ChildProcess,
  closed: Promise<void>,
  complaint: () => string,
  readyMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  let overdue: NodeJS.Timeout | undefined;
  const line = new Promise<string>((resolve) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.startsWith('{')) resolve(text);
    });
  });
  const late = new Promise<never>((_resolve, reject) => {
    overdue = setTimeout(() => reject(new Error(`${complaint()} (not within ${readyMs} ms)`)), readyMs);
  });
  // What it printed has been heard by then, also of a program that ends at once.
  const gone = closed.then(() => Promise.reject(new Error(complaint())));
  try {
    // The program's own line is an object.
    return JSON.parse(await Promise.race([line, gone, late])) as Readonly<Record<string, unknown>>;
  } finally {
    clearTimeout(overdue);
  }
}
