import { z } from 'zod';
import { CHANGE_STATUSES } from '../../pipeline/guards/proposed-change.ts';
import { many, one } from '../envelope.ts';
import { ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, SHA256, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { ProposedChangeVerbs } from '../services.ts';

const BASE = '/api/changes';
const tags = ['changes'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(CHANGE_STATUSES).optional() });
const CONFIRMATION = z.strictObject({
  hash: SHA256.describe('The `hash` of the proposal as it was shown'),
});
const REJECTION = z.strictObject({ reason: TEXT });

/** Changes of policies and guards that take a safeguard away: one person proposes them by making them, another confirms. */
export function changeRoutes(app: ApiServer, changes: ProposedChangeVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'policy.read' },
    schema: {
      tags,
      summary: 'List proposed changes, the newest first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await changes.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'policy.read' },
    schema: {
      tags,
      summary: 'Get a proposed change with what it takes away',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await changes.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/confirm`,
    config: { operation: 'change.decide' },
    schema: {
      tags,
      summary: 'Put in force what another person proposed',
      params: ID_PARAMS,
      body: CONFIRMATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await changes.confirm(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/reject`,
    config: { operation: 'change.decide' },
    schema: {
      tags,
      summary: 'Reject a proposed change, or withdraw it',
      params: ID_PARAMS,
      body: REJECTION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await changes.reject(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
