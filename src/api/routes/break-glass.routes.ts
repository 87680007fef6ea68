import { z } from 'zod';
import { MIN_GLASS_REASON } from '../../pipeline/executions/break-glass.service.ts';
import { many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const GUARD = '/api/guards/break-glass';
const USES = '/api/break-glass';
const tags = ['break-glass'];
/** Longest reason and note, in UTF-16 units: a paragraph for the auditor. */
const MAX_REASON = 2_000;

const HASH = z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal');
const CONFIRMATION = z.strictObject({ hash: HASH.describe('The `hash` of the proposal as it was shown') });
const WORD = z.strictObject({ reason: TEXT });
const USE = z.strictObject({
  intentHash: HASH.describe('The whole intent of the approval, as it was shown'),
  reason: z
    .string()
    .trim()
    .min(MIN_GLASS_REASON, `needs at least ${MIN_GLASS_REASON} characters: why nobody could be reached`)
    .max(MAX_REASON),
});
const LIST = z.strictObject({ ...PAGE, status: z.enum(['UNREVIEWED', 'REVIEWED']).optional() });
const REVIEW = z.strictObject({ note: TEXT });

/** Deciding alone: two people declare it, one uses it, another looks at it, and all of it stays. */
export function breakGlassRoutes(app: ApiServer, { glass, breakGlass }: Pick<Services, 'glass' | 'breakGlass'>): void {
  app.route({
    method: 'GET',
    url: GUARD,
    config: { operation: 'guard.read' },
    schema: {
      tags,
      summary: 'Who may decide alone, what waits for a second person',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await glass.getGlass(contextOf(request)), reply),
  });
  app.route({
    method: 'POST',
    url: GUARD,
    config: { operation: 'break-glass.declare' },
    schema: {
      tags,
      summary: 'Propose who may decide alone, about what at most, how often a day and until when',
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await glass.declare(contextOf(request), { definition: request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${GUARD}/confirm`,
    config: { operation: 'break-glass.declare' },
    schema: {
      tags,
      summary: 'Put in force what another person proposed',
      body: CONFIRMATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await glass.confirm(contextOf(request), request.body), reply),
  });
  app.route({
    method: 'POST',
    url: `${GUARD}/revoke`,
    config: { operation: 'break-glass.declare' },
    schema: {
      tags,
      summary: 'End what is in force and what is proposed; one person is enough',
      body: WORD,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await glass.revoke(contextOf(request), request.body), reply),
  });
  app.route({
    method: 'POST',
    url: '/api/incident-playbooks/approvals/:id/break-glass',
    config: { operation: 'break-glass.use' },
    schema: {
      tags,
      summary: 'Approve alone, as two people declared; the entry stays for ever and all operators are told',
      params: ID_PARAMS,
      body: USE,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await breakGlass.use(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'GET',
    url: USES,
    config: { operation: 'audit.read' },
    schema: {
      tags,
      summary: 'Every use there ever was, newest first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await breakGlass.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'POST',
    url: `${USES}/:id/review`,
    config: { operation: 'break-glass.review' },
    schema: {
      tags,
      summary: 'Say that another person has looked at a use; nothing takes the entry out',
      params: ID_PARAMS,
      body: REVIEW,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await breakGlass.review(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
