import { z } from 'zod';
import { MAX_NAME_LENGTH } from '../../pipeline/access/access.ts';
import { MAX_PASSWORD_LENGTH } from '../../pipeline/access/password.ts';
import type { PasswordService } from '../../pipeline/access/passwords.service.ts';
import type { Session } from '../../pipeline/access/session.ts';
import type { SessionService } from '../../pipeline/access/sessions.service.ts';
import { shownTime, type Resource } from '../../pipeline/service.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { cameFrom } from '../came-from.ts';
import { created, many, one } from '../envelope.ts';
import type { FailureLimit } from '../failure-limit.ts';
import { ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { shownKey } from '../shown-key.ts';
import { anonymousContextOf, contextOf, type ApiServer } from '../server.ts';

const SESSIONS = '/api/sessions';
const keyName = z.string().max(MAX_NAME_LENGTH);
/** Longest text that is taken for a password: the service says what is too long. Twice, for what normalising shortens. */
const password = z.string().max(2 * MAX_PASSWORD_LENGTH);

/** The own sessions of browsers. */
export function sessionRoutes(app: ApiServer, sessions: SessionService): void {
  const tags = ['sessions'];
  app.route({
    method: 'GET',
    url: SESSIONS,
    config: { operation: 'session.own' },
    schema: {
      tags,
      summary: 'List the own sessions that are in force',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => {
      const ctx = contextOf(request);
      const { items, total } = await sessions.list(ctx, request.query);
      const shown = items.map(({ session, seenAt }) => ({
        ...shownSession(session),
        seenAt: shownTime(seenAt),
        current: session.id === ctx.principal.keyId,
      }));
      return many({ items: shown, total }, request.query);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${SESSIONS}/:id`,
    config: { operation: 'session.own' },
    schema: { tags, summary: 'End one of the own sessions', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) =>
      one({ data: shownSession(await sessions.end(contextOf(request), request.params)) }, reply),
  });
}

/** Passwords: set by the people themselves with an invitation, so that no administrator knows one. */
export function passwordRoutes(app: ApiServer, passwords: PasswordService, failures: FailureLimit): void {
  const tags = ['passwords'];
  app.route({
    method: 'POST',
    url: '/api/users/:id/invitations',
    config: { operation: 'user.manage', idempotency: 'once' },
    schema: {
      tags,
      summary: 'Invite a person to set a password; the secret is in this reply only',
      params: ID_PARAMS,
      response: { 201: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const { invitation, secret } = await passwords.invite(contextOf(request), { id });
      const { issuedBy, issuedAt, expiresAt } = invitation;
      const times = { issuedAt: shownTime(issuedAt), expiresAt: shownTime(expiresAt) };
      return created({ data: { userId: id, issuedBy, ...times, secret } }, reply, '/api/users');
    },
  });
  app.route({
    method: 'POST',
    url: '/api/invitations/accept',
    config: { operation: 'public' },
    schema: {
      tags,
      summary: 'Set a password with an invitation; with keyName also get the first own API key, in this reply only',
      body: z.strictObject({ invitation: z.string().max(200), password, keyName: keyName.optional() }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await failures.refuse(request, reply);
      try {
        const { user, key } = await passwords.accept(anonymousContextOf(request), request.body);
        const { id, name } = user;
        return one(
          { data: { id, name, key: key === null ? null : { ...shownKey(key.key), secret: key.secret } } },
          reply,
        );
      } catch (thrown) {
        if (thrown instanceof FirebreakError && thrown.code === 'unauthenticated') await failures.count(request);
        throw thrown;
      }
    },
  });
  app.route({
    method: 'POST',
    url: '/api/password',
    config: { operation: 'session.own', idempotency: 'once' },
    schema: {
      tags,
      summary: 'Change the own password; all other sessions end',
      body: z.strictObject({ oldPassword: password, newPassword: password }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ctx = contextOf(request);
      await passwords.change(ctx, { ...request.body, from: cameFrom(request) });
      return one({ data: { id: ctx.principal.userId } }, reply);
    },
  });
}

/** Without the hash, as keys are shown. */
function shownSession({ hash: _hash, ...session }: Session): Resource {
  const { createdAt, expiresAt, endedAt } = session;
  const times = { createdAt: shownTime(createdAt), expiresAt: shownTime(expiresAt), endedAt: shownTime(endedAt) };
  return { ...session, ...times };
}
