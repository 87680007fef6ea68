import { z } from 'zod';
import { CLOCK_STATUSES } from '../../pipeline/deadlines/clock.ts';
import { START_KINDS } from '../../pipeline/deadlines/rule.ts';
import { created, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const BASE = '/api/deadlines';
const tags = ['deadlines'];
/** Pieces of evidence that one event names. */
const MAX_EVIDENCE = 20;
/** Longest name of a person, a reference or a piece of evidence, in UTF-16 units. */
const MAX_NAME = 300;

const NAME = z.string().trim().min(1).max(MAX_NAME);
const TIME = z.iso
  .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
  .transform((time) => Date.parse(time));
const EVENT = z.strictObject({
  kind: z.enum(START_KINDS),
  at: TIME.describe('When it was'),
  reason: TEXT.describe('Why it counts as that'),
  evidence: z.array(NAME).max(MAX_EVIDENCE).default([]),
});
const START = z.strictObject({
  ruleId: ID,
  incidentId: ID.nullable().default(null),
  event: EVENT.nullable().default(null).describe('Absent: the clock waits for it'),
});
const GRANT = {
  reason: TEXT,
  approver: NAME.describe('Who agreed to it'),
  reference: NAME.nullable().default(null),
};
const EXTENSION = z.strictObject({ stage: ID, until: TIME, ...GRANT });
const SUBMISSION = z.strictObject({
  stage: ID,
  at: TIME.describe('When it was handed in'),
  reference: NAME.describe('As the authority calls it'),
  person: NAME.describe('Who handed it in'),
  evidenceId: ID.nullable().default(null).describe('The receipt in custody'),
  note: TEXT.nullable().default(null),
});
const REFUSAL = z.strictObject({ reason: TEXT, person: NAME.describe('Who says so') });
const LIST = z.strictObject({
  ...PAGE,
  incidentId: ID.optional(),
  regime: ID.optional(),
  status: z.enum(CLOCK_STATUSES).optional(),
  dueBefore: TIME.optional(),
});

/** Regulatory clocks: started, moved and ended by what people record. Nothing is ever sent to an authority. */
export function deadlineRoutes(app: ApiServer, deadlines: Services['deadlines']): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'deadline.read' },
    schema: {
      tags,
      summary: 'List regulatory clocks, the soonest due first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await deadlines.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'deadline.read' },
    schema: {
      tags,
      summary: 'Get a clock with how each stage was counted, and its history',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await deadlines.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'deadline.write' },
    schema: { tags, summary: 'Start a clock by a rule', body: START, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => created(await deadlines.start(contextOf(request), request.body), reply, BASE),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/events`,
    config: { operation: 'deadline.write' },
    schema: {
      tags,
      summary: 'Record a start event, or correct one; all stages are counted anew and the old dates kept',
      params: ID_PARAMS,
      body: EVENT,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await deadlines.recordEvent(contextOf(request), { ...request.params, event: request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/extend`,
    config: { operation: 'deadline.write' },
    schema: {
      tags,
      summary: 'Record that a stage was extended',
      params: ID_PARAMS,
      body: EXTENSION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await deadlines.extend(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  for (const verb of ['pause', 'resume'] as const)
    app.route({
      method: 'POST',
      url: `${BASE}/:id/${verb}`,
      config: { operation: 'deadline.write' },
      schema: {
        tags,
        summary: verb === 'pause' ? 'Let a clock stand still' : 'Let a paused clock go on',
        params: ID_PARAMS,
        body: z.strictObject(GRANT),
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) =>
        one(await deadlines[verb](contextOf(request), { ...request.params, ...request.body }), reply),
    });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/submit`,
    config: { operation: 'deadline.write' },
    schema: {
      tags,
      summary: 'Record what was handed in, with its reference and receipt; nothing is sent',
      params: ID_PARAMS,
      body: SUBMISSION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await deadlines.submit(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/not-applicable`,
    config: { operation: 'deadline.write' },
    schema: {
      tags,
      summary: 'Say that the rule does not apply, why, and who says so',
      params: ID_PARAMS,
      body: REFUSAL,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await deadlines.notApplicable(contextOf(request), { ...request.params, ...request.body }), reply),
  });
}
