import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ID_PARAMS } from '../../api/schemas.ts';
import { contextOf, type ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import type { Reach } from '../../api/session-cookie.ts';
import { mayDo, type CallContext } from '../../pipeline/access/principal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { MAX_PAGE_SIZE } from '../../platform/limits.ts';
import { approvalRequest, heading, MAX_COMMENT } from '../approval-page.ts';
import { approvalOf, GATE, type ApprovalShown, type GateShown } from '../approval-shown.ts';
import { approvalList } from '../approvals-page.ts';
import { FORM_TOKEN, page, type Viewer } from '../layout.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { requireFormToken } from './form-token.ts';

export interface ApprovalPageOptions {
  readonly services: Pick<Services, 'approvals' | 'incidents' | 'audits'>;
  readonly reach: Reach;
}

const VOTE = z.strictObject({
  decision: z.enum(['APPROVE', 'DENY']),
  intentHash: z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal'),
  comment: z
    .string()
    .trim()
    .max(MAX_COMMENT)
    .refine((text) => text.isWellFormed(), 'holds a lone surrogate')
    .optional(),
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
      const list = { approvals: items.map(approvalOf), total, who: ctx.principal, now: ctx.now };
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
      const { decision, intentHash, comment = '', formToken } = request.body;
      requireFormToken(request, formToken);
      const vote = { id, intentHash, comment: comment === '' ? null : comment };
      try {
        await services.approvals[decision === 'APPROVE' ? 'approve' : 'deny'](contextOf(request), vote);
      } catch (thrown) {
        // It is shown again as it is now, with the reason: what changed has to be looked at before it is answered.
        const isRefusal = thrown instanceof FirebreakError && thrown.status < 500 && thrown.code !== 'not_found';
        if (!isRefusal || !wantsPage(request)) throw thrown;
        return sendRequest(request, reply.code(thrown.status), id, thrown.message);
      }
      return reply.redirect(`/approvals/${encodeURIComponent(id)}`, 303);
    },
  });

  async function sendRequest(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    refusal: string | null,
  ): Promise<FastifyReply> {
    const ctx = contextOf(request);
    const approval = approvalOf((await services.approvals.get(ctx, { id })).data);
    const [why, gates] = await Promise.all([whyOf(ctx, services, approval), gatesOf(ctx, services, approval)]);
    const viewer = viewerOf(request);
    const isVoter = viewer.formToken !== null && mayDo(ctx.principal, 'approval.vote');
    const action = `/approvals/${encodeURIComponent(id)}/vote`;
    const form = isVoter ? { action, fields: { [FORM_TOKEN]: viewer.formToken } } : null;
    const body = approvalRequest({ approval, why, gates, now: ctx.now, form, refusal });
    return sendPage(request, reply, reach, page(heading(approval), viewer, body));
  }
}

function viewerOf(request: FastifyRequest): Viewer {
  return { name: contextOf(request).principal.name, formToken: request.formToken };
}

const INCIDENT = z.looseObject({ summary: z.string() });

async function whyOf(
  ctx: CallContext,
  { incidents }: Pick<Services, 'incidents'>,
  { incidentId }: ApprovalShown,
): Promise<string | null> {
  if (!mayDo(ctx.principal, 'incident.read')) return null;
  const found = await orAbsent(incidents.get(ctx, { id: incidentId }));
  return INCIDENT.safeParse(found?.data).data?.summary ?? null;
}

const AUDIT = z.looseObject({ gates: z.array(GATE) });

async function gatesOf(
  ctx: CallContext,
  { audits }: Pick<Services, 'audits'>,
  { executionId, actionId }: ApprovalShown,
): Promise<readonly GateShown[] | null> {
  if (!mayDo(ctx.principal, 'audit.read')) return null;
  const found = await orAbsent(audits.get(ctx, { id: `${executionId}:${actionId}` }));
  return AUDIT.safeParse(found?.data).data?.gates ?? null;
}

/** What lies in an archive, or is not there, is left out of the page. */
async function orAbsent<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof FirebreakError && (thrown.code === 'archived' || thrown.code === 'not_found')) return null;
    throw thrown;
  }
}
