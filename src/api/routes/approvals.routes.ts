import { z } from 'zod';
import { many, one } from '../envelope.ts';
import { FILTER, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import { SIGNED_ANSWER } from '../../pipeline/access/assertion.ts';
import type { Services } from '../services.ts';

const BASE = '/api/incident-playbooks/approvals';
const tags = ['approvals'];
const { status, severity, riskLevel, actionType, userId, executionId, playbookId } = FILTER;
const LIST = z.strictObject({
  ...PAGE,
  status,
  severity,
  riskLevel,
  actionType,
  userId,
  executionId,
  playbookId,
});
const INTENT_HASH = z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal');
const QUESTION = z.strictObject({ decision: z.enum(['APPROVE', 'DENY']), intentHash: INTENT_HASH });
const VOTE = z
  .strictObject({
    comment: TEXT.optional(),
    reason: TEXT.optional(),
    intentHash: INTENT_HASH.optional(),
    /** What the voter's passkey signed, where the request needs one. */
    assertion: SIGNED_ANSWER.optional(),
    onBehalfOf: ID.optional().describe(
      'A delegation, or who made it, for whom you speak; absent: for yourself, else for whom you can',
    ),
  })
  .default({});
const WITHDRAWAL = z.strictObject({ reason: TEXT.optional() }).default({});

/** Approvals: read and vote. Whether this person may vote on this one is the service's to say. */
export function approvalRoutes(
  app: ApiServer,
  { approvals, withdrawals }: Pick<Services, 'approvals' | 'withdrawals'>,
): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'approval.read' },
    schema: { tags, summary: 'List approvals', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await approvals.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'approval.read' },
    schema: { tags, summary: 'Get an approval', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await approvals.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id/passkey-options`,
    config: { operation: 'approval.vote' },
    schema: {
      tags,
      summary: 'What a browser needs to have a passkey sign a vote; nothing is stored',
      params: ID_PARAMS,
      querystring: QUESTION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { nonce, publicKey } = await approvals.passkeyOptions(contextOf(request), {
        ...request.params,
        ...request.query,
      });
      return one({ data: { nonce, publicKey: { ...publicKey } } }, reply);
    },
  });
  for (const verb of ['approve', 'deny'] as const) {
    app.route({
      method: 'POST',
      url: `${BASE}/:id/${verb}`,
      config: { operation: 'approval.vote' },
      schema: {
        tags,
        summary: verb === 'approve' ? 'Vote for it' : 'Vote against it: one denial is enough',
        params: ID_PARAMS,
        body: VOTE,
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => {
        const { comment, reason, intentHash = null, assertion: signed, onBehalfOf } = request.body;
        const vote = { ...request.params, comment: comment ?? reason ?? null, intentHash, signed, onBehalfOf };
        return one(await approvals[verb](contextOf(request), vote), reply);
      },
    });
  }
  app.route({
    method: 'POST',
    url: `${BASE}/:id/withdraw`,
    config: { operation: 'approval.vote' },
    schema: {
      tags,
      summary: 'Take your vote back, or what was said in your place, as long as nothing is decided',
      params: ID_PARAMS,
      body: WITHDRAWAL,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { reason = null } = request.body;
      return one(await withdrawals.withdraw(contextOf(request), { ...request.params, reason }), reply);
    },
  });
}
