import { Socket } from 'node:net';
import type { ApiServer } from './server.ts';

/** How long a client may take to send a whole request, in ms: 16 MiB at 3 Mbit/s. */
export const REQUEST_TIMEOUT_MS = 45_000;

/**
 * Ends connections whose bodies do not come. A body has to be there in 45 s; one that is handed on while it comes (an artefact of
 * any size) may take as long as it goes on, and ends when nothing of it has come for 45 s.
 */
export function limitBodyTime(app: ApiServer, timeoutMs = REQUEST_TIMEOUT_MS): void {
  // The framework's own limit is the same for all routes; headers keep it.
  app.server.requestTimeout = 0;
  app.server.headersTimeout = timeoutMs;
  app.addHook('onRequest', async ({ raw, headers, routeOptions }) => {
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return;
    // What is injected past the network has no connection that could be held open.
    if (!(raw.socket instanceof Socket)) return;
    const isStreamed = routeOptions.config.streams === true;
    let seen = raw.socket.bytesRead;
    const timer = setInterval(() => {
      if (isStreamed && raw.socket.bytesRead > seen) seen = raw.socket.bytesRead;
      else raw.socket.destroy();
    }, timeoutMs);
    timer.unref();
    const over = (): void => clearInterval(timer);
    raw.once('end', over);
    raw.once('close', over);
  });
}
