import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createLog } from '../platform/log.ts';
import { readConfig } from '../platform/config.ts';
import { STORE_THREAD } from '../journal/sqlite/start-store-thread.ts';
import { FirebreakError } from '../platform/errors.ts';
import { startServer } from '../server.ts';
import type { Role } from '../start/role.ts';
import { VERSION } from '../version.ts';
import type { Io } from './io.ts';
import { createProcesses, type Processes } from './processes.ts';

export interface ServeOptions {
  readonly data?: string;
  readonly port?: string;
  readonly sandbox?: string;
  /** Starts a sandbox company of its own to act in, and ends it with the server. */
  readonly withSandbox: boolean;
  readonly clock: 'wall' | 'accelerated';
  readonly startAt?: string;
  readonly role: Role;
}

/**
 * Runs the server until it is asked to stop. When it is ready it prints one JSON line on standard output with its
 * address and, as long as there is no administrator, the one-time set-up token. Logs go to standard error.
 */
export async function serveCommand(options: ServeOptions, io: Io): Promise<number> {
  const env = {
    ...io.env,
    ...(options.data === undefined ? {} : { DATA_DIR: options.data }),
    ...(options.port === undefined ? {} : { PORT: options.port }),
  };
  const { config, warnings } = readConfig(env, io.readTextSync);
  const log = createLog({ level: config.logLevel, destination: { write: (line) => void io.stderr.write(line) } });
  for (const warning of warnings) log.warn(warning);
  const processes = createProcesses();
  try {
    const sandbox = options.withSandbox ? await startSandbox(processes) : sandboxOf(options, io);
    if (sandbox !== null) log.warn('acting in a sandbox company: a simulation, nothing outside of it is touched');
    const stopped = io.stopRequested().then(() => true);
    for (let { port } = config, goesOn = true; goesOn;) {
      const server = await startServer(
        { ...config, port },
        {
          version: VERSION,
          log,
          sandbox,
          acceleratedFrom: acceleratedFrom(options),
          role: options.role,
          storeThread: STORE_THREAD,
        },
      );
      io.stdout.write(`${JSON.stringify({ event: 'ready', url: server.url, setupToken: server.setupToken })}\n`);
      goesOn = !(await Promise.race([stopped, server.confirmed.then(() => false)]));
      await server.stop();
      // Under the same address, also where the system chose it.
      port = Number(new URL(server.url).port);
    }
    return 0;
  } finally {
    await processes.stopAll();
  }
}

const SANDBOX_READY = z.looseObject({ url: z.string() });

/** A sandbox company beside the server: state in memory, on 127.0.0.1, with a token that nobody else knows. */
async function startSandbox(processes: Processes): Promise<{ url: string; token: string }> {
  const token = randomBytes(24).toString('hex');
  const { ready } = await processes.start({
    module: 'sandbox-company/process',
    args: [],
    env: { SANDBOX_TOKEN: token },
  });
  return { url: SANDBOX_READY.parse(ready).url, token };
}

function sandboxOf({ sandbox }: ServeOptions, { env }: Io): { url: string; token: string } | null {
  if (sandbox === undefined) return null;
  const token = env['SANDBOX_TOKEN'];
  if (token === undefined || token === '')
    throw new FirebreakError('invalid_request', '--sandbox needs the token of the sandbox company in SANDBOX_TOKEN');
  return { url: sandbox.replace(/\/$/, ''), token };
}

function acceleratedFrom({ clock, startAt }: ServeOptions): number | null {
  if (clock === 'wall') return null;
  if (startAt === undefined) return Date.now();
  const at = Date.parse(startAt);
  if (Number.isNaN(at)) throw new FirebreakError('invalid_request', `--start-at ${startAt} is no RFC 3339 time`);
  return at;
}
