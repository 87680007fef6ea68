import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { Client } from 'undici';
import { DISORDER_TOLERANCE_MS } from '../../src/platform/limits.ts';

/** Event senders over connections of their own, as separate collectors are, and a look at what reaches the server. */

/** An event on its way: one line of NDJSON and the time that stands in it. */
export interface Line {
  readonly time: number;
  readonly line: string;
}

export interface Sender {
  /** Sends the lines in one request. @throws when not every one of them was new and accepted. */
  send(lines: readonly Line[]): Promise<void>;
  close(): Promise<void>;
}

/** One connection that carries one request after the other. */
export function senderOver(url: string, key: string): Sender {
  const client = new Client(url, { pipelining: 1 });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' };
  return {
    async send(lines) {
      const sent = lines.map(({ line }) => `${line}\n`).join('');
      const reply = await client.request({ method: 'POST', path: '/api/events', headers, body: sent });
      const text = await reply.body.text();
      const { data } = JSON.parse(text) as { data?: { accepted?: number } }; // asserted right below
      if (data?.accepted !== lines.length)
        throw new Error(`${lines.length} events answered ${reply.statusCode}: ${text}`);
    },
    close: () => client.close(),
  };
}

interface InFlight {
  readonly done: Promise<void>;
  readonly sender: Sender;
  readonly oldest: number;
}

/**
 * Sends batches in their order over all senders at once. Only what keeps lateness within the tolerance is under way
 * together, as whichever of two requests is read first nobody knows: a batch that is too much newer waits for the
 * older one's answer.
 */
export async function sendOverAll(senders: readonly Sender[], batches: readonly (readonly Line[])[]): Promise<void> {
  const free = [...senders];
  const inFlight = new Set<InFlight>();
  const isTooNew = (newest: number): boolean =>
    [...inFlight].some(({ oldest }) => newest - oldest > DISORDER_TOLERANCE_MS);
  for (const batch of batches) {
    const times = batch.map(({ time }) => time);
    while (free.length === 0 || isTooNew(Math.max(...times))) {
      await Promise.race([...inFlight].map(({ done }) => done));
    }
    const sender = free.shift();
    if (sender === undefined) throw new Error('invariant broken: no sender is free');
    const sent: InFlight = {
      sender,
      oldest: Math.min(...times),
      done: sender.send(batch).finally(() => {
        inFlight.delete(sent);
        free.push(sender);
      }),
    };
    inFlight.add(sent);
  }
  await Promise.all([...inFlight].map(({ done }) => done));
}

/** What was seen of `POST /api/events` at the server itself. */
export interface Wire {
  /** Requests of each connection, by the remote port. */
  readonly requestsByPort: ReadonlyMap<number, number>;
  /** Most requests that were with the server at the same time. */
  readonly most: number;
}

interface RequestStarted {
  readonly request: IncomingMessage;
}

/** Watches every HTTP server of this process while `work` runs. */
export async function watched(work: () => Promise<void>): Promise<Wire> {
  const requestsByPort = new Map<number, number>();
  const open = new Set<IncomingMessage>();
  let most = 0;
  const started = (message: unknown): void => {
    const { request } = message as RequestStarted; // as Node documents this channel
    if (request.url !== '/api/events') return;
    const port = request.socket.remotePort ?? 0;
    requestsByPort.set(port, (requestsByPort.get(port) ?? 0) + 1);
    open.add(request);
    most = Math.max(most, open.size);
  };
  const finished = (message: unknown): void => {
    open.delete((message as RequestStarted).request); // as Node documents this channel
  };
  subscribe('http.server.request.start', started);
  subscribe('http.server.response.finish', finished);
  try {
    await work();
  } finally {
    unsubscribe('http.server.request.start', started);
    unsubscribe('http.server.response.finish', finished);
  }
  return { requestsByPort, most };
}
