import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { cameFrom } from '../../api/came-from.ts';
import { ID } from '../../api/schemas.ts';
import { contextOf, type ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import { clearSessionCookie, type Reach } from '../../api/session-cookie.ts';
import { MAX_NAME_LENGTH } from '../../pipeline/access/access.ts';
import { MAX_PASSKEYS } from '../../pipeline/access/passkey.ts';
import { MAX_PASSWORD_LENGTH } from '../../pipeline/access/password.ts';
import { MAX_SESSIONS } from '../../pipeline/access/session.ts';
import { shownTime } from '../../pipeline/service.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { accountBody } from '../account-page.ts';
import { page } from '../layout.ts';
import { PASSKEY_SCRIPT, PASSKEY_SCRIPT_PATH } from '../passkey-script.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { requireFormToken } from './form-token.ts';

export interface AccountOptions {
  readonly services: Pick<Services, 'passkeys' | 'sessions' | 'passwords'>;
  readonly reach: Reach;
}

const formToken = z.string().max(100).optional();
const password = z.string().max(2 * MAX_PASSWORD_LENGTH);
const PASSWORDS = z.strictObject({
  formToken,
  oldPassword: password,
  newPassword: password,
  /** For managers of passwords; who it is says the session. */
  username: z.string().optional(),
});
const PASSKEY_CHANGE = z.strictObject({
  formToken,
  id: ID,
  name: z.string().max(MAX_NAME_LENGTH),
  change: z.enum(['rename', 'remove']),
});

/** What somebody has here that proves who they are: the verbs of the API, in words. Passkeys are made by the script alone. */
export function accountRoutes(scope: ApiServer, { services, reach }: AccountOptions): void {
  const hide = { hide: true };
  scope.route({
    method: 'GET',
    url: '/account',
    config: { operation: 'session.own' },
    schema: hide,
    handler: (request, reply) => show(request, reply, null),
  });
  scope.route({
    method: 'GET',
    url: PASSKEY_SCRIPT_PATH,
    config: { operation: 'public' },
    schema: hide,
    handler: (_request, reply) => reply.header('content-type', 'text/javascript; charset=utf-8').send(PASSKEY_SCRIPT),
  });
  scope.route({
    method: 'POST',
    url: '/account/password',
    config: { operation: 'session.own' },
    schema: { ...hide, body: PASSWORDS },
    handler: (request, reply) =>
      change(request, reply, request.body.formToken, async () => {
        const { oldPassword, newPassword } = request.body;
        await services.passwords.change(contextOf(request), { oldPassword, newPassword, from: cameFrom(request) });
      }),
  });
  scope.route({
    method: 'POST',
    url: '/account/sessions',
    config: { operation: 'session.own' },
    schema: { ...hide, body: z.strictObject({ formToken, id: ID }) },
    handler: (request, reply) =>
      change(request, reply, request.body.formToken, async () => {
        const { id } = await services.sessions.end(contextOf(request), { id: request.body.id });
        if (id === contextOf(request).principal.keyId) clearSessionCookie(request, reply, reach);
      }),
  });
  scope.route({
    method: 'POST',
    url: '/account/passkeys',
    config: { operation: 'passkey.own' },
    schema: { ...hide, body: PASSKEY_CHANGE },
    handler: (request, reply) =>
      change(request, reply, request.body.formToken, async () => {
        const { id, name } = request.body;
        if (request.body.change === 'remove') await services.passkeys.remove(contextOf(request), { id });
        else await services.passkeys.rename(contextOf(request), { id, name });
      }),
  });

  /** Does it and shows the page as it is then, or again with what was refused. */
  async function change(
    request: FastifyRequest,
    reply: FastifyReply,
    token: string | undefined,
    work: () => Promise<void>,
  ): Promise<FastifyReply> {
    requireFormToken(request, token);
    try {
      await work();
    } catch (thrown) {
      const isRefusal = thrown instanceof FirebreakError && thrown.status < 500;
      if (!isRefusal || !wantsPage(request)) throw thrown;
      const sentence = [thrown.message, ...thrown.faults.map(({ detail }) => detail)].join('. ');
      return show(request, reply.code(thrown.status), `${sentence}.`);
    }
    return reply.redirect('/account', 303);
  }

  async function show(request: FastifyRequest, reply: FastifyReply, refusal: string | null): Promise<FastifyReply> {
    const ctx = contextOf(request);
    const { principal } = ctx;
    const [passkeys, sessions] = await Promise.all([
      services.passkeys.list(ctx, { limit: MAX_PASSKEYS, skip: 0 }),
      services.sessions.list(ctx, { limit: MAX_SESSIONS, skip: 0 }),
    ]);
    const body = accountBody({
      name: principal.name,
      email: principal.linkedAccounts[0] ?? null,
      passkeys: passkeys.items.map((each) => ({ ...each, createdAt: shownTime(each.createdAt) ?? '' })),
      sessions: sessions.items.map(({ session, seenAt }) => ({
        ...session,
        seenAt: shownTime(seenAt) ?? '',
        current: session.id === principal.keyId,
      })),
      formToken: request.formToken,
      refusal,
    });
    const viewer = { name: principal.name, formToken: request.formToken };
    return sendPage(request, reply, reach, page('Your account', viewer, body), 'passkeys');
  }
}
