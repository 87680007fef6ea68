import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ID_PARAMS } from '../../api/schemas.ts';
import { contextOf, type ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import type { Reach } from '../../api/session-cookie.ts';
import { SIGNED_ANSWER } from '../../pipeline/access/assertion.ts';
import { mayDo } from '../../pipeline/access/principal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { MAX_PAGE_SIZE } from '../../platform/limits.ts';
import type { AnswerForm } from '../approval-page.ts';
import { approvalOf } from '../approval-shown.ts';
import { approvalList } from '../approvals-page.ts';
import { FORM_TOKEN, page, type Viewer } from '../layout.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { MAX_FORM_BYTES } from './form-bodies.ts';
import { requireFormToken } from './form-token.ts';
import { requestPage } from './request-page.ts';
import { VOTE_FIELDS } from './vote-fields.ts';

export interface ApprovalPageOptions {
  readonly services: Pick<Services, 'approvals' | 'withdrawals' | 'breakGlass' | 'incidents' | 'audits'>;
  readonly reach: Reach;
}

/** Uses of break-glass over the list: enough that they cannot be overlooked. */
const MAX_USES_SHOWN = 20;

const VOTE = z.strictObject({
  ...VOTE_FIELDS,
  formToken: z.string().max(100).optional(),
  /** Filled in by the script, where a passkey signed. */
  assertion: z
    .string()
    .max(MAX_FORM_BYTES)
    .transform((text) => jsonOf(text))
    .pipe(SIGNED_ANSWER)
    .optional(),
});

const WITHDRAWAL = z.strictObject({
  reason: VOTE_FIELDS.comment,
  withdraw: z.literal('yes'),
  formToken: z.string().max(100).optional(),
});

/** What waits for whoever looks, one request, and the answer to it: the verbs of the API, in words. */
export function approvalPageRoutes(scope: ApiServer, { services, reach }: ApprovalPageOptions): void {
  scope.route({
    method: 'GET',
    url: '/approvals',
    config: { operation: 'approval.read' },
    schema: { hide: true },
    handler: async (request, reply) => {
      const ctx = contextOf(request);
      const { items, total } = await services.approvals.list(ctx, { limit: MAX_PAGE_SIZE, skip: 0 });
      // Whoever may not read the record sees what waits all the same.
      const unreviewed = mayDo(ctx.principal, 'audit.read')
        ? await services.breakGlass.list(ctx, { limit: MAX_USES_SHOWN, skip: 0, status: 'UNREVIEWED' })
        : { items: [], total: 0 };
      const list = { unreviewed, approvals: items.map(approvalOf), total, who: ctx.principal, now: ctx.now };
      return sendPage(request, reply, reach, page('Approvals', viewerOf(request), approvalList(list)));
    },
  });
  scope.route({
    method: 'GET',
    url: '/approvals/:id',
    config: { operation: 'approval.read' },
    schema: { hide: true, params: ID_PARAMS },
    handler: async (request, reply) => sendRequest(request, reply, request.params.id, null),
  });
  scope.route({
    method: 'POST',
    url: '/approvals/:id/vote',
    config: { operation: 'approval.vote' },
    schema: { hide: true, params: ID_PARAMS, body: VOTE },
    handler: async (request, reply) => {
      const { id } = request.params;
      const { decision, intentHash, comment = '', formToken, assertion: signed } = request.body;
      requireFormToken(request, formToken);
      const vote = { id, intentHash, comment: comment === '' ? null : comment, signed };
      const verb = decision === 'APPROVE' ? 'approve' : 'deny';
      return thenShown(request, reply, id, () => services.approvals[verb](contextOf(request), vote));
    },
  });
  scope.route({
    method: 'POST',
    url: '/approvals/:id/withdraw',
    config: { operation: 'approval.vote' },
    schema: { hide: true, params: ID_PARAMS, body: WITHDRAWAL },
    handler: async (request, reply) => {
      const { id } = request.params;
      const { reason = '', formToken } = request.body;
      requireFormToken(request, formToken);
      const withdrawal = { id, reason: reason === '' ? null : reason };
      return thenShown(request, reply, id, () => services.withdrawals.withdraw(contextOf(request), withdrawal));
    },
  });

  /** Does it, and leads back to the request; what was refused is shown there as it is now, with the reason. */
  async function thenShown(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    verb: () => Promise<unknown>,
  ): Promise<FastifyReply> {
    try {
      await verb();
    } catch (thrown) {
      // What changed has to be looked at before it is answered.
      const isRefusal = thrown instanceof FirebreakError && thrown.status < 500 && thrown.code !== 'not_found';
      if (!isRefusal || !wantsPage(request)) throw thrown;
      return sendRequest(request, reply.code(thrown.status), id, thrown.message);
    }
    return reply.redirect(`/approvals/${encodeURIComponent(id)}`, 303);
  }

  async function sendRequest(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    refusal: string | null,
  ): Promise<FastifyReply> {
    const ctx = contextOf(request);
    const viewer = viewerOf(request);
    const isVoter = mayDo(ctx.principal, 'approval.vote');
    const at = `/approvals/${encodeURIComponent(id)}`;
    const passkeyOptions = `/api/incident-playbooks${at}/passkey-options`;
    const formAt = (verb: string): AnswerForm | null =>
      viewer.formToken !== null && isVoter
        ? { action: `${at}/${verb}`, fields: { [FORM_TOKEN]: viewer.formToken }, passkeyOptions }
        : null;
    const forms = { form: formAt('vote'), withdrawal: formAt('withdraw') };
    const { text, uses } = await requestPage({ services, ctx, approvalId: id, viewer, ...forms, refusal });
    return sendPage(request, reply, reach, text, uses);
  }
}

/** What is no JSON is no assertion either, and is refused as such. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function viewerOf(request: FastifyRequest): Viewer {
  return { name: contextOf(request).principal.name, formToken: request.formToken };
}
