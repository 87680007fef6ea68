import { z } from 'zod';
import { POLICY_SCOPES } from '../../pipeline/approvals/policy.ts';
import { PLAYBOOK_TYPES, SEVERITIES } from '../../pipeline/vocabulary.ts';
import { changeOf, IF_MATCH, newDefinition } from '../definitions.ts';
import { created, many, one } from '../envelope.ts';
import { ACCOUNT_ID, ACTION_TYPE, DEFINITION, FILTER, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { PolicyVerbs } from '../services.ts';

const BASE = '/api/incident-playbooks/policies';
const tags = ['policies'];
const { enabled } = FILTER;
const type = z.enum(POLICY_SCOPES).optional();
const LIST = z.strictObject({ ...PAGE, type, enabled });

/** Most targets of a question: as many as one page of a list shows. */
const MAX_TARGETS = 200;

const QUESTION = z.strictObject({
  actionType: ACTION_TYPE,
  riskLevel: z.enum(SEVERITIES),
  playbookId: ID,
  playbookType: z.enum(PLAYBOOK_TYPES).default('CUSTOM'),
  incidentId: ID.optional().describe('Its values decide conditions; without it a gate with a condition applies'),
  targetIds: z
    .array(ACCOUNT_ID)
    .max(MAX_TARGETS)
    .default([])
    .describe('Users to whom it would be done; without them an exemption for certain users does not count'),
});

/** The word that stands where a policy's id would, so that none can be called so. */
const RESERVED_POLICY_IDS: readonly string[] = ['evaluate'];

/** Approval policies: read, create, change into a new version, and ask what they would ask. */
export function policyRoutes(app: ApiServer, policies: PolicyVerbs): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'policy.read' },
    schema: { tags, summary: 'List approval policies', querystring: LIST, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await policies.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'policy.write' },
    schema: { tags, summary: 'Create an approval policy', body: DEFINITION, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => {
      const definition = newDefinition(request.body, 'policyId', RESERVED_POLICY_IDS, 'invalid_policy');
      return created(await policies.create(contextOf(request), { definition }), reply, BASE);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/evaluate`,
    config: { operation: 'policy.read' },
    schema: {
      tags,
      summary: 'What the policies would ask before an action, and why; nothing is done',
      body: QUESTION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { incidentId = null, ...query } = request.body;
      return one(await policies.evaluate(contextOf(request), { ...query, incidentId }), reply);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'policy.read' },
    schema: { tags, summary: 'Get an approval policy', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await policies.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id`,
    config: { operation: 'policy.write' },
    schema: {
      tags,
      summary: 'Change the given members of an approval policy, as a new version; executions under way keep theirs',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await policies.update(contextOf(request), changeOf(request, 'policyId')), reply),
  });
}
