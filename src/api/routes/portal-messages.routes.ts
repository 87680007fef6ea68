import { z } from 'zod';
import { PORTAL_STATUSES } from '../../pipeline/deadlines/portal/portal.ts';
import { many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { PortalVerbs } from '../services.ts';

const BASE = '/api/portal-messages';
const tags = ['portal messages'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(PORTAL_STATUSES).optional(), draftId: ID.optional() });

/** Messages that wait for regulatory contacts on a page: who has read them, and the codes with which they are opened. */
export function portalMessageRoutes(app: ApiServer, portal: PortalVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'draft.read' },
    schema: {
      tags,
      summary: 'List messages, the newest first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await portal.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'draft.read' },
    schema: {
      tags,
      summary: 'Get a message with its link and its read receipts',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await portal.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/code`,
    // The reply holds a secret.
    config: { operation: 'draft.write', idempotency: 'once' },
    schema: {
      tags,
      summary: 'Make a one-time code to read out to the contact; it is in this answer only',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await portal.issueCode(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: 'Close the page of a message',
      params: ID_PARAMS,
      body: z.strictObject({ reason: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await portal.revoke(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
