import { z } from 'zod';
import { EXEMPTION_STATUSES } from '../../pipeline/exemptions/exemption.ts';
import { created, many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { ExemptionVerbs } from '../services.ts';

const BASE = '/api/exemptions';
const tags = ['exemptions'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(EXEMPTION_STATUSES).optional() });
const CONFIRMATION = z.strictObject({
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal')
    .describe('The `hash` of the proposal as it was shown'),
});
const REVOCATION = z.strictObject({ reason: TEXT });

/** Exemptions from gates: one person proposes, another confirms, either ends it. */
export function exemptionRoutes(app: ApiServer, exemptions: ExemptionVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'exemption.read' },
    schema: {
      tags,
      summary: 'List exemptions, the latest end first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await exemptions.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'exemption.read' },
    schema: { tags, summary: 'Get an exemption with its uses', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await exemptions.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'exemption.write' },
    schema: {
      tags,
      summary: 'Propose an exemption from a gate',
      body: DEFINITION,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      created(await exemptions.propose(contextOf(request), { definition: request.body }), reply, BASE),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/confirm`,
    config: { operation: 'exemption.write' },
    schema: {
      tags,
      summary: 'Put in force what another person proposed',
      params: ID_PARAMS,
      body: CONFIRMATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await exemptions.confirm(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'exemption.write' },
    schema: {
      tags,
      summary: 'End an exemption, or withdraw its proposal; executions under way ask people again',
      params: ID_PARAMS,
      body: REVOCATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await exemptions.revoke(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
