import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { FirebreakError } from '../platform/errors.ts';
import type { ApiServer } from './server.ts';

/** Headers of a reply that belong to its connection, or that the server gives itself. */
const OWN_HEADERS = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

/**
 * Serves the API's description (OpenAPI 3.1) at `/docs/json` and `/docs/yaml`, made from the schemas that also
 * check requests, and pages to read it at `/docs`. All of it is loaded and made when somebody first asks for it: it
 * would be a good part of a start.
 */
export function describeApi(app: ApiServer, version: string): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide !== true) routes.push({ ...route });
  });
  let made: Promise<FastifyInstance> | null = null;
  async function make(): Promise<FastifyInstance> {
    const { describingServer } = await import('./description.ts');
    return describingServer(version, routes);
  }
  async function handOver(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    // A failure is not kept: the next one tries again.
    made ??= make().catch((thrown: unknown) => {
      made = null;
      throw thrown;
    });
    const server = await made;
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    const answer = await server.inject({ method, url: request.url, headers: request.headers });
    if (answer.statusCode === 404) throw new FirebreakError('not_found', 'There is no such address');
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined && !OWN_HEADERS.has(name)) void reply.header(name, value);
    return reply.code(answer.statusCode).send(answer.rawPayload);
  }
  app.addHook('onClose', async () => {
    await made?.then((server) => server.close()).catch(() => undefined);
  });
  for (const url of ['/docs', '/docs/*']) app.get(url, { schema: { hide: true } }, handOver);
}
