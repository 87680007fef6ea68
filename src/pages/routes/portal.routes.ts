import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { FailureLimit } from '../../api/failure-limit.ts';
import { ID_PARAMS } from '../../api/schemas.ts';
import { anonymousContextOf, contextOf, type ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import type { Reach } from '../../api/session-cookie.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { FORM_TOKEN, type Viewer } from '../layout.ts';
import { closedMessagePage, openedMessagePage, ownMessagePage } from '../portal-page.ts';
import { sendPage, wantsPage } from './answer-in-words.ts';
import { requireFormToken } from './form-token.ts';

export interface PortalRouteOptions {
  readonly services: Pick<Services, 'portal'>;
  /** Links and codes that prove nothing are counted for each address, as failed credentials are. */
  readonly failures: FailureLimit;
  readonly reach: Reach;
}

const TOKEN = z.strictObject({ token: z.string().max(200) });
/** Longest name of a browser that is kept, in UTF-16 units: as that of a session. */
const MAX_USER_AGENT = 200;

/**
 * Messages that wait for regulatory contacts. The link only says which message: it is opened by a one-time code, or by the
 * contact's own account. Looking changes nothing; opening is a form, and is recorded.
 */
export function portalRoutes(scope: ApiServer, { services: { portal }, failures, reach }: PortalRouteOptions): void {
  scope.route({
    method: 'GET',
    url: '/portal/:token',
    config: { operation: 'public' },
    schema: { hide: true, params: TOKEN },
    handler: async (request, reply) => {
      await failures.refuse(request, reply);
      return closed(request, reply, null);
    },
  });
  scope.route({
    method: 'POST',
    url: '/portal/:token',
    config: { operation: 'public' },
    schema: { hide: true, params: TOKEN, body: z.strictObject({ code: z.string().max(40) }) },
    handler: async (request, reply) => {
      await failures.refuse(request, reply);
      const { token } = request.params;
      try {
        const from = originOf(request);
        const opened = await counted(request, () =>
          portal.readByCode(anonymousContextOf(request), { token, code: request.body.code, from }),
        );
        return send(request, reply, openedMessagePage(shownOf(opened), null));
      } catch (thrown) {
        if (!(thrown instanceof FirebreakError) || thrown.code !== 'forbidden' || !wantsPage(request)) throw thrown;
        return closed(request, reply.code(thrown.status), thrown.message);
      }
    },
  });
  scope.route({
    method: 'GET',
    url: '/messages/:id',
    config: { operation: 'session.own' },
    schema: { hide: true, params: ID_PARAMS },
    handler: async (request, reply) => {
      const { id } = request.params;
      await portal.requireOwn(contextOf(request), id);
      const viewer = viewerOf(request);
      const fields: Readonly<Record<string, string>> =
        viewer.formToken === null ? {} : { [FORM_TOKEN]: viewer.formToken };
      return send(request, reply, ownMessagePage(id, viewer, fields));
    },
  });
  scope.route({
    method: 'POST',
    url: '/messages/:id',
    // Each reading is one of its own, and what was read is kept nowhere else.
    config: { operation: 'session.own', idempotency: 'service' },
    schema: { hide: true, params: ID_PARAMS, body: z.strictObject({ [FORM_TOKEN]: z.string().max(200).optional() }) },
    handler: async (request, reply) => {
      requireFormToken(request, request.body[FORM_TOKEN]);
      const from = originOf(request);
      const opened = await portal.readBySession(contextOf(request), { id: request.params.id, from });
      return send(request, reply, openedMessagePage(shownOf(opened), viewerOf(request)));
    },
  });

  async function closed(request: FastifyRequest, reply: FastifyReply, refusal: string | null): Promise<FastifyReply> {
    const { token } = TOKEN.parse(request.params);
    const { id, expiresAt } = await counted(request, () => portal.byLink(anonymousContextOf(request), token));
    const action = `/portal/${encodeURIComponent(token)}`;
    const shown = { id, expiresAt: new Date(expiresAt).toISOString(), action, refusal };
    return send(request, reply, closedMessagePage(shown));
  }

  /** What proves nothing is counted for its address. */
  async function counted<Result>(request: FastifyRequest, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      const isGuess = thrown instanceof FirebreakError && ['unauthenticated', 'forbidden'].includes(thrown.code);
      if (isGuess) await failures.count(request);
      throw thrown;
    }
  }

  /** The address is worth something: nobody else is told where its reader came from, and nothing keeps the page. */
  function send(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
    void reply.header('cache-control', 'no-store');
    return sendPage(request, reply, reach, text).header('referrer-policy', 'no-referrer');
  }
}

type Opened = Awaited<ReturnType<Services['portal']['readByCode']>>;

function shownOf({ portal: { message }, reading }: Opened) {
  const { title, lines, text, hash } = message;
  return { title, lines, text, hash, readAt: new Date(reading.at).toISOString() };
}

function viewerOf(request: FastifyRequest): Viewer {
  return { name: contextOf(request).principal.name, formToken: request.formToken };
}

function originOf({ ip, headers }: FastifyRequest) {
  const agent = headers['user-agent'];
  return { ip, userAgent: agent === undefined ? null : agent.slice(0, MAX_USER_AGENT).toWellFormed() };
}
