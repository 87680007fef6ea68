import { FirebreakError } from '../platform/errors.ts';
import type { ApiServer } from './server.ts';

/** What may be under way at the same moment, whoever asks. Everything that waits inside was let in here. */
export interface AdmissionLimits {
  readonly requests: number;
  /** Bytes of their bodies. */
  readonly bytes: number;
}

export const DEFAULT_ADMISSION: AdmissionLimits = {
  // At some 50 KiB each that is 100 MB, and far more than one process answers within a client's patience.
  requests: 2_000,
  // Eight of the largest requests to `/api/events`, or thousands of ordinary ones.
  bytes: 128 * 1024 * 1024,
};

/** Connections that may be open, idle ones too: each costs some KiB. Beyond it they are closed at once. */
export const MAX_CONNECTIONS = 10_000;

/**
 * Refuses requests with 503 while too many are under way, before anything of them is read. Routes without a rate limit
 * (health) are always let in: an overloaded process is not a dead one.
 */
export function admitRequests(app: ApiServer, limits: AdmissionLimits): void {
  let requests = 0;
  let bytes = 0;
  app.server.maxConnections = MAX_CONNECTIONS;
  app.addHook('onRequest', async (request, reply) => {
    const { config, bodyLimit } = request.routeOptions;
    if (config.rateLimit === false) return;
    // Who does not say how long the body is may send as much as the route takes.
    const declared =
      request.headers['content-length'] ?? (request.headers['transfer-encoding'] === undefined ? 0 : null);
    const size = Math.min(Number(declared ?? bodyLimit) || 0, bodyLimit);
    if (requests >= limits.requests || bytes + size > limits.bytes) {
      throw new FirebreakError('overloaded', 'Too many requests are under way; try again later');
    }
    requests += 1;
    bytes += size;
    // Closed is what every reply is in the end, sent or cut off.
    reply.raw.once('close', () => {
      requests -= 1;
      bytes -= size;
    });
  });
}
