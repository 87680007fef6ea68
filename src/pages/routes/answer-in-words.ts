import type { FastifyReply, FastifyRequest } from 'fastify';
import { publicErrorOf, RETRY_AFTER_SECONDS, sendProblem } from '../../api/problem.ts';
import type { ApiServer } from '../../api/server.ts';
import { isOverTls, type Reach } from '../../api/session-cookie.ts';
import { ERRORS } from '../../platform/errors.ts';
import { refusalPage } from '../sign-in-page.ts';
import { PAGE_POLICY, PASSKEY_PAGE_POLICY } from '../style.ts';

/** Whether whoever asks wants to read a page; a program that names nothing gets a problem document. */
export function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true;
}

/** Sends a page under its own policy: without script, unless a passkey is used on it. Where it came by TLS, so does everything that it leads to. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  reach: Reach,
  page: string,
  uses: 'nothing' | 'passkeys' = 'nothing',
): FastifyReply {
  const own = uses === 'passkeys' ? PASSKEY_PAGE_POLICY : PAGE_POLICY;
  const policy = isOverTls(request, reach) ? `${own}; upgrade-insecure-requests` : own;
  void reply.header('content-security-policy', policy);
  // Our own pages are told where a form came from, also by browsers without Sec-Fetch-Site; nobody else is.
  void reply.header('referrer-policy', 'same-origin');
  return reply.header('content-type', 'text/html; charset=utf-8').send(page);
}

/** Says every refusal in words. Who is not signed in, and only looked, is led to where that is done. */
export function answerInWords(scope: ApiServer, reach: Reach): void {
  scope.setErrorHandler((thrown, request, reply) => {
    if (!wantsPage(request)) return sendProblem(thrown, request, reply);
    const error = publicErrorOf(thrown);
    if (error.status >= 500)
      request.log.error({ err: thrown, traceId: request.call?.traceId ?? null }, 'request failed');
    if (error.status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
    if (error.code === 'unauthenticated' && request.routeOptions.config.operation !== 'public') {
      const to = request.method === 'GET' ? request.url : '/approvals';
      return reply.redirect(`/sign-in?to=${encodeURIComponent(to)}`, 303);
    }
    const faults = error.faults.map(({ detail }) => detail);
    const sentence = [error.message, ...faults].join('. ');
    return sendPage(request, reply.code(error.status), reach, refusalPage(ERRORS[error.code].title, sentence));
  });
}
