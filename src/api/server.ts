import type { IncomingMessage, ServerResponse } from 'node:http';
// Its types add `createRateLimit` to the server.
import type {} from '@fastify/rate-limit';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { invariant } from '../platform/errors.ts';
import type { Operation } from '../pipeline/access/operations.ts';
import type { AnonymousContext, CallContext, Principal } from '../pipeline/access/principal.ts';

/** The HTTP server with zod schemas as its types. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What a route needs: an operation of the table, or `public` for health, set-up, documentation and refusals. */
export type RouteOperation = Operation | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call it. A route without one stops the start. */
    operation?: RouteOperation;
    /**
     * What a repeated `Idempotency-Key` gets. `reply` (default): the kept reply. `once`: a refusal, because the reply
     * held a secret. `service`: the service recognises repeats itself.
     */
    idempotency?: 'reply' | 'once' | 'service';
    /** The body is handed on while it comes: it may be of any size, and take as long as it goes on. */
    streams?: boolean;
    /** Set on the routes that answer 405: the methods that the address has. */
    allow?: readonly string[];
  }
  interface FastifyRequest {
    /** Set for every request that reached a hook. */
    call: AnonymousContext | null;
    /** Set for every request to a route that is not public. */
    principal: Principal | null;
    /** Whether who sent it may still do what it asked for; for replies that last. Set with `principal`. */
    isStillAllowed: (() => Promise<boolean>) | null;
    /** Set where a session proved it: what forms of its pages carry. */
    formToken: string | null;
    /** SHA-256 of the body's bytes, once it was read. */
    bodyHash: string | null;
    /** Set while this request holds an `Idempotency-Key`. */
    idempotent: { readonly id: string; readonly fingerprint: string; readonly token: number } | null;
  }
}

/** The context of an authenticated call. */
export function contextOf(request: FastifyRequest): CallContext {
  const { call, principal } = request;
  invariant(call !== null && principal !== null, 'the route is not public and the hooks ran');
  return { ...call, principal };
}

/** The context of a call to a public route. */
export function anonymousContextOf(request: FastifyRequest): AnonymousContext {
  invariant(request.call !== null, 'the hooks ran');
  return request.call;
}
