import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts further processes of this program and sees to it that none of them outlives it. */

/** How long a process may take until it says that it is ready, in ms: far above a cold start on a slow machine. */
const READY_MS = 30_000;
/** How long a process may take to stop before it is killed, in ms. */
const STOP_MS = 10_000;
/** How long a program that runs to its end may take, in ms: verifying a journal of some thousand records. */
const RUN_MS = 120_000;
/** What is kept of a process's complaints, in characters. */
const MAX_COMPLAINT = 4_000;

export interface Program {
  /** Path without extension below `src` (or `dist`), for example `main`. */
  readonly module: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Service {
  /** The line it printed when it was ready, parsed. */
  readonly ready: unknown;
  /** Ends it: politely, and after ten seconds not. Repeatable. */
  stop(): Promise<void>;
}

export interface Processes {
  /** Starts a service and waits for its first line of JSON. @throws Error with what it complained about. */
  start(program: Program): Promise<Service>;
  /** Runs a program to its end. */
  run(program: Program): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Services that ended although nobody asked them to, each with its last complaints. */
  obituaries(): readonly string[];
  /** Ends everything that still runs, the newest first; nothing starts any more. */
  stopAll(): Promise<void>;
}

/** Builds the keeper. However this process ends (but for SIGKILL), its children end with it. */
export function createProcesses(): Processes {
  const children = new Set<ChildProcess>();
  const dead: string[] = [];
  let closed = false;
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });

  function launch({ module, args, env }: Program): ChildProcess {
    // Whoever was interrupted between two starts must not leave a process behind that nobody stops.
    if (closed) throw new Error('this program is ending');
    const file = fileURLToPath(new URL(`../${module}.${EXTENSION}`, import.meta.url));
    const child = spawn(process.execPath, [...LOADER, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited(), ...env },
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    child.once('error', () => children.delete(child));
    return child;
  }

  return {
    async start(program) {
      const child = launch(program);
      const complaints = collect(child, 'stderr', MAX_COMPLAINT);
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
      const ready = await firstLine(child, ended).catch(async (thrown: unknown) => {
        await stop(child, ended);
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        throw new Error(`${program.module} ${program.args[0] ?? ''} did not start: ${why}\n${complaints()}`.trim());
      });
      let asked = false;
      child.once('exit', (code, signal) => {
        if (!asked) dead.push(`${program.module} ended by itself (${signal ?? code}). ${complaints()}`.trim());
      });
      return {
        ready,
        stop: async () => {
          asked = true;
          await stop(child, ended);
        },
      };
    },
    async run(program) {
      const child = launch(program);
      const stdout = collect(child, 'stdout', Number.MAX_SAFE_INTEGER);
      const stderr = collect(child, 'stderr', MAX_COMPLAINT);
      const overdue = setTimeout(() => child.kill('SIGKILL'), RUN_MS);
      // Node types the arguments of events as any[]; 'close' has (code, signal).
      const [code] = (await once(child, 'close').finally(() => clearTimeout(overdue))) as [number | null];
      return { code: code ?? -1, stdout: stdout(), stderr: stderr() };
    },
    obituaries: () => dead,
    async stopAll() {
      closed = true;
      for (const child of [...children].reverse()) {
        await stop(child, new Promise((resolve) => child.once('close', () => resolve())));
      }
    },
  };
}

/** From the compiled program its modules are `.js`; from the sources they need the loader that we run under. */
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const LOADER = EXTENSION === 'ts' ? process.execArgv : [];

/** Our own environment without what would change how the children behave: their settings come from the demo. */
function inherited(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'TZ', 'NODE_OPTIONS', 'SystemRoot']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** The first line on stdout that is a JSON object. */
async function firstLine(child: ChildProcess, ended: Promise<void>): Promise<unknown> {
  const { stdout } = child;
  if (stdout === null) throw new Error('it has no output');
  const lines = createInterface({ input: stdout });
  let overdue: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      new Promise<unknown>((resolve) => {
        lines.on('line', (line) => {
          if (!line.startsWith('{')) return;
          resolve(JSON.parse(line));
        });
      }),
      ended.then(() => Promise.reject(new Error('it ended at once'))),
      new Promise<never>((_resolve, reject) => {
        overdue = setTimeout(() => reject(new Error(`nothing was heard within ${READY_MS} ms`)), READY_MS);
      }),
    ]);
  } finally {
    clearTimeout(overdue);
  }
}

function collect(child: ChildProcess, stream: 'stdout' | 'stderr', limit: number): () => string {
  let text = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`;
    if (text.length > limit) text = text.slice(-limit);
  });
  return () => text.trim();
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended.finally(() => clearTimeout(overdue));
}
