import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { BundleService, MadeBundle } from '../../pipeline/evidence/bundles/bundles.service.ts';
import { created } from '../envelope.ts';
import { ID_PARAMS, ONE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

/** Artefacts that may be left out by name. */
const MAX_WITHOUT = 1_000;
const ID = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/);
const EXPORT = z.strictObject({
  incidentId: ID,
  reason: TEXT,
  without: z.array(ID).max(MAX_WITHOUT).default([]),
});

/** Evidence bundles: made when they are asked for, kept nowhere. */
export function evidenceBundleRoutes(app: ApiServer, bundles: BundleService): void {
  app.route({
    method: 'POST',
    url: '/api/evidence-bundles',
    config: { operation: 'evidence.export' },
    schema: {
      tags: ['evidence'],
      summary: 'Put the export of an incident on record; its bundle is fetched under the id of the answer',
      body: EXPORT,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      created(await bundles.order(contextOf(request), request.body), reply, '/api/evidence-bundles'),
  });
  app.route({
    method: 'GET',
    url: '/api/evidence-bundles/:id',
    config: { operation: 'evidence.export' },
    schema: {
      tags: ['evidence'],
      summary: 'Fetch the signed bundle of an export that is on record; 503 until the log has signed its records',
      params: ID_PARAMS,
      response: {
        200: { description: 'The archive', content: { 'application/x-tar': { schema: z.string() } } },
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => sendBundle(reply, await bundles.take(contextOf(request), request.params)),
  });
}

function sendBundle(reply: FastifyReply, { bundleId, sealed }: MadeBundle): FastifyReply {
  void reply.headers({
    'content-type': 'application/x-tar',
    'content-disposition': `attachment; filename="${bundleId}.tar"`,
    // Whoever gets fewer bytes knows that it broke off.
    'content-length': sealed.size,
    'x-content-type-options': 'nosniff',
    'x-bundle-manifest-sha256': sealed.hash,
  });
  return reply.send(Readable.from(sealed.content(), { objectMode: false }));
}
