import { ifMatchOf, one } from '../envelope.ts';
import { IF_MATCH } from '../definitions.ts';
import { DEFINITION, ONE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { GuardVerbs } from '../services.ts';

const URL = '/api/guards/protected-identities';
const tags = ['guards'];

/** Limits over all playbooks and policies. */
export function guardRoutes(app: ApiServer, guards: GuardVerbs): void {
  app.route({
    method: 'GET',
    url: URL,
    config: { operation: 'guard.read' },
    schema: { tags, summary: 'Accounts that nothing contains without a person', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await guards.getProtected(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: URL,
    config: { operation: 'guard.write' },
    schema: {
      tags,
      summary: 'Replace the list, as a new version; executions under way keep theirs',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await guards.setProtected(contextOf(request), { document: request.body, ifMatch }), reply);
    },
  });
}
