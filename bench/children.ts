import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** How long a process may take until it is ready, in ms. */
const READY_MS = 30_000;
/** How long it may take to stop before it is killed, in ms. */
const STOP_MS = 10_000;
/** Complaints that are kept for the error message, in characters. */
const MAX_COMPLAINT = 4_000;

const READY = z.looseObject({ url: z.string(), setupToken: z.string().nullish() });

export interface Service {
  readonly url: string;
  readonly setupToken: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Everything a run has to clean up: its processes and its directories. */
export interface Workshop {
  /** Starts a Node program and waits for its ready line, a JSON object with its `url`. @throws Error when none comes. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Service>;
  /** A new empty directory. */
  directory(): string;
  /** Something else to take away at the end, after the processes that may still use it. */
  keep(remove: () => Promise<void>): void;
  /** Stops what runs, newest first, and removes the directories. Repeatable. */
  close(): Promise<void>;
}

/** Node arguments that run a program of this directory from its source. */
export function ownProgram(name: string): string[] {
  return ['--import', 'tsx', fileURLToPath(new URL(name, import.meta.url))];
}

export function openWorkshop(): Workshop {
  const services: Service[] = [];
  const directories: string[] = [];
  const kept: (() => Promise<void>)[] = [];
  const running = new Set<ChildProcess>();
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL');
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });
  return {
    async start(args, env = {}) {
      const child = spawn(process.execPath, [...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...inherited(), ...env },
      });
      running.add(child);
      let complaint = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        complaint = `${complaint}${text}`.slice(-MAX_COMPLAINT);
      });
      const ended = new Promise<void>((resolve) => {
        child.once('close', (code) => {
          running.delete(child);
          // One that ends by itself took its requests with it: the reason would be lost behind a reset connection.
          if (code !== 0 && code !== null)
            process.stderr.write(`bench: ${args.join(' ')} ended with ${code}\n${complaint}\n`);
          resolve();
        });
      });
      const { url, setupToken } = await readyLine(child, ended, () => complaint);
      const service = { url, setupToken: setupToken ?? '', pid: child.pid ?? 0, stop: () => stop(child, ended) };
      services.push(service);
      return service;
    },
    directory() {
      const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'));
      directories.push(directory);
      return directory;
    },
    keep(remove) {
      kept.push(remove);
    },
    async close() {
      for (const service of services.splice(0).reverse()) await service.stop();
      for (const remove of kept.splice(0).reverse()) await remove();
      for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Nothing of the caller's own settings may change what is measured. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

async function readyLine(
  child: ChildProcess,
  ended: Promise<void>,
  complaint: () => string,
): Promise<z.infer<typeof READY>> {
  let overdue: NodeJS.Timeout | undefined;
  const line = await Promise.race([
    new Promise<string>((resolve) => {
      if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
    }),
    ended.then(() => null),
    new Promise<null>((resolve) => {
      overdue = setTimeout(() => resolve(null), READY_MS);
    }),
  ]).finally(() => clearTimeout(overdue));
  if (line === null) {
    await stop(child, ended);
    throw new Error(`${child.spawnargs.slice(1).join(' ')} did not start:\n${complaint()}`);
  }
  return READY.parse(JSON.parse(line));
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended.finally(() => clearTimeout(overdue));
}
