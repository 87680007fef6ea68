import { z } from 'zod';
import { PLAYBOOK_TYPES } from '../../pipeline/vocabulary.ts';
import { changeOf, IF_MATCH, newDefinition } from '../definitions.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, FILTER, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { PlaybookVerbs } from '../services.ts';

const BASE = '/api/incident-playbooks';
const tags = ['playbooks'];
const { severity, riskLevel, enabled } = FILTER;
const type = z.enum(PLAYBOOK_TYPES).optional();
const LIST = z.strictObject({ ...PAGE, severity, riskLevel, enabled, type });

/** Words that stand where a playbook's id would, so that none can be called so. */
export const RESERVED_PLAYBOOK_IDS: readonly string[] = ['executions', 'approvals', 'audits', 'policies', 'metrics'];

/** Playbooks: read, create, change into a new version, hide. */
export function playbookRoutes(app: ApiServer, playbooks: PlaybookVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'playbook.read' },
    schema: { tags, summary: 'List playbooks', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await playbooks.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'playbook.write' },
    schema: { tags, summary: 'Create a playbook', body: DEFINITION, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => {
      const definition = newDefinition(request.body, 'playbookId', RESERVED_PLAYBOOK_IDS, 'invalid_playbook');
      return created(await playbooks.create(contextOf(request), { definition }), reply, BASE);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'playbook.read' },
    schema: { tags, summary: 'Get a playbook', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await playbooks.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'playbook.write' },
    schema: {
      tags,
      summary: 'Change the given members of a playbook, as a new version',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await playbooks.update(contextOf(request), changeOf(request, 'playbookId')), reply),
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'playbook.write' },
    schema: {
      tags,
      summary: 'Hide a playbook; its versions and executions stay',
      params: ID_PARAMS,
      headers: IF_MATCH,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await playbooks.remove(contextOf(request), { ...request.params, ifMatch }), reply);
    },
  });
}
