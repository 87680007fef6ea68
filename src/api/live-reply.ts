import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { invariant } from '../platform/errors.ts';
import type { Inbox, LiveEvent } from '../pipeline/notifications/inbox.ts';

/**
 * How long a stream may be silent, in ms: shorter than what proxies cut off. So often it is also looked whether who listens may
 * still do so; nothing is ever sent without that.
 */
export const HEARTBEAT_MS = 10_000;
/** How long a browser waits until it connects again, in ms. */
const RETRY_MS = 2_000;

/** Sends what comes into an inbox as server-sent events, until it is closed, its reader goes, or may not listen any more. */
export function sendLive(request: FastifyRequest, reply: FastifyReply, inbox: Inbox): FastifyReply {
  const { isStillAllowed } = request;
  invariant(isStillAllowed !== null, 'the route is not public and the hooks ran');
  reply.raw.once('close', () => inbox.close());
  // Who has gone while the inbox was opened is not told of again.
  if (reply.raw.destroyed || request.raw.socket.destroyed) inbox.close();
  // A proxy that collects what it passes on would make it late. The connection ends with the stream: it would keep a server that
  // stops waiting.
  void reply.headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' });
  return reply.send(Readable.from(linesOf(inbox, isStillAllowed), { objectMode: false }));
}

async function* linesOf(inbox: Inbox, isStillAllowed: () => Promise<boolean>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  for (;;) {
    const events = await inbox.take(HEARTBEAT_MS);
    // A store that cannot say who listens ends the stream as well: whoever connects again goes on where it was.
    if (events === null || !(await isStillAllowed().catch(() => false))) break;
    yield events.length === 0 ? ':\n\n' : events.map(textOf).join('');
  }
  inbox.close();
}

/** JSON has no line ends, so that one line holds it, whatever is in it. */
function textOf({ place, type, data }: LiveEvent): string {
  return `id: ${place}\nevent: ${type}\ndata: ${JSON.stringify(data ?? {})}\n\n`;
}
