import { z } from 'zod';
import { CONTACT_STATUSES } from '../../pipeline/deadlines/contacts/contact.ts';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { ContactVerbs } from '../services.ts';

const BASE = '/api/regulatory-contacts';
const tags = ['regulatory contacts'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(CONTACT_STATUSES).optional() });
const VERIFICATION = z.strictObject({
  version: z.int().min(1).describe('The `version` that was compared with the contact'),
  fingerprint: z
    .string()
    .max(200)
    .nullable()
    .default(null)
    .describe('SHA-256 of the certificate as the contact read it out; null where there is none'),
  how: TEXT.describe('Over which line it was compared, for example the number that was called'),
});

/** The organisation's own regulatory contacts: one person saves them, another verifies them, either ends them. */
export function regulatoryContactRoutes(app: ApiServer, contacts: ContactVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'contact.read' },
    schema: { tags, summary: 'List regulatory contacts', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await contacts.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'contact.read' },
    schema: { tags, summary: 'Get a regulatory contact', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await contacts.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'contact.write' },
    schema: {
      tags,
      summary: 'Make a regulatory contact, or replace the whole of it; another person has to verify it',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      const change = { ...request.params, definition: request.body, ifMatch };
      return one(await contacts.set(contextOf(request), change), reply);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/verify`,
    config: { operation: 'contact.write' },
    schema: {
      tags,
      summary: 'Say that the contact was compared over another line; never by who saved it',
      params: ID_PARAMS,
      body: VERIFICATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await contacts.vouch(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'contact.write' },
    schema: {
      tags,
      summary: 'End the use of a contact and of its certificate at once',
      params: ID_PARAMS,
      body: z.strictObject({ reason: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await contacts.revoke(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
