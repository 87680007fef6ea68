import { addressClass, isThisMachine } from '../platform/address-class.ts';
import type { Config } from '../platform/config.ts';
import { safeHttp, type SafeHttp } from '../platform/safe-http.ts';

/** Biggest reply, in bytes: receivers of notices and services that decide answer in a line. */
const MAX_REPLY_BYTES = 64 * 1024;

/**
 * A client of its own for each, so that none may reach what another one may. Who writes a private address into the
 * environment means it; a name that leads to one needs `WEBHOOK_ALLOW`, for names are what attackers turn.
 *
 * @param limits time of one request from connecting to the reply, in ms, and connections at the same time.
 */
export function clientFor(
  url: string,
  { webhookAllow }: Config,
  { timeoutMs, connections }: { readonly timeoutMs: number; readonly connections: number },
): SafeHttp {
  const { host, hostname } = new URL(url);
  const kind = addressClass(hostname.replace(/^\[|\]$/g, ''));
  const meant = isThisMachine(hostname) || kind === 'private' || kind === 'cgnat';
  return safeHttp({
    allow: meant ? [host, ...webhookAllow] : webhookAllow,
    connectionsPerOrigin: connections,
    totalTimeoutMs: timeoutMs,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
    maxResponseBytes: MAX_REPLY_BYTES,
  });
}
