import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { FailureLimit } from '../../api/failure-limit.ts';
import { anonymousContextOf, type ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import type { Reach } from '../../api/session-cookie.ts';
import { requireOperation, type CallContext } from '../../pipeline/access/principal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { requestPage } from './request-page.ts';
import { VOTE_FIELDS } from './vote-fields.ts';

export interface AnswerLinkOptions {
  readonly services: Pick<Services, 'answers' | 'approvals' | 'incidents' | 'audits'>;
  /** Links that prove nothing are counted for each address, as failed credentials are. */
  readonly failures: FailureLimit;
  readonly reach: Reach;
}

const TOKEN = z.strictObject({ token: z.string().max(200) });

/**
 * The page that a link in a mail opens. Looking at it changes nothing: scanners of mail follow links. Answering is a form, and the
 * link is what proves who answers, so that it needs no session and no cookie.
 */
export function answerLinkRoutes(scope: ApiServer, { services, failures, reach }: AnswerLinkOptions): void {
  scope.route({
    method: 'GET',
    url: '/answer/:token',
    config: { operation: 'public' },
    schema: { hide: true, params: TOKEN },
    handler: async (request, reply) => {
      const link = await opened(request, reply);
      return send(request, reply, link, null);
    },
  });
  scope.route({
    method: 'POST',
    url: '/answer/:token',
    config: { operation: 'public' },
    schema: { hide: true, params: TOKEN, body: z.strictObject(VOTE_FIELDS) },
    handler: async (request, reply) => {
      const link = await opened(request, reply);
      const { decision, intentHash, comment = '' } = request.body;
      requireOperation(link.ctx.principal, 'approval.vote');
      const vote = { id: link.approvalId, intentHash, comment: comment === '' ? null : comment };
      try {
        await services.approvals[decision === 'APPROVE' ? 'approve' : 'deny'](link.ctx, vote);
      } catch (thrown) {
        const isRefusal = thrown instanceof FirebreakError && thrown.status < 500;
        if (!isRefusal || !wantsPage(request)) throw thrown;
        return send(request, reply.code(thrown.status), link, thrown.message);
      }
      return reply.redirect(`/answer/${encodeURIComponent(request.params.token)}`, 303);
    },
  });

  async function opened(request: FastifyRequest, reply: FastifyReply): Promise<Link> {
    await failures.refuse(request, reply);
    const { token } = TOKEN.parse(request.params);
    try {
      return { ...(await services.answers.byLink(anonymousContextOf(request), token)), token };
    } catch (thrown) {
      if (thrown instanceof FirebreakError && thrown.code === 'unauthenticated') await failures.count(request);
      throw thrown;
    }
  }

  async function send(
    request: FastifyRequest,
    reply: FastifyReply,
    { ctx, approvalId, token }: Link,
    refusal: string | null,
  ): Promise<FastifyReply> {
    const form = { action: `/answer/${encodeURIComponent(token)}`, fields: {}, passkeyOptions: null };
    const { text } = await requestPage({ services, ctx, approvalId, viewer: null, form, refusal });
    // The address is a credential: nobody else is told where its reader came from.
    void reply.header('cache-control', 'no-store');
    const sent = sendPage(request, reply, reach, text);
    return sent.header('referrer-policy', 'no-referrer');
  }
}

interface Link {
  readonly ctx: CallContext;
  readonly approvalId: string;
  readonly token: string;
}
