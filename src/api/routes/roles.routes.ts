import { z } from 'zod';
import type { CustomRoleService, ShownRole } from '../../pipeline/access/custom-roles.service.ts';
import { OPERATION_NAMES } from '../../pipeline/access/operations.ts';
import { shownTime, type Answer } from '../../pipeline/service.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { IF_MATCH } from '../definitions.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BASE = '/api/roles';
const tags = ['roles'];
const CHANGE = {
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  operations: z.array(z.enum(OPERATION_NAMES)).max(OPERATION_NAMES.length).optional(),
};
const NEW_ROLE = z.strictObject({ name: z.string().max(200), ...CHANGE });

/** Roles of the organisation, beside the built-in ones, which stay as they are. */
export function roleRoutes(app: ApiServer, roles: CustomRoleService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'user.read' },
    schema: {
      tags,
      summary: 'List all roles with what they allow, the built-in ones first',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const all = await roles.list(contextOf(request));
      const { limit, skip } = request.query;
      const items = all.slice(skip, skip + limit).map((role) => shownRole(role).data);
      return many({ items, total: all.length }, request.query);
    },
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Make a role; without operations it is for gates only',
      body: NEW_ROLE,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      created(shownRole(await roles.create(contextOf(request), request.body)), reply, BASE),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'user.read' },
    schema: { tags, summary: 'Get a role by its name', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(shownRole(await roles.get(contextOf(request), request.params.id)), reply),
  });
  app.route({
    method: 'PATCH',
    url: `${BASE}/:id`,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Change what a role allows, for all who have it at once',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject(CHANGE),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(shownRole(await roles.change(contextOf(request), request.params.id, request.body, ifMatch)), reply);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Delete a role that nobody has and no policy names',
      params: ID_PARAMS,
      headers: IF_MATCH,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(shownRole(await roles.remove(contextOf(request), request.params.id, ifMatch)), reply);
    },
  });
}

function shownRole({ name, builtIn, description, operations, stored }: ShownRole): Answer {
  const data = { id: name, name, builtIn, description, operations: [...operations] };
  if (stored === null) return { data };
  const { version, createdAt, updatedAt, savedBy } = stored;
  const times = { createdAt: shownTime(createdAt), updatedAt: shownTime(updatedAt) };
  return { data: { ...data, version, ...times, savedBy }, version };
}
