import { z } from 'zod';
import { ESCALATION_STATUSES } from '../../pipeline/vendors/escalation.ts';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const BASE = '/api/vendors';
const ESCALATIONS = `${BASE}/escalations`;
const tags = ['vendors'];
const ID = ID_PARAMS.shape.id;

/** Third parties, what hangs on them, and who of us is told when an incident touches one. */
export function vendorRoutes(
  app: ApiServer,
  { vendors, escalations }: Pick<Services, 'vendors' | 'escalations'>,
): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'vendor.read' },
    schema: { tags, summary: 'List vendors', querystring: z.strictObject(PAGE), response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await vendors.list(contextOf(request), request.query), request.query),
  });
  escalationRoutes(app, escalations);
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'vendor.read' },
    schema: { tags, summary: 'Get a vendor', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await vendors.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'vendor.write' },
    schema: {
      tags,
      summary: 'Describe a vendor, or replace the whole of it as a new version',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(
        await vendors.set(contextOf(request), { ...request.params, definition: request.body, ifMatch }),
        reply,
      );
    },
  });
  app.route({
    method: 'GET',
    url: '/api/incidents/:id/affected',
    config: { operation: 'vendor.read' },
    schema: {
      tags,
      summary: 'Which vendors an incident touches, and who and what else hangs on them, with the way why',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await vendors.affected(contextOf(request), request.params), reply),
  });
}

function escalationRoutes(app: ApiServer, escalations: Services['escalations']): void {
  app.route({
    method: 'GET',
    url: ESCALATIONS,
    config: { operation: 'vendor.read' },
    schema: {
      tags,
      summary: 'List escalations about vendors',
      querystring: z.strictObject({
        ...PAGE,
        status: z.enum(ESCALATION_STATUSES).optional(),
        incidentId: ID.optional(),
        vendorId: ID.optional(),
      }),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await escalations.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${ESCALATIONS}/:id`,
    config: { operation: 'vendor.read' },
    schema: {
      tags,
      summary: 'Get an escalation about a vendor',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await escalations.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/escalate`,
    config: { operation: 'vendor.escalate' },
    schema: {
      tags,
      summary: 'Start the escalation path of a vendor for an incident; the same again is what is there',
      params: ID_PARAMS,
      body: z.strictObject({ incidentId: ID }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await escalations.start(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${ESCALATIONS}/:id/acknowledge`,
    config: { operation: 'vendor.escalate' },
    schema: {
      tags,
      summary: 'Say that one has it: no further level is told',
      params: ID_PARAMS,
      body: z.strictObject({ note: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await escalations.acknowledge(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
