import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { cameFrom } from '../../api/came-from.ts';
import type { FailureLimit } from '../../api/failure-limit.ts';
import { requireSameSite } from '../../api/same-site.ts';
import { anonymousContextOf, contextOf, type ApiServer } from '../../api/server.ts';
import {
  clearSessionCookie,
  isPrivateLine,
  sessionSecretOf,
  setSessionCookie,
  type Reach,
} from '../../api/session-cookie.ts';
import type { Services } from '../../api/services.ts';
import { MAX_EMAIL_LENGTH } from '../../pipeline/access/access.ts';
import { MAX_PASSWORD_LENGTH } from '../../pipeline/access/password.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { invitationPage, signInPage } from '../sign-in-page.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { requireFormToken } from './form-token.ts';

export interface SignInRouteOptions {
  readonly services: Pick<Services, 'passwords' | 'sessions' | 'singleSignOn'>;
  readonly failures: FailureLimit;
  readonly reach: Reach;
}

/** Where people go from here: one of our own pages, or the list of what waits. Never another site. */
export const GO_ON = z
  .string()
  .transform((to) => (/^\/(account|approvals(\/[A-Za-z0-9._:@+-]{1,200})?)$/.test(to) ? to : '/approvals'))
  .default('/approvals');

const password = z.string().max(2 * MAX_PASSWORD_LENGTH);
const SIGN_IN = z.strictObject({ email: z.string().max(MAX_EMAIL_LENGTH), password, to: GO_ON });
const INVITATION = z.strictObject({ invitation: z.string().trim().max(200), password });

/** Signing in with a password, and out again. */
export function signInRoutes(scope: ApiServer, { services, failures, reach }: SignInRouteOptions): void {
  const singleSignOn = services.singleSignOn !== null;
  const hide = { hide: true };
  scope.route({
    method: 'GET',
    url: '/sign-in',
    config: { operation: 'public' },
    schema: { ...hide, querystring: z.strictObject({ to: GO_ON }) },
    handler: (request, reply) =>
      sendPage(request, reply, reach, signInPage({ to: request.query.to, refusal: null, singleSignOn })),
  });
  scope.route({
    method: 'POST',
    url: '/sign-in',
    config: { operation: 'public' },
    schema: { ...hide, body: SIGN_IN },
    handler: async (request, reply) => {
      const { to, ...claim } = request.body;
      requireSameSite(request, reach);
      requirePrivateLine(request, reach);
      await failures.refuse(request, reply);
      const ctx = anonymousContextOf(request);
      const input = { ...claim, from: cameFrom(request), previous: sessionSecretOf(request, reach) };
      return refusedHere(request, reply, reach, {
        work: async () => {
          const { secret } = await services.passwords.signIn(ctx, input);
          setSessionCookie(request, reply, reach, secret);
          return reply.redirect(to, 303);
        },
        again: (refusal) => signInPage({ to, refusal, singleSignOn }),
        failures,
      });
    },
  });
  scope.route({
    method: 'POST',
    url: '/sign-out',
    config: { operation: 'session.own' },
    schema: { ...hide, body: z.strictObject({ formToken: z.string().max(100).optional() }) },
    handler: async (request, reply) => {
      const ctx = contextOf(request);
      requireFormToken(request, request.body.formToken);
      if (ctx.principal.provenBy !== 'session')
        throw new FirebreakError('conflict', 'An API key has no session to end');
      await services.sessions.end(ctx, { id: ctx.principal.keyId });
      clearSessionCookie(request, reply, reach);
      return reply.redirect('/sign-in', 303);
    },
  });
  invitationRoutes(scope, { services, failures, reach });
}

function invitationRoutes(scope: ApiServer, { services, failures, reach }: SignInRouteOptions): void {
  scope.route({
    method: 'GET',
    url: '/invitation',
    config: { operation: 'public' },
    schema: { hide: true },
    handler: (request, reply) => sendPage(request, reply, reach, invitationPage({ refusal: null })),
  });
  scope.route({
    method: 'POST',
    url: '/invitation',
    config: { operation: 'public' },
    schema: { hide: true, body: INVITATION },
    handler: async (request, reply) => {
      requireSameSite(request, reach);
      requirePrivateLine(request, reach);
      await failures.refuse(request, reply);
      return refusedHere(request, reply, reach, {
        work: async () => {
          await services.passwords.accept(anonymousContextOf(request), request.body);
          return reply.redirect('/sign-in', 303);
        },
        again: (refusal) => invitationPage({ refusal }),
        failures,
      });
    },
  });
}

interface Attempt {
  readonly work: () => Promise<FastifyReply>;
  /** The same page with what was refused. */
  readonly again: (refusal: string) => string;
  readonly failures: FailureLimit;
}

/** Shows the form again, with the reason, where somebody mistyped; counts it for the address. */
async function refusedHere(
  request: FastifyRequest,
  reply: FastifyReply,
  reach: Reach,
  { work, again, failures }: Attempt,
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (thrown) {
    const isTyped = thrown instanceof FirebreakError && ['unauthenticated', 'weak_password'].includes(thrown.code);
    if (!isTyped) throw thrown;
    if (thrown.code === 'unauthenticated') await failures.count(request);
    if (!wantsPage(request)) throw thrown;
    return sendPage(request, reply.code(thrown.status), reach, again(`${thrown.message}.`));
  }
}

/** @throws FirebreakError `forbidden`: nothing that lets somebody in goes over a line that others can read. */
function requirePrivateLine(request: FastifyRequest, reach: Reach): void {
  if (isPrivateLine(request, reach)) return;
  throw new FirebreakError(
    'forbidden',
    'People sign in over TLS only: put a TLS proxy in front, and set PUBLIC_URL to its https address',
  );
}
