import { z } from 'zod';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { OnCallVerbs } from '../services.ts';

const BASE = '/api/oncall/schedules';
const tags = ['oncall'];
const AT = z.strictObject({
  at: z.iso
    .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
    .transform((time) => Date.parse(time))
    .optional()
    .describe('Absent: now'),
});

/** Who is on call when. Gates name a schedule as `oncall:<id>` where they may name a person. */
export function onCallRoutes(app: ApiServer, onCall: OnCallVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'oncall.read' },
    schema: {
      tags,
      summary: 'List on-call schedules',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await onCall.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'oncall.read' },
    schema: { tags, summary: 'Get an on-call schedule', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await onCall.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id/who`,
    config: { operation: 'oncall.read' },
    schema: {
      tags,
      summary: 'Who is on call now, or at a certain time',
      params: ID_PARAMS,
      querystring: AT,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { at = null } = request.query;
      return one(await onCall.who(contextOf(request), { ...request.params, at }), reply);
    },
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'oncall.write' },
    schema: {
      tags,
      summary: 'Make an on-call schedule, or replace the whole of it as a new version',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      const change = { ...request.params, definition: request.body, ifMatch };
      return one(await onCall.set(contextOf(request), change), reply);
    },
  });
}
