import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The compiled program in processes of its own, so that it can be killed. Only tests import this file. */

export const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** False when nothing is compiled: `npm test` compiles first, a single file run by hand may not have. */
export const compiled = existsSync(`${DIST}main.js`);

export interface Program {
  readonly child: ChildProcess;
  /** The line of JSON that it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Everything it wrote to standard error, which says why when it fails. */
  complaints(): string;
}

/**
 * Starts a compiled module and waits for its first line of JSON. `born` is given the process before that, so that it
 * can be killed while it starts; `dist` is another build than this one's. @throws when it ends before it is ready.
 */
export async function start(
  module: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  born: (child: ChildProcess) => void = () => undefined,
  dist = DIST,
): Promise<Program> {
  const child = spawn(process.execPath, [join(dist, `${module}.js`), ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  born(child);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = `${complaints}${text}`.slice(-4_000);
  });
  const line = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.startsWith('{')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`${module} ended with ${code}: ${complaints}`)));
  });
  const ready = JSON.parse(await line) as Record<string, unknown>; // the program's own line
  return { child, ready, complaints: () => complaints };
}

/** Runs a compiled module to its end. */
export async function run(
  module: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [`${DIST}${module}.js`, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null]; // 'close' has (code, signal)
  return { code: code ?? -1, stdout, stderr };
}

/** Asks a program to end, and waits until it is gone. */
export async function stop({ child }: Program): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Kills without any warning, and waits until it is gone. */
export async function kill({ child }: Pick<Program, 'child'>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** When to strike: at the n-th request from now, before it is passed on or after it was answered. */
export interface Strike {
  readonly nth: number;
  readonly when: 'request' | 'reply';
}

/** Stands between the server and the sandbox company and knows each call that is made there. */
export interface Proxy {
  readonly url: string;
  /**
   * Calls `strike` at the moment named. The call itself goes on: what a dead process had sent arrives all the same.
   * Answers with the request it struck at.
   */
  arm(strike: Strike, act: () => void): Promise<string>;
  close(): Promise<void>;
}

/** What becomes of a call: passed on, or lost. Lost as a request it never arrives; lost as a reply nobody hears it. */
export type Passage = 'on' | 'lost';

/** Decides about each call when it comes and when it was answered; `call` is the method and the path. */
export type Doorkeeper = (call: string, when: Strike['when']) => Passage;

/** An address that stays the same whatever happens behind it. */
export interface Door {
  readonly url: string;
  close(): Promise<void>;
}

export async function proxyTo(target: string): Promise<Proxy> {
  let armed: { left: number; when: Strike['when']; act: (call: string) => void } | null = null;
  const door = await openDoor(
    () => target,
    (call, when) => {
      if (armed === null || armed.when !== when || call.endsWith(' /clock')) return 'on';
      armed.left -= 1;
      if (armed.left > 0) return 'on';
      const { act } = armed;
      armed = null;
      act(call);
      return 'on';
    },
  );
  return {
    ...door,
    arm: ({ nth, when }, act) =>
      new Promise((resolve) => {
        const struck = (call: string): void => {
          act();
          resolve(call);
        };
        armed = { left: nth, when, act: struck };
      }),
  };
}

/** Opens a door to wherever `target` says at the moment. Where nobody is behind it, connections are cut. */
export async function openDoor(target: () => string, keeper: Doorkeeper): Promise<Door> {
  const server = createServer((incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url}`;
    if (keeper(call, 'request') === 'lost') outgoing.destroy();
    else pass(target(), incoming, outgoing, () => keeper(call, 'reply'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse, answered: () => Passage): void {
  const { method, headers, url = '/' } = incoming;
  const onward = request(
    new URL(url, target),
    { method, headers: { ...headers, host: new URL(target).host } },
    (reply) => {
      if (answered() === 'lost') {
        reply.destroy();
        outgoing.destroy();
        return;
      }
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      // Cuts the connection when the reply breaks off: nobody must wait for the rest of it.
      pipeline(reply, outgoing, () => undefined);
    },
  );
  // Who called may be dead by now; the call goes on to the end without an audience.
  outgoing.on('error', () => undefined);
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
