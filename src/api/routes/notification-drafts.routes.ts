import { z } from 'zod';
import { DRAFT_STATUSES } from '../../pipeline/deadlines/drafts/draft.ts';
import { REGIME } from '../../pipeline/deadlines/contacts/contact.ts';
import { CHANNELS } from '../../pipeline/vocabulary.ts';
import { IF_MATCH } from '../definitions.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const BASE = '/api/notification-drafts';
const tags = ['notification drafts'];
const LIST = z.strictObject({ ...PAGE, status: z.enum(DRAFT_STATUSES).optional(), incidentId: ID.optional() });
const HASH = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal')
  .describe('The `hash` of the text as it was shown');
const NEW = z.strictObject({
  incidentId: ID,
  regime: REGIME,
  stage: ID.nullable().default(null).describe('Of the rule; null: the first one'),
  deadlineId: ID.nullable().default(null).describe('The clock that its submission meets'),
});
const PROOF = z.strictObject({
  hash: HASH,
  reference: z.string().trim().min(1).max(200).describe('As the authority calls it'),
  evidenceId: ID.nullable().default(null).describe('The receipt, kept as evidence'),
  submittedAt: z.iso
    .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
    .transform((time) => Date.parse(time)),
  person: z.string().trim().min(1).max(200).nullable().default(null).describe('Who handed it in; null: you'),
  note: TEXT.nullable().default(null),
});
const TELL = z.strictObject({
  channels: z
    .array(
      z
        .string()
        .max(40)
        .transform((name) => name.toUpperCase())
        .pipe(z.enum(CHANNELS)),
    )
    .max(CHANNELS.length)
    .default([]),
});

/** Drafts of notifications to authorities. The server sends none of them: people hand them in and record the proof. */
export function notificationDraftRoutes(
  app: ApiServer,
  { drafts, contactTelling }: Pick<Services, 'drafts' | 'contactTelling'>,
): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'draft.read' },
    schema: { tags, summary: 'List drafts, the newest first', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await drafts.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'draft.read' },
    schema: {
      tags,
      summary: 'Get a draft as sections, plain text and Markdown, with what is missing in it',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await drafts.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: 'Make a draft from what is known of an incident',
      body: NEW,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => created(await drafts.create(contextOf(request), request.body), reply, BASE),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: 'Replace the title and the sections of a draft; If-Match is required, and an approval ends',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      const change = { ...request.params, definition: request.body, ifMatch };
      return one(await drafts.edit(contextOf(request), change), reply);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/approve`,
    config: { operation: 'draft.approve' },
    schema: {
      tags,
      summary: 'Approve exactly this text; never by one who wrote on it',
      params: ID_PARAMS,
      body: z.strictObject({ hash: HASH }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await drafts.approve(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/submissions`,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: 'Record the proof that a person handed in the approved text; it meets the deadline',
      params: ID_PARAMS,
      body: PROOF,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await drafts.submitted(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/tell`,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: "Tell the organisation's own contacts of a draft, by encrypted mail and by a page",
      params: ID_PARAMS,
      body: TELL,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await contactTelling.tell(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/withdraw`,
    config: { operation: 'draft.write' },
    schema: {
      tags,
      summary: 'Give a draft up; what was recorded of it stays',
      params: ID_PARAMS,
      body: z.strictObject({ reason: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await drafts.withdraw(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
