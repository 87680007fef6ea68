import type { Client, ClientChannel } from 'ssh2';
import { ConnectorError } from '../../pipeline/actions/contract.ts';
import { invariant } from '../../platform/errors.ts';
import { brokenOff, notReached, takenBack } from './failure.ts';
import type { Command } from './commands.ts';

/** One command on a host: what goes in, what comes out within limits, and how it ended. */

/** Most bytes of a command's answers that are kept in memory; `nft -j` of 2,000 elements is 300 KB. */
const MAX_OUTPUT = 8 * 1024 * 1024;
/** Most bytes of what it says on standard error. */
const MAX_ERRORS = 64 * 1024;

export interface SessionOptions {
  readonly signal: AbortSignal;
  /** What the command reads, whole; then its input ends. Absent: at what it begins, where it waits for that. */
  readonly input?: string;
  /** Asked right before something is changed: before the input. Absent for what only reads. */
  readonly maySend?: () => boolean;
}

/** How a command ended; `code` is null when a signal ended it. */
export interface Exit {
  readonly code: number | null;
  /** What it said on standard error, up to a limit. */
  readonly errors: string;
}

export interface Session {
  readonly output: ClientChannel;
  /** Comes once all output was read. Rejects with ConnectorError when the connection or the time ended first. */
  readonly exit: Promise<Exit>;
  /** Resolves with the next line of standard error, or null when there is none any more. */
  nextNote(): Promise<string | null>;
  /** Ends it, whatever it does. */
  end(): void;
}

/**
 * Starts a command. One that changes something waits for its input, and `maySend` is asked right before that: between the command
 * and its start on the host lie two answers of the host, which may take any time.
 * @throws ConnectorError
 */
export async function startSession(client: Client, command: Command, options: SessionOptions): Promise<Session> {
  const { signal, input = command.begins, maySend } = options;
  invariant(maySend === undefined || input !== undefined, 'a command that changes something waits for its input');
  if (signal.aborted) throw outOfTime();
  const changed = { sent: false };
  const session = await openChannel(client, command, signal, (channel) => follow(channel, signal, () => changed.sent));
  if (input === undefined) return session;
  if (signal.aborted || maySend?.() === false) {
    session.end();
    throw signal.aborted ? outOfTime() : takenBack();
  }
  changed.sent = maySend !== undefined;
  session.output.end(input);
  return session;
}

function outOfTime(): ConnectorError {
  return brokenOff('timeout', 'there was no time left for the command', false);
}

/**
 * What is sent by then changes nothing yet.
 * @param take is called in the turn in which the channel opens: a quick command has ended before the next one.
 */
function openChannel(
  client: Client,
  command: Command,
  signal: AbortSignal,
  take: (channel: ClientChannel) => Session,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(brokenOff('connection_lost', 'the connection ended', false));
    const late = (): void => reject(outOfTime());
    const heard = (): void => {
      client.removeListener('close', lost);
      signal.removeEventListener('abort', late);
    };
    client.once('close', lost);
    signal.addEventListener('abort', late, { once: true });
    try {
      client.exec(command.line, (error, channel) => {
        heard();
        // Refused by the server: nothing ran.
        if (error !== undefined)
          return reject(notReached('session_refused', `the host opens no session: ${error.message}`, error));
        const session = take(channel);
        // Nobody waits for it any more, and it may run as long as it likes.
        if (signal.aborted) session.end();
        resolve(session);
      });
    } catch (thrown) {
      heard();
      // The library throws this before it has sent anything.
      reject(notReached('connection_lost', 'the connection had ended', thrown));
    }
  });
}

function follow(channel: ClientChannel, signal: AbortSignal, changes: () => boolean): Session {
  let code: number | null | undefined;
  let errors = '';
  let unread = '';
  const notes: string[] = [];
  let wake: (() => void) | null = null;
  let over = false;
  const call = (): void => {
    wake?.();
    wake = null;
  };
  channel.on('exit', (ended: number | null) => {
    code = ended;
  });
  channel.stderr.on('data', (bytes: Buffer) => {
    const text = bytes.toString('utf8');
    if (errors.length < MAX_ERRORS) errors += text.slice(0, MAX_ERRORS - errors.length);
    const lines = `${unread}${text}`.split('\n');
    unread = (lines.pop() ?? '').slice(-MAX_ERRORS);
    notes.push(...lines);
    call();
  });
  channel.stderr.once('end', () => {
    over = true;
    call();
  });
  const exit = new Promise<Exit>((resolve, reject) => {
    const abort = (): void => {
      reject(brokenOff('timeout', 'the command took too long', changes()));
      // Whoever reads gets an end now; the host's own may never come.
      if (channel.readable) channel.push(null);
      channel.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    channel.once('close', () => {
      signal.removeEventListener('abort', abort);
      if (code === undefined)
        reject(brokenOff('connection_lost', 'the connection ended before the command', changes()));
      else resolve({ code, errors });
    });
    // Writing into a command that has ended already: how it ended says more.
    channel.on('error', () => undefined);
  });
  exit.catch(() => undefined);
  return {
    output: channel,
    exit,
    async nextNote() {
      while (notes.length === 0 && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return notes.shift() ?? null;
    },
    end() {
      channel.destroy();
    },
  };
}

/** How a command ended, and all that it wrote. @throws ConnectorError also when it writes more than the limit. */
export async function collect(session: Session): Promise<Exit & { readonly output: string }> {
  const chunks: Buffer[] = [];
  let size = 0;
  session.output.on('data', (bytes: Buffer) => {
    size += bytes.length;
    if (size <= MAX_OUTPUT) chunks.push(bytes);
    else session.end();
  });
  try {
    const exit = await session.exit;
    if (size > MAX_OUTPUT) throw tooMuch();
    return { ...exit, output: Buffer.concat(chunks).toString('utf8') };
  } catch (thrown) {
    throw size > MAX_OUTPUT ? tooMuch() : thrown;
  }
}

function tooMuch(): ConnectorError {
  return new ConnectorError('output_too_long', `the command wrote more than ${MAX_OUTPUT} bytes`, {
    retryable: false,
    resultUnknown: true,
  });
}
