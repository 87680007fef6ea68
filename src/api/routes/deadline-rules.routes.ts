import { z } from 'zod';
import { SWITCHES } from '../../pipeline/deadlines/deadline-rules.service.ts';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { DeadlineRuleVerbs } from '../services.ts';

const RULES = '/api/deadline-rules';
const SETTINGS = '/api/deadline-settings';
const APPLICABILITY = '/api/deadline-applicability/:id';
const tags = ['deadlines'];
const CONFIRMATION = z.strictObject({
  what: z.enum(SWITCHES).default('rule').describe('The rule itself, or one of its reliefs'),
  enabled: z.boolean().default(true),
  reason: TEXT,
  reference: TEXT.describe('Where it was looked up'),
});

/** By which rules clocks count here, and which of them apply to an incident. */
export function deadlineRuleRoutes(app: ApiServer, rules: DeadlineRuleVerbs): void {
  app.route({
    method: 'GET',
    url: RULES,
    config: { operation: 'deadline.read' },
    schema: {
      tags,
      summary: 'List the rules of regulatory clocks with source, sureness and whether they are on',
      querystring: z.strictObject({ ...PAGE, regime: ID.optional() }),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await rules.listRules(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${RULES}/:id`,
    config: { operation: 'deadline.read' },
    schema: { tags, summary: 'Get a rule', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await rules.getRule(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: `${RULES}/:id/confirm`,
    config: { operation: 'deadline.configure' },
    schema: {
      tags,
      summary: 'Switch a rule or one of its reliefs on or off, having looked it up',
      params: ID_PARAMS,
      body: CONFIRMATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await rules.confirmRule(contextOf(request), { ...request.params, ...request.body }), reply),
  });
  app.route({
    method: 'GET',
    url: SETTINGS,
    config: { operation: 'deadline.read' },
    schema: {
      tags,
      summary: 'What the organisation says of itself and of its clocks',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await rules.getSettings(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: SETTINGS,
    config: { operation: 'deadline.configure' },
    schema: {
      tags,
      summary: 'Replace it as a whole: answers, calendars, time zones, own aims, reminders',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const change = { definition: request.body, ifMatch: ifMatchOf(request.headers['if-match']) };
      return one(await rules.setSettings(contextOf(request), change), reply);
    },
  });
  app.route({
    method: 'GET',
    url: APPLICABILITY,
    config: { operation: 'deadline.read' },
    schema: {
      tags,
      summary: 'Which rules apply to an incident, with the reason of each',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await rules.getApplicability(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: APPLICABILITY,
    config: { operation: 'deadline.write' },
    schema: {
      tags,
      summary: 'Answer questions about an incident: yes, no or unknown; what is not named stays',
      params: ID_PARAMS,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await rules.answer(contextOf(request), { ...request.params, answers: request.body }), reply),
  });
}
