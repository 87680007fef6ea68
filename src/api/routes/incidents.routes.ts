import { z } from 'zod';
import { many, one } from '../envelope.ts';
import { FILTER, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import { SETTABLE_STATUSES } from '../../pipeline/incidents/incidents.service.ts';
import type { IncidentVerbs } from '../services.ts';

const BASE = '/api/incidents';
const tags = ['incidents'];
const { status, severity, riskLevel, type, userId } = FILTER;
const LIST = z.strictObject({ ...PAGE, status, severity, riskLevel, type, userId });

/** What closes an incident for good and therefore needs a reason that others can read later. */
const NEEDS_REASON: readonly string[] = ['RESOLVED', 'FALSE_POSITIVE'];
const CHANGE = z
  .strictObject({ status: z.enum(SETTABLE_STATUSES), reason: TEXT.optional() })
  .refine(({ status: wanted, reason }) => reason !== undefined || !NEEDS_REASON.includes(wanted), {
    path: ['reason'],
    message: 'is needed for RESOLVED and FALSE_POSITIVE',
  });

/** Incidents: read, and move on by hand. */
export function incidentRoutes(app: ApiServer, incidents: IncidentVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'incident.read' },
    schema: { tags, summary: 'List incidents', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await incidents.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'incident.read' },
    schema: { tags, summary: 'Get an incident', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await incidents.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PATCH',
    url: `${BASE}/:id`,
    config: { operation: 'incident.close' },
    schema: {
      tags,
      summary: 'Set the status',
      params: ID_PARAMS,
      body: CHANGE,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { status: wanted, reason = null } = request.body;
      const input = { ...request.params, status: wanted, reason };
      return one(await incidents.setStatus(contextOf(request), input), reply);
    },
  });
}
