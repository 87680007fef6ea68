import ssh2, { type Client } from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { collect, startSession, type SessionOptions } from './session.ts';
import { endConnections, listProcesses, type Command } from './commands.ts';
import type { SshHost } from './hosts-file.ts';

// Only this member is looked at here.
const host = { privilege: 'sudo' } as unknown as SshHost;
const CHANGE = endConnections(host, 1_000);
const LOOK = listProcesses(host, 1_000);
/** When a host answers that is slow, and when it is too late for the command, in ms. */
const SLOW_MS = 300;
const OVER_MS = 40;

interface SlowHost {
  readonly client: Client;
  /** Commands that have begun: what waits for a line, once it has come. */
  readonly begun: string[];
  /** Resolves when every session that was asked for has ended. */
  quiet(): Promise<void>;
  close(): void;
}

let slow: SlowHost | null = null;
afterEach(() => {
  slow?.close();
  slow = null;
});

/** @param opensMs how long it takes to open a session. @param startsMs how long to start a command in it */
async function slowHost(opensMs: number, startsMs = 0): Promise<SlowHost> {
  const begun: string[] = [];
  let open = 0;
  const server = new ssh2.Server({ hostKeys: [ssh2.utils.generateKeyPairSync('ed25519').private] }, (connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (attempt) => attempt.accept());
    connection.on('session', (accept) => {
      open += 1;
      setTimeout(() => {
        const session = accept();
        session.on('close', () => (open -= 1));
        session.on('exec', (start, _refuse, { command }) => setTimeout(() => run(start(), command), startsMs));
      }, opensMs);
    });
  });
  function run(channel: ssh2.ServerChannel, command: string): void {
    const end = (): void => {
      channel.exit(begun.length > 0 ? 0 : 125);
      channel.end();
    };
    const waits = command.includes('read -r _ || exit 125');
    if (waits) channel.once('data', () => begun.push(command)).once('end', end);
    else begun.push(command);
    if (!waits) end();
  }
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = new ssh2.Client();
  await new Promise((resolve, reject) => {
    client.on('ready', () => resolve(null)).on('error', reject);
    client.connect({ host: '127.0.0.1', port, username: 'x', password: 'y' });
  });
  slow = {
    client,
    begun,
    async quiet() {
      await expect.poll(() => open, { timeout: 5_000 }).toBe(0);
    },
    close() {
      client.end();
      server.close();
    },
  };
  return slow;
}

/** How it ended: the code of the command, or the error. */
function outcome(client: Client, command: Command, options: SessionOptions): Promise<unknown> {
  return startSession(client, command, options)
    .then(collect)
    .then(
      ({ code }) => code,
      ({ code, resultUnknown }: { readonly code: string; readonly resultUnknown: boolean }) => ({
        code,
        resultUnknown,
      }),
    );
}

const SLOWNESS = [
  ['to open a session', [SLOW_MS, 0]],
  ['to start a command', [0, SLOW_MS]],
] as const;

describe.each(SLOWNESS)('at a host that is slow %s', (_what, [opensMs, startsMs]) => {
  it('nothing is changed that may not be sent any more', async () => {
    const { client, begun, quiet } = await slowHost(opensMs, startsMs);
    let paused = false;
    setTimeout(() => (paused = true), OVER_MS);
    const { signal } = new AbortController();
    const ended = await outcome(client, CHANGE, { signal, maySend: () => !paused });
    await quiet();
    expect({ ended, begun }).toEqual({ ended: { code: 'taken_back', resultUnknown: false }, begun: [] });
  });

  it('nothing is changed after the time of its call, and who called hears it at once', async () => {
    const { client, begun, quiet } = await slowHost(opensMs, startsMs);
    const signal = AbortSignal.timeout(OVER_MS);
    let isHostDue = false;
    setTimeout(() => (isHostDue = true), SLOW_MS);
    // A permit says nothing of the time.
    const ended = await outcome(client, CHANGE, { signal, maySend: () => true });
    expect(isHostDue).toBe(false);
    await quiet();
    expect({ ended, begun }).toEqual({ ended: { code: 'timeout', resultUnknown: false }, begun: [] });
  });

  it('what only reads ends with the time of its call too', async () => {
    const { client, quiet } = await slowHost(opensMs, startsMs);
    const ended = await outcome(client, LOOK, { signal: AbortSignal.timeout(OVER_MS) });
    expect(ended).toEqual({ code: 'timeout', resultUnknown: false });
    await quiet();
  });

  it('a change is made that still may be sent', async () => {
    const { client, begun } = await slowHost(opensMs, startsMs);
    const { signal } = new AbortController();
    let asked = 0;
    const maySend = (): boolean => (asked += 1) === 1;
    expect(await outcome(client, CHANGE, { signal, maySend })).toBe(0);
    expect(begun).toEqual([CHANGE.line]);
  });
});

it('refuses to start a change that does not wait for its input', async () => {
  const { client, begun } = await slowHost(0);
  const started = startSession(
    client,
    { line: 'usermod -L alice' },
    {
      signal: new AbortController().signal,
      maySend: () => true,
    },
  );
  await expect(started).rejects.toThrow('waits for its input');
  expect(begun).toEqual([]);
});
