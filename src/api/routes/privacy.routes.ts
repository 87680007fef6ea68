import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ErasureService } from '../../pipeline/privacy/erasures.service.ts';
import type { HeldDataService } from '../../pipeline/privacy/held-data.service.ts';
import { ERASURE_STATUSES } from '../../pipeline/privacy/erasure.ts';
import { created, many, one } from '../envelope.ts';
import { ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BASE = '/api/erasures';
const tags = ['privacy'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(ERASURE_STATUSES).optional() });
const ACCOUNT = z.string().min(1).max(320).describe('The account as events name it');
const REQUEST = z.strictObject({ account: ACCOUNT, reason: TEXT, reference: TEXT.nullable().default(null) });

/** What people may ask about their data: to see what is held on them, and to be forgotten. */
export function privacyRoutes(app: ApiServer, erasures: ErasureService, heldData: HeldDataService): void {
  app.route({
    method: 'POST',
    url: '/api/person-exports',
    // Each one is one of its own, and stands on record.
    config: { operation: 'person.export', idempotency: 'service' },
    schema: {
      tags,
      summary: 'Hand out everything that is held on an account, as lines of JSON; it is put on record first',
      body: z.strictObject({ account: ACCOUNT, reason: TEXT }),
      response: {
        200: { description: 'One line each', content: { 'application/x-ndjson': { schema: z.string() } } },
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => sendLines(reply, await heldData.export(contextOf(request), request.body)),
  });
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'erasure.read' },
    schema: { tags, summary: 'List erasures', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await erasures.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'erasure.read' },
    schema: {
      tags,
      summary: 'Get an erasure, with what it waits for',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await erasures.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'erasure.write' },
    schema: {
      tags,
      summary: 'Ask for the erasure of an account; another person has to confirm it',
      body: REQUEST,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => created(await erasures.request(contextOf(request), request.body), reply, BASE),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/confirm`,
    config: { operation: 'erasure.write' },
    schema: {
      tags,
      summary: 'Agree to an erasure; it begins when nothing needs the person any more, and cannot be undone then',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await erasures.confirm(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/withdraw`,
    config: { operation: 'erasure.write' },
    schema: {
      tags,
      summary: 'Take an erasure back that has not begun',
      params: ID_PARAMS,
      body: z.strictObject({ reason: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await erasures.withdraw(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}

function sendLines(reply: FastifyReply, lines: AsyncIterable<object>): FastifyReply {
  void reply.headers({ 'content-type': 'application/x-ndjson', 'x-content-type-options': 'nosniff' });
  return reply.send(Readable.from(textOf(lines), { objectMode: false }));
}

async function* textOf(lines: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}
