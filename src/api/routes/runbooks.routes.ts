import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import type { RunbookService } from '../../pipeline/runbooks/runbooks.service.ts';
import { acceptRunbookBodies, isYaml } from '../bodies.ts';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { FILTER, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BASE = '/api/runbooks';
const tags = ['runbooks'];
const VERSION = z.strictObject({ version: z.coerce.number().int().min(1).optional().describe('Absent: the newest') });

/** Runbooks: what is done about an alert, by its severity. Kept as they were written, and run as the playbooks made of them. */
export async function runbookRoutes(app: ApiServer, runbooks: RunbookService): Promise<void> {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'playbook.read' },
    schema: {
      tags,
      summary: 'List runbooks',
      querystring: z.strictObject(PAGE),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await runbooks.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'playbook.read' },
    schema: {
      tags,
      summary: 'Get a runbook with its text',
      params: ID_PARAMS,
      querystring: VERSION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { version = null } = request.query;
      return one(await runbooks.get(contextOf(request), { ...request.params, version }), reply);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'playbook.write' },
    schema: {
      tags,
      summary: 'Hide a runbook and its playbooks',
      params: ID_PARAMS,
      headers: IF_MATCH,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await runbooks.remove(contextOf(request), { ...request.params, ifMatch }), reply);
    },
  });
  await app.register(async (scope: ApiServer) => {
    acceptRunbookBodies(scope);
    scope.route({
      method: 'PUT',
      url: `${BASE}/:id`,
      config: { operation: 'playbook.write' },
      schema: {
        tags,
        summary: 'Make a runbook, or a new version of it (YAML or JSON)',
        params: ID_PARAMS,
        querystring: z.strictObject({ enabled: FILTER.enabled.describe('false: kept, and not run') }),
        headers: IF_MATCH,
        consumes: ['application/yaml', 'application/json'],
        // Read as bytes: the text is kept as it was written.
        body: z.unknown().describe('The runbook'),
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => {
        const { body } = request;
        if (!(body instanceof Uint8Array) || body.length === 0) {
          throw new FirebreakError('invalid_runbook', 'The body is empty: send the runbook');
        }
        const text = {
          ...request.params,
          bytes: body,
          format: isYaml(request.headers['content-type']) ? 'yaml' : 'json',
          enabled: request.query.enabled ?? true,
          ifMatch: ifMatchOf(request.headers['if-match']),
        } as const;
        return one(await runbooks.put(contextOf(request), text), reply);
      },
    });
  });
}
