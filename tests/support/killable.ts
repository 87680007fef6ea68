import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The compiled program in processes of its own, so that it can be killed. Only tests import this file. */

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** False when nothing is compiled: `npm test` compiles first, a single file run by hand may not have. */
export const compiled = existsSync(`${DIST}main.js`);

export interface Program {
  readonly child: ChildProcess;
  /** The line of JSON that it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Everything it wrote to standard error, which says why when it fails. */
  complaints(): string;
}

/** Starts a compiled module and waits for its first line of JSON. @throws when it ends before. */
export async function start(module: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Program> {
  const child = spawn(process.execPath, [`${DIST}${module}.js`, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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

/** Kills without any warning, and waits until it is gone. */
export async function kill({ child }: Program): Promise<void> {
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

export async function proxyTo(target: string): Promise<Proxy> {
  let armed: { left: number; when: Strike['when']; act: (call: string) => void } | null = null;
  const strikeAt = (when: Strike['when'], call: string): void => {
    if (armed === null || armed.when !== when) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    const { act } = armed;
    armed = null;
    act(call);
  };
  const server = createServer((incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url}`;
    const counted = !call.endsWith(' /clock');
    if (counted) strikeAt('request', call);
    pass(target, incoming, outgoing, () => {
      if (counted) strikeAt('reply', call);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    arm: ({ nth, when }, act) =>
      new Promise((resolve) => {
        const struck = (call: string): void => {
          act();
          resolve(call);
        };
        armed = { left: nth, when, act: struck };
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse, answered: () => void): void {
  const { method, headers, url = '/' } = incoming;
  const onward = request(
    new URL(url, target),
    { method, headers: { ...headers, host: new URL(target).host } },
    (reply) => {
      answered();
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    },
  );
  // Who called may be dead by now; the call goes on to the end without an audience.
  outgoing.on('error', () => undefined);
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
