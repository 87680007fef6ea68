import { z } from 'zod';
import { MAX_ROLES_HELD } from '../../pipeline/access/access.ts';
import { MAX_PLAYBOOKS } from '../../pipeline/access/delegation.ts';
import type { DelegationService } from '../../pipeline/access/delegations.service.ts';
import { MAX_ROLE_NAME, ROLE_NAME } from '../../pipeline/access/role-names.ts';
import { created, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BASE = '/api/delegations';
const tags = ['delegations'];
const TIME = z.iso
  .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
  .transform((time) => Date.parse(time));
const LIST = z.strictObject({ ...PAGE, delegatorId: ID.optional(), delegateId: ID.optional() });
const NEW = z.strictObject({
  delegateId: ID.describe('Who may vote in your place'),
  roles: z
    .array(z.string().max(MAX_ROLE_NAME).regex(ROLE_NAME, 'is no name of a role'))
    .min(1)
    .max(MAX_ROLES_HELD)
    .optional()
    .describe('Only as one of these; absent: as all'),
  playbookIds: z.array(ID).min(1).max(MAX_PLAYBOOKS).optional().describe('Only on requests of these; absent: on all'),
  reason: TEXT,
  from: TIME.optional().describe('Absent: now'),
  until: TIME,
});
const REVOCATION = z.strictObject({ reason: TEXT.optional() }).default({});

/** Who may vote in whose place. Each lends their own seat only; either of the two, or who manages users, ends it. */
export function delegationRoutes(app: ApiServer, delegations: DelegationService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'delegation.read' },
    schema: {
      tags,
      summary: 'List delegations, the latest end first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await delegations.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'delegation.read' },
    schema: { tags, summary: 'Get a delegation', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await delegations.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'delegation.own' },
    schema: {
      tags,
      summary: 'Let another person vote in your place until a certain time',
      body: NEW,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => created(await delegations.create(contextOf(request), request.body), reply, BASE),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'delegation.own' },
    schema: {
      tags,
      summary: 'End a delegation at once; votes that were given stand',
      params: ID_PARAMS,
      body: REVOCATION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { reason = null } = request.body;
      return one(await delegations.revoke(contextOf(request), { ...request.params, reason }), reply);
    },
  });
}
