import { z } from 'zod';
import { many, one } from '../envelope.ts';
import { FILTER, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { AuditService } from '../../pipeline/executions/audits.service.ts';
import type { MetricsService } from '../../pipeline/executions/metrics.service.ts';

const BASE = '/api/incident-playbooks/audits';
const tags = ['audits'];
const { status, severity, riskLevel, type, actionType, userId, executionId, playbookId } = FILTER;
const LIST = z.strictObject({
  ...PAGE,
  status,
  severity,
  riskLevel,
  type,
  actionType,
  userId,
  executionId,
  playbookId,
});

/** The audit trail: one item for each action instance, and the records behind it. */
export function auditRoutes(app: ApiServer, audits: AuditService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'audit.read' },
    schema: { tags, summary: 'List audited actions', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await audits.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'audit.read' },
    schema: { tags, summary: 'Get an audited action', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await audits.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id/records`,
    config: { operation: 'audit.read' },
    schema: {
      tags,
      summary: 'The journal records behind it, oldest first',
      params: ID_PARAMS,
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const input = { ...request.params, ...request.query };
      return many(await audits.records(contextOf(request), input), request.query);
    },
  });
}

/** The figures, with their denominators. */
export function metricsRoutes(app: ApiServer, metrics: MetricsService): void {
  app.route({
    method: 'GET',
    url: '/api/incident-playbooks/metrics',
    config: { operation: 'metrics.read' },
    schema: {
      tags: ['metrics'],
      summary: 'Figures for each playbook and in total; what has no data is null',
      querystring: z.strictObject({ playbookId }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await metrics.read(contextOf(request), request.query), reply),
  });
}
