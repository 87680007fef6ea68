import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { MAX_BODY_BYTES } from '../../platform/limits.ts';
import { ARTIFACT_KINDS } from '../../pipeline/actions/desks.ts';
import {
  EVIDENCE_STATUSES,
  MAX_HOST_LENGTH,
  MAX_LOCATION_LENGTH,
  MAX_NAME_LENGTH,
  MAX_WORD_LENGTH,
} from '../../pipeline/evidence/evidence.ts';
import type { EvidenceDownload } from '../../pipeline/evidence/evidence.service.ts';
import { attachmentHeader } from '../../pipeline/evidence/file-name.ts';
import { created, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { EvidenceVerbs } from '../services.ts';

const BASE = '/api/evidence';
const HOLDS = '/api/evidence-holds';
const tags = ['evidence'];
const YES_NO = z.enum(['true', 'false']).transform((text) => text === 'true');
const SHA256 = z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal');
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const PLAIN = /^[^\u0000-\u001f\u007f]*$/;
const line = (most: number) => z.string().max(most).regex(PLAIN, 'may not hold control characters');

const LIST = z.strictObject({
  ...PAGE,
  incidentId: ID.optional(),
  executionId: ID.optional(),
  kind: z.enum(ARTIFACT_KINDS).optional(),
  status: z.enum(EVIDENCE_STATUSES).optional(),
  held: YES_NO.optional().describe('Only what a legal hold stands on'),
  alarmed: YES_NO.optional().describe('Only what is not as it was left'),
});
const UPLOAD = z.strictObject({
  kind: z.enum(ARTIFACT_KINDS).default('file'),
  name: line(MAX_NAME_LENGTH).min(1),
  incidentId: ID.optional(),
  executionId: ID.optional(),
  system: line(MAX_WORD_LENGTH).default('upload'),
  host: line(MAX_HOST_LENGTH).default(''),
  location: line(MAX_LOCATION_LENGTH).default(''),
  modifiedAt: z.iso.datetime({ offset: true }).optional(),
  timeZone: line(MAX_WORD_LENGTH).optional(),
  clockOffsetMs: z.coerce.number().int().optional(),
  method: line(MAX_LOCATION_LENGTH).default('handed in by a person'),
  personal: YES_NO.default(true),
  form: z.enum(['original', 'working-copy']).default('original'),
  parentId: ID.optional(),
  sha256: SHA256.optional().describe('What the bytes have to be; others are refused'),
});
const REASON = z.strictObject({ reason: TEXT });
const TRANSFER = z.strictObject({
  from: TEXT,
  to: TEXT,
  reason: TEXT,
  sha256After: SHA256.optional().describe('As whoever has it now computed it'),
});
const HOLD = z
  .strictObject({ evidenceId: ID.optional(), incidentId: ID.optional(), reason: TEXT })
  .refine(({ evidenceId, incidentId }) => (evidenceId === undefined) !== (incidentId === undefined), {
    message: 'give either evidenceId or incidentId',
  });
const DISPOSAL = z.strictObject({
  reason: TEXT,
  witness: ID,
  how: z.enum(['destroyed', 'returned']).default('destroyed'),
});
const HOLD_LIST = z.strictObject({ ...PAGE, status: z.enum(['STANDING', 'RELEASED']).optional() });

/** Evidence: what was taken, who had it, and its bytes. */
export async function evidenceRoutes(app: ApiServer, evidence: EvidenceVerbs): Promise<void> {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'evidence.read' },
    schema: {
      tags,
      summary: 'List evidence, the newest first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await evidence.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'evidence.read' },
    schema: {
      tags,
      summary: 'Get its custody record and timeline',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await evidence.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/download`,
    // Each time is an access of its own.
    config: { operation: 'evidence.download', idempotency: 'service' },
    schema: {
      tags,
      summary: 'Get its bytes; the access is on record before the first one is sent',
      params: ID_PARAMS,
      body: REASON,
      response: {
        200: { description: 'The bytes', content: { 'application/octet-stream': { schema: z.string() } } },
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) =>
      sendBytes(await evidence.download(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/transfer`,
    config: { operation: 'evidence.write' },
    schema: {
      tags,
      summary: 'Record that somebody else has it',
      params: ID_PARAMS,
      body: TRANSFER,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { sha256After = null, ...given } = request.body;
      return one(await evidence.transfer(contextOf(request), { ...request.params, ...given, sha256After }), reply);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/verify`,
    config: { operation: 'evidence.write' },
    schema: {
      tags,
      summary: 'Read it again and compare its digests',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await evidence.examine(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/dispose`,
    config: { operation: 'evidence.dispose' },
    schema: {
      tags,
      summary: 'Let it go for good, after its time',
      params: ID_PARAMS,
      body: DISPOSAL,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await evidence.dispose(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  holdRoutes(app, evidence);
  await uploadRoute(app, evidence);
}

function sendBytes({ evidenceId, name, size, sha256, content }: EvidenceDownload, reply: FastifyReply): FastifyReply {
  void reply.headers({
    'content-type': 'application/octet-stream',
    'content-disposition': attachmentHeader(evidenceId, name),
    'content-length': size,
    'x-content-type-options': 'nosniff',
    'x-evidence-sha256': sha256,
  });
  return reply.send(Readable.from(content, { objectMode: false }));
}

function holdRoutes(app: ApiServer, evidence: EvidenceVerbs): void {
  app.route({
    method: 'GET',
    url: HOLDS,
    config: { operation: 'evidence.read' },
    schema: {
      tags,
      summary: 'List legal holds, the newest first',
      querystring: HOLD_LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await evidence.holds(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'POST',
    url: HOLDS,
    config: { operation: 'evidence.hold' },
    schema: {
      tags,
      summary: 'Set a legal hold on one artefact, or on all of an incident',
      body: HOLD,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { evidenceId, incidentId, reason } = request.body;
      const scope =
        evidenceId === undefined
          ? ({ type: 'incident', id: incidentId ?? '' } as const)
          : ({ type: 'evidence', id: evidenceId } as const);
      return created(await evidence.hold(contextOf(request), { scope, reason }), reply, HOLDS);
    },
  });
  app.route({
    method: 'POST',
    url: `${HOLDS}/:id/release`,
    config: { operation: 'evidence.release' },
    schema: {
      tags,
      summary: 'Lift a legal hold that another person has set',
      params: ID_PARAMS,
      body: REASON,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await evidence.release(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}

/** The bytes go on as they come; nothing of them is held. */
async function uploadRoute(app: ApiServer, evidence: EvidenceVerbs): Promise<void> {
  await app.register(async (scope: ApiServer) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.route({
      method: 'POST',
      url: BASE,
      // What of it may be in memory at once: the whole of it never is.
      bodyLimit: MAX_BODY_BYTES,
      config: { operation: 'evidence.write', idempotency: 'service', streams: true },
      schema: {
        tags,
        summary: 'Hand in an artefact: its bytes as the body, what it is in the query',
        querystring: UPLOAD,
        consumes: ['application/octet-stream'],
        body: z.unknown().describe('The bytes, of any type and up to 100 GB'),
        response: { 201: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => {
        const { incidentId = null, executionId = null, parentId = null, sha256 = null, ...given } = request.query;
        const { system, host, location, modifiedAt, timeZone = null, clockOffsetMs = null, ...about } = given;
        const modified = modifiedAt === undefined ? null : Date.parse(modifiedAt);
        const source = { system, host, location, modifiedAt: modified, timeZone, clockOffsetMs };
        const { body } = request;
        if (!(body instanceof Readable))
          throw new FirebreakError('invalid_request', 'The body is empty: send the bytes of the artefact');
        const input = { ...about, source, incidentId, executionId, parentId, sha256 };
        const gone = new AbortController();
        request.raw.once('close', () => {
          if (!request.raw.complete) gone.abort();
        });
        return created(await evidence.upload(contextOf(request), input, body, gone.signal), reply, BASE);
      },
    });
  });
}
