import { FirebreakError } from '../platform/errors.ts';
import type { ApiServer, RouteOperation } from './server.ts';

/** One method of one address, as the server itself knows it. */
export interface DeclaredRoute {
  readonly method: string;
  readonly url: string;
  readonly operation: RouteOperation;
}

const DOCUMENTATION = '/docs';

/**
 * Notes every route that is added from now on. A route without an operation stops the start: access is decided
 * nowhere else, so forgetting it must not be possible.
 */
export function collectRoutes(app: ApiServer): readonly DeclaredRoute[] {
  const routes: DeclaredRoute[] = [];
  app.addHook('onRoute', (route) => {
    const documentation = route.url === DOCUMENTATION || route.url.startsWith(`${DOCUMENTATION}/`);
    if (documentation) route.config = { ...route.config, operation: 'public' };
    const operation = route.config?.operation;
    if (operation === undefined) throw new Error(`${String(route.method)} ${route.url} declares no operation`);
    if (route.config?.allow !== undefined || documentation) return;
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, operation });
  });
  return routes;
}

/**
 * Answers 405 with `Allow` for every method that a known address lacks. Because these are routes of their own,
 * `PUT /executions` is refused instead of being taken for the playbook `executions`.
 */
export function refuseOtherMethods(app: ApiServer, routes: readonly DeclaredRoute[]): void {
  const methodsOf = new Map<string, Set<string>>();
  for (const { url, method } of routes) methodsOf.set(url, (methodsOf.get(url) ?? new Set()).add(method));
  for (const [url, methods] of methodsOf) {
    const allow = [...methods].sort();
    const others = app.supportedMethods.filter((method) => !methods.has(method));
    app.route({
      // safe: the names come from the server's own list of methods
      method: others as Parameters<ApiServer['route']>[0]['method'],
      url,
      config: { operation: 'public', allow },
      schema: { hide: true },
      onRequest: async (_request, reply) => {
        void reply.header('allow', allow.join(', '));
        throw new FirebreakError('method_not_allowed', `Allowed here: ${allow.join(', ')}`);
      },
      handler: () => undefined,
    });
  }
}
