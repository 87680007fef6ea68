import { z } from 'zod';
import { MAX_KEY_LIFETIME_MS, type AccessService } from '../../pipeline/access/access.service.ts';
import { DEFAULT_KEY_LIFETIME_MS } from '../../pipeline/access/own-keys.ts';
import {
  MAX_ACCOUNT_ID_LENGTH,
  MAX_EMAIL_LENGTH,
  MAX_LINKED_ACCOUNTS,
  MAX_NAME_LENGTH,
  MAX_ROLES_HELD,
} from '../../pipeline/access/access.ts';
import { OPERATION_NAMES } from '../../pipeline/access/operations.ts';
import { MAX_GROUPS_OF_ONE } from '../../pipeline/access/group.ts';
import { MAX_ROLE_NAME, ROLE_NAME } from '../../pipeline/access/role-names.ts';
import type { SetupService } from '../../pipeline/access/setup.service.ts';
import type { UserInForce } from '../../pipeline/access/user-in-force.ts';
import { created, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { shownKey } from '../shown-key.ts';
import { anonymousContextOf, contextOf, type ApiServer } from '../server.ts';
import type { Resource } from '../../pipeline/service.ts';

const DAY_MS = 24 * 3_600_000;
const USERS = '/api/users';
const KEYS = '/api/keys';

const name = z.string().max(MAX_NAME_LENGTH);
const email = z.string().max(MAX_EMAIL_LENGTH);
const linkedAccounts = z.array(z.string().max(MAX_ACCOUNT_ID_LENGTH)).max(MAX_LINKED_ACCOUNTS).optional();
const roles = z
  .array(z.string().max(MAX_ROLE_NAME).regex(ROLE_NAME, 'is no name of a role'))
  .max(MAX_ROLES_HELD)
  .optional();
const groups = z.array(ID).max(MAX_GROUPS_OF_ONE).optional();
const kind = z.enum(['person', 'service']);
const NEW_USER = z.strictObject({
  kind: kind.default('person'),
  name,
  email: email.nullable().optional(),
  roles,
  groups,
  linkedAccounts,
});
const USER_CHANGE = z.strictObject({
  name: name.optional(),
  email: email.nullable().optional(),
  roles,
  groups,
  disabled: z.boolean().optional(),
  linkedAccounts,
});
const NEW_KEY = z.strictObject({
  userId: ID.optional(),
  name,
  scopes: z.array(z.enum(OPERATION_NAMES)).min(1).max(OPERATION_NAMES.length).optional(),
  source: z.string().min(1).max(200).optional(),
  expiresInDays: z
    .int()
    .min(1)
    .max(MAX_KEY_LIFETIME_MS / DAY_MS)
    .default(DEFAULT_KEY_LIFETIME_MS / DAY_MS),
});
const SETUP = z.strictObject({
  token: z.string().max(200),
  user: z.strictObject({ name, email, linkedAccounts }),
});

/** People and service accounts. */
export function userRoutes(app: ApiServer, access: AccessService): void {
  const tags = ['users'];
  app.route({
    method: 'GET',
    url: USERS,
    config: { operation: 'user.read' },
    schema: {
      tags,
      summary: 'List people and service accounts',
      querystring: z.strictObject({ ...PAGE, kind: kind.optional() }),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const { items, total } = await access.listUsers(contextOf(request), request.query);
      return many({ items: items.map(shownUser), total }, request.query);
    },
  });
  app.route({
    method: 'POST',
    url: USERS,
    config: { operation: 'user.manage' },
    schema: { tags, summary: 'Create an account', body: NEW_USER, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => {
      const user = await access.createUser(contextOf(request), request.body);
      return created({ data: shownUser(user) }, reply, USERS);
    },
  });
  app.route({
    method: 'GET',
    url: `${USERS}/:id`,
    config: { operation: 'user.read' },
    schema: { tags, summary: 'Get an account', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) =>
      one({ data: shownUser(await access.getUser(contextOf(request), request.params.id)) }, reply),
  });
  app.route({
    method: 'PATCH',
    url: `${USERS}/:id`,
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Change the given members of an account; nobody changes own roles or groups',
      params: ID_PARAMS,
      body: USER_CHANGE,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const user = await access.changeUser(contextOf(request), request.params.id, request.body);
      return one({ data: shownUser(user) }, reply);
    },
  });
}

/** API keys: the own ones for every person, those of others for who manages them. */
export function keyRoutes(app: ApiServer, access: AccessService): void {
  const tags = ['keys'];
  app.route({
    method: 'GET',
    url: KEYS,
    config: { operation: 'key.own' },
    schema: {
      tags,
      summary: 'List API keys: the own ones, or with key.manage all',
      querystring: z.strictObject({ ...PAGE, userId: ID.optional() }),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const { items, total } = await access.listKeys(contextOf(request), request.query);
      return many({ items: items.map(shownKey), total }, request.query);
    },
  });
  app.route({
    method: 'POST',
    url: KEYS,
    config: { operation: 'key.own', idempotency: 'once' },
    schema: {
      tags,
      summary: 'Create an API key; its secret is in this reply only',
      body: NEW_KEY,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { userId = null, scopes = null, source = null, expiresInDays, ...rest } = request.body;
      const input = { ...rest, userId, scopes, source, lifetimeMs: expiresInDays * DAY_MS };
      const { key, secret } = await access.createKey(contextOf(request), input);
      return created({ data: { ...shownKey(key), secret } }, reply, KEYS);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${KEYS}/:id`,
    config: { operation: 'key.own' },
    schema: { tags, summary: 'Revoke an API key', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) =>
      one({ data: shownKey(await access.revokeKey(contextOf(request), request.params.id)) }, reply),
  });
}

/** The one way in without a credential: the token that the first start printed. */
export function setupRoutes(app: ApiServer, setup: SetupService): void {
  app.route({
    method: 'POST',
    url: '/api/setup',
    // Ten tries in a quarter of an hour: enough for a person's typing errors, useless for guessing.
    config: { operation: 'public', rateLimit: { max: 10, timeWindow: 15 * 60_000, groupId: ':setup' } },
    schema: {
      tags: ['setup'],
      summary: 'Create the first SECURITY_ADMIN with the one-time token',
      body: SETUP,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { token, user } = request.body;
      const made = await setup.redeem(anonymousContextOf(request), { token, ...user });
      const key = { ...shownKey(made.key), secret: made.secret };
      return created(
        {
          data: {
            id: made.user.id,
            user: { ...made.user, createdAt: new Date(made.user.createdAt).toISOString() },
            key,
          },
        },
        reply,
        USERS,
      );
    },
  });
}

/** `roles` are those that a change sets; `effectiveRoles`, with those of the groups, are what counts. */
export function shownUser({ ownRoles, roles, groups, grants, ...user }: UserInForce): Resource {
  const rights = {
    roles: ownRoles,
    groups: groups.map(({ id }) => id),
    effectiveRoles: roles,
    customOperations: grants,
  };
  return { ...user, ...rights, createdAt: new Date(user.createdAt).toISOString() };
}
