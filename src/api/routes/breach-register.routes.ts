import { z } from 'zod';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const BASE = '/api/breach-register';
const tags = ['deadlines'];

/** The register of personal-data breaches (GDPR Art. 33(5)). */
export function breachRegisterRoutes(app: ApiServer, register: Services['breachRegister']): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'breach-register.read' },
    schema: {
      tags,
      summary: 'List the entries, the newest first',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await register.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/export`,
    config: { operation: 'breach-register.read' },
    schema: {
      tags,
      summary: 'Take out the whole register as CSV, which no spreadsheet calculates',
      response: {
        200: { description: 'CSV (RFC 4180)', content: { 'text/csv': { schema: z.string() } } },
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) =>
      reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', 'attachment; filename="breach-register.csv"')
        .send(await register.exportCsv(contextOf(request))),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'breach-register.read' },
    schema: { tags, summary: 'Get the entry of an incident', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await register.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'breach-register.write' },
    schema: {
      tags,
      summary: 'Write the entry of an incident: facts, effects, remedial action',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(
        await register.set(contextOf(request), { ...request.params, definition: request.body, ifMatch }),
        reply,
      );
    },
  });
}
