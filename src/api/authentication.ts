import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../platform/clock.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { AccessService } from '../pipeline/access/access.service.ts';
import { mayDo, requireOperation, type Principal } from '../pipeline/access/principal.ts';
import { formTokenOf } from '../pipeline/access/session.ts';
import type { SessionService } from '../pipeline/access/sessions.service.ts';
import type { FailureLimit } from './failure-limit.ts';
import { requireSameSite } from './same-site.ts';
import { anonymousContextOf, type ApiServer } from './server.ts';
import { sessionSecretOf, type Reach } from './session-cookie.ts';

export interface Authenticators {
  readonly access: Pick<AccessService, 'authenticate'>;
  readonly sessions: Pick<SessionService, 'authenticate'>;
  /** Failed credentials are counted, and too many are refused without a look-up. */
  readonly failures: FailureLimit;
  readonly reach: Reach;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Lets a request through when its credential is in force and its role and scopes allow the route's operation. The
 * credential is an API key, else the session of a browser; a change by session has to come from one of our own pages.
 */
export function authenticateRequests(app: ApiServer, authenticators: Authenticators): void {
  const { failures } = authenticators;
  app.addHook('onRequest', async (request, reply) => {
    const { operation } = request.routeOptions.config;
    // No operation: there is no such route, and the 404 tells nobody anything.
    if (operation === undefined || operation === 'public') return;
    request.principal = await principalOf(request, reply, authenticators);
    if (request.principal === null) {
      await failures.count(request);
      throw new FirebreakError('unauthenticated', 'The API key or the session is unknown, over or revoked');
    }
    requireOperation(request.principal, operation);
    const { userId } = request.principal;
    request.isStillAllowed = async () => {
      const principal = await lookAgain(request, authenticators);
      return principal !== null && principal.userId === userId && mayDo(principal, operation);
    };
  });
}

/** Null: the credential is not in force. @throws FirebreakError when there is none, or after too many failures. */
async function principalOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { access, sessions, failures, reach }: Authenticators,
): Promise<Principal | null> {
  const { now } = anonymousContextOf(request);
  const key = keyOf(request);
  const cookie = hasKey(request) ? null : sessionSecretOf(request, reach);
  if (key === null && cookie === null) {
    throw new FirebreakError('unauthenticated', 'Send an API key as Authorization: Bearer, or sign in at /sign-in');
  }
  await failures.refuse(request, reply);
  if (key !== null) return access.authenticate(key, now);
  requireSameSite(request, reach);
  const principal = await sessions.authenticate(cookie ?? '', now);
  if (principal !== null) request.formToken = formTokenOf(cookie ?? '');
  return principal;
}

/** Who the credential of a request that lasts belongs to by now. To be looked after is no use of a session: it would never end. */
async function lookAgain(request: FastifyRequest, { access, sessions, reach, clock }: Authenticators) {
  const key = keyOf(request);
  const now = clock.now();
  return key === null
    ? sessions.authenticate(sessionSecretOf(request, reach) ?? '', now, 'look')
    : access.authenticate(key, now);
}

/** Whoever sends a key means the key, also where it is wrong. */
function hasKey({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

/** The key from `Authorization: Bearer` or `X-API-Key`; null when there is none, or when the two differ. */
function keyOf(request: FastifyRequest): string | null {
  const bearer = /^Bearer +(\S{1,200}) *$/i.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['x-api-key'];
  if (bearer !== undefined && header !== undefined && bearer !== header) return null;
  return bearer ?? (typeof header === 'string' ? header : null);
}
