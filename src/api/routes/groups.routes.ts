import { z } from 'zod';
import { MAX_NAME_LENGTH, MAX_ROLES_HELD } from '../../pipeline/access/access.ts';
import type { Group } from '../../pipeline/access/group.ts';
import type { GroupService } from '../../pipeline/access/groups.service.ts';
import { MAX_ROLE_NAME, ROLE_NAME } from '../../pipeline/access/role-names.ts';
import { shownTime, type Answer } from '../../pipeline/service.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { IF_MATCH } from '../definitions.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import { shownUser } from './access.routes.ts';

const BASE = '/api/groups';
const MEMBER = `${BASE}/:id/members/:userId`;
const tags = ['groups'];
const CHANGE = {
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  roles: z.array(z.string().max(MAX_ROLE_NAME).regex(ROLE_NAME, 'is no name of a role')).max(MAX_ROLES_HELD).optional(),
};
const NEW_GROUP = z.strictObject({ name: z.string().max(MAX_NAME_LENGTH), ...CHANGE });
const MEMBER_PARAMS = z.strictObject({ id: ID, userId: ID });

/** Groups of people: what a group gives counts as if each of its people had it themselves. */
export function groupRoutes(app: ApiServer, groups: GroupService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'user.read' },
    schema: {
      tags,
      summary: 'List groups, by name',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const all = await groups.list(contextOf(request));
      const { limit, skip } = request.query;
      const items = all.slice(skip, skip + limit).map((group) => shownGroup(group).data);
      return many({ items, total: all.length }, request.query);
    },
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'user.manage' },
    schema: { tags, summary: 'Make a group', body: NEW_GROUP, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) =>
      created(shownGroup(await groups.create(contextOf(request), request.body)), reply, BASE),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'user.read' },
    schema: {
      tags,
      summary: 'Get a group with the ids of its people',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { group, members } = await groups.get(contextOf(request), request.params.id);
      const { data, version } = shownGroup(group);
      return one({ data: { ...data, members }, ...(version === undefined ? {} : { version }) }, reply);
    },
  });
  app.route({
    method: 'PATCH',
    url: `${BASE}/:id`,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Change what a group is for or its roles, for all of its people at once',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject(CHANGE),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(shownGroup(await groups.change(contextOf(request), request.params.id, request.body, ifMatch)), reply);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Delete a group in which nobody is',
      params: ID_PARAMS,
      headers: IF_MATCH,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(shownGroup(await groups.remove(contextOf(request), request.params.id, ifMatch)), reply);
    },
  });
  app.route({
    method: 'PUT',
    url: MEMBER,
    config: { operation: 'user.manage' },
    schema: { tags, summary: 'Put a person in a group', params: MEMBER_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => {
      const { id, userId } = request.params;
      return one({ data: shownUser(await groups.addMember(contextOf(request), id, userId)) }, reply);
    },
  });
  app.route({
    method: 'DELETE',
    url: MEMBER,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Take a person out of a group',
      params: MEMBER_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id, userId } = request.params;
      return one({ data: shownUser(await groups.removeMember(contextOf(request), id, userId)) }, reply);
    },
  });
}

function shownGroup({ createdAt, updatedAt, rolesSetBy: _inside, ...group }: Group): Answer {
  const data = { ...group, createdAt: shownTime(createdAt), updatedAt: shownTime(updatedAt) };
  return { data, version: group.version };
}
