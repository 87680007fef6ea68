import { z } from 'zod';
import { created, many, one } from '../envelope.ts';
import { ACCOUNT_ID, DEFINITION, FILTER, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, SHA256, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { ExecutionService } from '../../pipeline/executions/executions.service.ts';

const BASE = '/api/incident-playbooks/executions';
const tags = ['executions'];
const { status, severity, riskLevel, type, userId, incidentId, playbookId, executionId } = FILTER;
const LIST = z.strictObject({
  ...PAGE,
  status,
  severity,
  riskLevel,
  type,
  userId,
  incidentId,
  playbookId,
  executionId,
});
const TRIGGER = z.strictObject({
  playbookId: ID,
  userId: ACCOUNT_ID,
  triggerEvent: DEFINITION.default({}),
  context: DEFINITION.default({}),
  dryRun: z.boolean().default(false),
  /** Tells two plans of the same apart; a ticket, for example. */
  reference: TEXT.optional(),
  /** The plan that was looked at, as `dryRun` answered; anything else is refused. */
  planSha256: SHA256.optional(),
});
const RETRY = z.strictObject({ reason: TEXT.optional() }).default({});
const CANCEL = z.strictObject({ compensate: z.boolean().default(false), reason: TEXT.optional() });

const ACTION_PARAMS = z.strictObject({ id: ID, actionId: ID });
const RELEASE = z.strictObject({ reason: TEXT });
/** Longest extension at once, in minutes: a day (`MAX_EXTENSION_MS`). */
const MAX_EXTENSION_MINUTES = 1_440;
const EXTEND = z.strictObject({ forMinutes: z.int().min(1).max(MAX_EXTENSION_MINUTES), reason: TEXT });

/** Executions: read, start by hand, try failed actions again, stop. */
export function executionRoutes(app: ApiServer, executions: ExecutionService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'execution.read' },
    schema: { tags, summary: 'List executions', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await executions.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'execution.read' },
    schema: {
      tags,
      summary: 'Get an execution; view=runbook gives the short form with lower-case steps',
      params: ID_PARAMS,
      querystring: z.strictObject({ view: z.enum(['full', 'runbook']).default('full') }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { view } = request.query;
      return one(await executions.get(contextOf(request), { ...request.params, view }), reply);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/trigger`,
    config: { operation: 'execution.trigger' },
    schema: {
      tags,
      summary:
        'Start a playbook for a user, or exactly the plan given; dryRun answers with the plan and stores nothing',
      body: TRIGGER,
      response: { 200: ONE, 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { reference = null, planSha256 = null } = request.body;
      const answer = await executions.trigger(contextOf(request), { ...request.body, reference, planSha256 });
      return request.body.dryRun ? one(answer, reply) : created(answer, reply, BASE);
    },
  });
  changingRoutes(app, executions);
  actionRoutes(app, executions);
}

function changingRoutes(app: ApiServer, executions: ExecutionService): void {
  app.route({
    method: 'POST',
    url: `${BASE}/:id/retry`,
    config: { operation: 'execution.retry' },
    schema: {
      tags,
      summary: 'Try the failed, unknown and timed-out actions again',
      params: ID_PARAMS,
      body: RETRY,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const reason = request.body.reason ?? null;
      return one(await executions.retry(contextOf(request), { ...request.params, reason }), reply);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/cancel`,
    config: { operation: 'execution.cancel' },
    schema: {
      tags,
      summary: 'Start nothing more; compensate also undoes what was done',
      params: ID_PARAMS,
      body: CANCEL.default({ compensate: false }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { compensate, reason = null } = request.body;
      return one(await executions.cancel(contextOf(request), { ...request.params, compensate, reason }), reply);
    },
  });
}

/** What people say about one action of an execution. */
function actionRoutes(app: ApiServer, executions: ExecutionService): void {
  app.route({
    method: 'POST',
    url: `${BASE}/:id/actions/:actionId/release`,
    config: { operation: 'execution.release' },
    schema: {
      tags,
      summary: 'Begin an action now that waits for the end of quiet hours; its gates ask as they would then',
      params: ACTION_PARAMS,
      body: RELEASE,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await executions.release(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/actions/:actionId/extend`,
    config: { operation: 'execution.extend' },
    schema: {
      tags,
      summary: 'Keep a containment that would end by itself, for so many minutes from now; at most a day at once',
      params: ACTION_PARAMS,
      body: EXTEND,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await executions.extend(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
