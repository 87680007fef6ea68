import type { FastifyReply, FastifyRequest } from 'fastify';
import { FirebreakError } from '../platform/errors.ts';
import type { AccessService } from '../pipeline/access/access.service.ts';
import { requireOperation } from '../pipeline/access/principal.ts';
import { anonymousContextOf, type ApiServer } from './server.ts';

/**
 * Lets a request through when its credential is in force and its role and scopes allow the route's operation.
 *
 * Failed credentials are counted for each address, so that guessing cannot load the journal; more than
 * `maxFailures` in a minute are answered 429 without a look-up.
 */
export function authenticateRequests(app: ApiServer, access: AccessService, maxFailures: number): void {
  const failures = app.createRateLimit({
    max: maxFailures,
    timeWindow: 60_000,
    keyGenerator: (request) => `failed:${request.ip}`,
  });
  app.addHook('onRequest', async (request, reply) => {
    const { operation } = request.routeOptions.config;
    // No operation: there is no such route, and the 404 tells nobody anything.
    if (operation === undefined || operation === 'public') return;
    const secret = credentialOf(request);
    if (secret === null) throw new FirebreakError('unauthenticated', 'Send an API key as Authorization: Bearer');
    refuseAfterFailures(await failures(request, { increment: false }), reply);
    request.principal = await access.authenticate(secret, anonymousContextOf(request).now);
    if (request.principal === null) {
      await failures(request);
      throw new FirebreakError('unauthenticated', 'The API key is unknown, expired or revoked');
    }
    requireOperation(request.principal, operation);
  });
}

type Counted = Awaited<ReturnType<ReturnType<ApiServer['createRateLimit']>>>;

function refuseAfterFailures(counted: Counted, reply: FastifyReply): void {
  if (counted.isAllowed || counted.remaining > 0) return;
  void reply.header('retry-after', String(Math.max(1, counted.ttlInSeconds)));
  throw new FirebreakError('rate_limited', 'Too many failed credentials from this address');
}

/** The key from `Authorization: Bearer` or `X-API-Key`; null when there is none, or when the two differ. */
function credentialOf(request: FastifyRequest): string | null {
  const bearer = /^Bearer +(\S{1,200}) *$/i.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['x-api-key'];
  if (bearer !== undefined && header !== undefined && bearer !== header) return null;
  return bearer ?? (typeof header === 'string' ? header : null);
}
