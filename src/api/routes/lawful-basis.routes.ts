import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, one } from '../envelope.ts';
import { DEFINITION, ONE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { LawfulBasisVerbs } from '../services.ts';

const URL = '/api/lawful-basis';
const tags = ['privacy'];

/** By what right personal data are touched, as people of the organisation have decided it. */
export function lawfulBasisRoutes(app: ApiServer, bases: LawfulBasisVerbs): void {
  app.route({
    method: 'GET',
    url: URL,
    config: { operation: 'lawful-basis.read' },
    schema: {
      tags,
      summary: 'The lawful bases on record, what is open, and what has to be looked at again',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await bases.get(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: URL,
    config: { operation: 'lawful-basis.write' },
    schema: {
      tags,
      summary: 'Replace them as a whole by a new version',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const change = { definition: request.body, ifMatch: ifMatchOf(request.headers['if-match']) };
      return one(await bases.set(contextOf(request), change), reply);
    },
  });
}
