import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { MAX_INGEST_REQUEST_BYTES } from '../../platform/limits.ts';
import { acceptRawBodies, mediaTypeOf } from '../bodies.ts';
import { one } from '../envelope.ts';
import { ACCOUNT_ID, ONE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { IngestService } from '../../pipeline/intake/intake.service.ts';
import { OWN_SOURCE } from '../../pipeline/intake/own-sign-ins.ts';

const QUERY = z.strictObject({
  format: z
    .string()
    .regex(/^[a-z0-9_-]{1,40}$/, 'is a word in lower case')
    .optional(),
  source: ACCOUNT_ID.max(200).optional(),
});

/** Events: one JSON event, an array, or one for each line. The reply is sent after they are stored and detected on. */
export async function eventRoutes(app: ApiServer, ingest: IngestService, perMinute: number): Promise<void> {
  await app.register(async (scope: ApiServer) => {
    acceptRawBodies(scope);
    scope.route({
      method: 'POST',
      url: '/api/events',
      bodyLimit: MAX_INGEST_REQUEST_BYTES,
      config: {
        operation: 'event.ingest',
        idempotency: 'service',
        rateLimit: { max: perMinute, timeWindow: 60_000, groupId: ':events' },
      },
      schema: {
        tags: ['events'],
        summary: 'Send events (JSON, array or NDJSON)',
        querystring: QUERY,
        consumes: ['application/json', 'application/x-ndjson'],
        // Read as bytes: their hash is part of the record.
        body: z.unknown().describe('One event, a list of events, or one event in each line'),
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => {
        const ctx = contextOf(request);
        const { body } = request;
        if (!(body instanceof Uint8Array) || body.length === 0) {
          throw new FirebreakError('malformed_json', 'The body is empty: send at least one event');
        }
        const { format = null } = request.query;
        const source = sourceOf(ctx.principal.source, request.query.source ?? null);
        const mediaType = mediaTypeOf(request.headers['content-type']);
        return one(await ingest.ingest(ctx, { body, mediaType, format, source }), reply);
      },
    });
  });
}

/** A key that is bound to a source cannot speak for another: event ids are unique within their source only. */
function sourceOf(bound: string | null, named: string | null): string | null {
  const source = bound ?? named;
  if (source !== null && source.toLowerCase() === OWN_SOURCE) {
    throw new FirebreakError(
      'forbidden',
      `${OWN_SOURCE} is what Firebreak says about itself: nobody else speaks for it`,
    );
  }
  if (bound === null || named === null || bound === named) return source;
  throw new FirebreakError('forbidden', 'This key is bound to another source');
}
