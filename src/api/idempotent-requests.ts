import type { FastifyReply, FastifyRequest } from 'fastify';
import { FirebreakError } from '../platform/errors.ts';
import { contentHash } from '../platform/hash.ts';
import type { ApiServer } from './server.ts';
import type { IdempotencyStore, StoredReply } from './services.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Gives a repeated POST with the same `Idempotency-Key` the reply of the first one. The key belongs to the caller
 * and the address; the fingerprint covers the whole request, and another one under the same key is refused (422).
 * Only successes are kept: a failed request changed nothing and may be tried again.
 */
export function replayRepeatedRequests(app: ApiServer, store: IdempotencyStore): void {
  app.addHook('preHandler', async (request, reply) => {
    const { call, principal } = request;
    const header = request.headers['idempotency-key'];
    if (request.method !== 'POST' || header === undefined || principal === null || call === null) return;
    if (typeof header !== 'string' || !KEY.test(header)) throw badKey();
    const [path] = request.url.split('?');
    const id = contentHash([principal.userId, path ?? '', header]);
    request.call = { ...call, idempotencyKey: id };
    if (request.routeOptions.config.idempotency === 'service') return;
    const fingerprint = contentHash([request.url, request.bodyHash ?? '']);
    const begun = await store.begin({ id, fingerprint, now: call.now });
    if (begun.outcome === 'replay') {
      await sendReplay(begun.reply, reply);
      return;
    }
    if (begun.outcome === 'in-flight')
      throw new FirebreakError('conflict', 'The first request with this key is at work');
    if (begun.outcome === 'mismatch') {
      throw new FirebreakError('idempotency_mismatch', 'Another request was made with this Idempotency-Key');
    }
    request.idempotent = { id, fingerprint, token: begun.token };
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const { call, idempotent } = request;
    if (idempotent === null || call === null) return payload;
    request.idempotent = null;
    await settle(store, request, reply, payload, { ...idempotent, now: call.now });
    return payload;
  });
}

type Held = Parameters<IdempotencyStore['abandon']>[0] & { readonly fingerprint: string };

/** The work is done and its reply stands, so a store that fails now must not turn it into an error. */
async function settle(
  store: IdempotencyStore,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  held: Held,
): Promise<void> {
  try {
    if (reply.statusCode >= 300) {
      await store.abandon(held);
      return;
    }
    const keep = request.routeOptions.config.idempotency !== 'once' && typeof payload === 'string';
    const location = reply.getHeader('location');
    await store.finish({
      ...held,
      reply: {
        status: reply.statusCode,
        body: keep ? payload : null,
        location: typeof location === 'string' ? location : null,
      },
    });
  } catch (thrown) {
    request.log.warn(
      { err: thrown, traceId: request.call?.traceId },
      'the reply of an idempotent request was not kept',
    );
  }
}

/** The promise is kept when the reply is on its way; the hook has to wait for it, or the handler would run too. */
function sendReplay(kept: StoredReply, reply: FastifyReply): FastifyReply {
  if (kept.body === null) {
    throw new FirebreakError(
      'conflict',
      'This request was done; its reply held a secret or was large, and was not kept',
    );
  }
  if (kept.location !== null) void reply.header('location', kept.location);
  return reply
    .code(kept.status)
    .header('idempotent-replayed', 'true')
    .header('content-type', 'application/json; charset=utf-8')
    .send(kept.body);
}

function badKey(): FirebreakError {
  const detail = 'must be 1 to 255 visible ASCII characters';
  return new FirebreakError('invalid_request', 'The Idempotency-Key cannot be used', [
    Object.assign({ pointer: '/idempotency-key', detail }, { in: 'header' as const }),
  ]);
}
