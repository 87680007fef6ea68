import { z } from 'zod';
import type { EventPlanService } from '../../pipeline/intake/event-plan/event-plan.service.ts';
import { created, one } from '../envelope.ts';
import { DEFINITION, ONE, PROBLEMS, SHA256, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BODY = z.strictObject({
  event: DEFINITION.describe('An alert as it would be posted to /api/events'),
  format: z
    .string()
    .regex(/^[a-z0-9_-]{1,40}$/, 'is a word in lower case')
    .optional(),
  /** Tells two plans of the same apart; a ticket, for example. */
  reference: TEXT.optional(),
  /** The plan that was looked at: exactly that is executed, or refused. */
  planSha256: SHA256.optional(),
});

/** What would be done about an alert, and having exactly that done. */
export function eventPlanRoutes(app: ApiServer, plans: EventPlanService): void {
  app.route({
    method: 'POST',
    url: '/api/event-plans',
    config: { operation: 'execution.trigger' },
    schema: {
      tags: ['executions'],
      summary: 'Plan what would be done about an alert; with planSha256 execute exactly that plan',
      body: BODY,
      response: { 200: ONE, 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { event, format = null, reference = null, planSha256 = null } = request.body;
      const answer = await plans.plan(contextOf(request), { event, format, reference, planSha256 });
      return planSha256 === null ? one(answer, reply) : created(answer, reply, '/api/incidents');
    },
  });
}
