import { z } from 'zod';
import { MAX_NAME_LENGTH } from '../../pipeline/access/access.ts';
import type { Passkey } from '../../pipeline/access/passkey.ts';
import type { PasskeyService } from '../../pipeline/access/passkeys.service.ts';
import { REGISTRATION_RESPONSE } from '../../pipeline/access/webauthn.ts';
import { shownTime, type Resource } from '../../pipeline/service.ts';
import { created, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const PASSKEYS = '/api/passkeys';
const tags = ['passkeys'];
const name = z.string().max(MAX_NAME_LENGTH);
const NEW_PASSKEY = z.strictObject({ name, nonce: z.string().max(200), response: REGISTRATION_RESPONSE });
const THEIRS = z.strictObject({ id: ID, passkeyId: ID });

/** The own passkeys. They are changed by the session of a browser only. */
export function passkeyRoutes(app: ApiServer, passkeys: PasskeyService): void {
  app.route({
    method: 'GET',
    url: PASSKEYS,
    config: { operation: 'passkey.own' },
    schema: {
      tags,
      summary: 'List the own passkeys',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const { items, total } = await passkeys.list(contextOf(request), request.query);
      return many({ items: items.map(shownPasskey), total }, request.query);
    },
  });
  app.route({
    method: 'GET',
    url: `${PASSKEYS}/options`,
    config: { operation: 'passkey.own' },
    schema: {
      tags,
      summary: 'What a browser needs to make a passkey, soon after signing in; nothing is stored',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one({ data: { ...(await passkeys.options(contextOf(request))) } }, reply),
  });
  app.route({
    method: 'POST',
    url: PASSKEYS,
    config: { operation: 'passkey.own' },
    schema: { tags, summary: 'Register a passkey', body: NEW_PASSKEY, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => {
      const passkey = await passkeys.register(contextOf(request), request.body);
      return created({ data: shownPasskey(passkey) }, reply, PASSKEYS);
    },
  });
  app.route({
    method: 'PATCH',
    url: `${PASSKEYS}/:id`,
    config: { operation: 'passkey.own' },
    schema: {
      tags,
      summary: 'Rename one of the own passkeys',
      params: ID_PARAMS,
      body: z.strictObject({ name }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const input = { ...request.params, ...request.body };
      return one({ data: shownPasskey(await passkeys.rename(contextOf(request), input)) }, reply);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${PASSKEYS}/:id`,
    config: { operation: 'passkey.own' },
    schema: {
      tags,
      summary: 'Remove one of the own passkeys, for good',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one({ data: shownPasskey(await passkeys.remove(contextOf(request), request.params)) }, reply),
  });
  othersPasskeyRoutes(app, passkeys);
}

/** Those of other people, for whoever manages accounts. */
function othersPasskeyRoutes(app: ApiServer, passkeys: PasskeyService): void {
  app.route({
    method: 'GET',
    url: '/api/users/:id/passkeys',
    config: { operation: 'user.read' },
    schema: { tags, summary: 'List the passkeys of a person', params: ID_PARAMS, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => {
      const items = await passkeys.listOf(contextOf(request), { userId: request.params.id });
      return many({ items: items.map(shownPasskey), total: items.length }, { limit: items.length, skip: 0 });
    },
  });
  app.route({
    method: 'DELETE',
    url: '/api/users/:id/passkeys/:passkeyId',
    config: { operation: 'user.manage' },
    schema: {
      tags,
      summary: 'Remove a passkey of another person, for good',
      params: THEIRS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id: userId, passkeyId: id } = request.params;
      return one({ data: shownPasskey(await passkeys.revoke(contextOf(request), { userId, id })) }, reply);
    },
  });
}

function shownPasskey(passkey: Passkey): Resource {
  const times = { createdAt: shownTime(passkey.createdAt), removedAt: shownTime(passkey.removedAt) };
  return { ...passkey, ...times };
}
