import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { cameFrom } from '../../api/came-from.ts';
import type { FailureLimit } from '../../api/failure-limit.ts';
import { anonymousContextOf, type ApiServer } from '../../api/server.ts';
import type { IdempotencyStore, Services, SingleSignOn } from '../../api/services.ts';
import { isOverTls, sessionSecretOf, setSessionCookie, type Reach } from '../../api/session-cookie.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import { FLOW_LIFETIME_MS, openedFlow, sealedFlow } from '../flow.ts';
import { GO_ON } from './sign-in.routes.ts';

export interface SingleSignOnRouteOptions {
  readonly services: Pick<Services, 'singleSignOn' | 'idempotency'>;
  readonly failures: FailureLimit;
  readonly reach: Reach;
}

/** The way to an identity provider and back. */
export function singleSignOnRoutes(scope: ApiServer, { services, failures, reach }: SingleSignOnRouteOptions): void {
  scope.route({
    method: 'GET',
    url: '/sign-in/oidc',
    config: { operation: 'public' },
    schema: { hide: true, querystring: z.strictObject({ to: GO_ON }) },
    handler: async (request, reply) => {
      const { provider, flowKey } = configured(services.singleSignOn);
      const { url, checks } = await provider.begin();
      const flow = { ...checks, to: request.query.to, startedAt: anonymousContextOf(request).now };
      setFlowCookie(request, reply, reach, sealedFlow(flow, flowKey));
      return reply.redirect(url, 303);
    },
  });
  scope.route({
    method: 'GET',
    url: '/sign-in/oidc/callback',
    config: { operation: 'public' },
    // What stands in it is the provider's to say, and is checked below.
    schema: { hide: true },
    handler: async (request, reply) => {
      const { provider, service, flowKey } = configured(services.singleSignOn);
      await failures.refuse(request, reply);
      const ctx = anonymousContextOf(request);
      const flow = openedFlow(request.cookies[flowCookie(request, reach)], flowKey, ctx.now);
      setFlowCookie(request, reply, reach, null);
      const query = request.url.slice('/sign-in/oidc/callback'.length);
      try {
        if (flow === null || new URLSearchParams(query).get('state') !== flow.state) throw notOurs();
        await useOnce(services.idempotency, flow.state, ctx.now);
        const claims = await provider.finish(query, flow);
        const input = { claims, from: cameFrom(request), previous: sessionSecretOf(request, reach) };
        const { secret } = await service.signIn(ctx, input);
        setSessionCookie(request, reply, reach, secret);
        return reply.redirect(flow.to, 303);
      } catch (thrown) {
        if (thrown instanceof FirebreakError && thrown.code === 'forbidden') await failures.count(request);
        throw thrown;
      }
    },
  });
}

function configured(singleSignOn: SingleSignOn | null): SingleSignOn {
  if (singleSignOn !== null) return singleSignOn;
  throw new FirebreakError('not_found', 'There is no identity provider here: OIDC_ISSUER is not set');
}

function notOurs(): FirebreakError {
  return new FirebreakError('forbidden', 'This sign-in was not begun in this browser, or too long ago: begin again');
}

/** Burns the state, for every process that shares the journal, before anything is asked with it. */
async function useOnce(store: IdempotencyStore, state: string, now: number): Promise<void> {
  const [id, fingerprint] = [contentHash(['oidc-state', state]), contentHash(['once'])];
  const begun = await store.begin({ id, fingerprint, now });
  if (begun.outcome !== 'started') throw notOurs();
  const reply = { status: 303, body: null, location: null };
  await store.finish({ id, fingerprint, now, token: begun.token, reply });
}

function flowCookie(request: FastifyRequest, reach: Reach): string {
  return isOverTls(request, reach) ? '__Host-firebreak-flow' : 'firebreak-flow';
}

function setFlowCookie(request: FastifyRequest, reply: FastifyReply, reach: Reach, value: string | null): void {
  const secure = isOverTls(request, reach);
  const maxAge = value === null ? 0 : FLOW_LIFETIME_MS / 1_000;
  const options = { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge } as const;
  void reply.setCookie(flowCookie(request, reach), value ?? '', options);
}
