import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { POLICY_SCOPES } from '../../pipeline/approvals/policy.ts';
import { PLAYBOOK_TYPES, SEVERITIES } from '../../pipeline/vocabulary.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { ACTION_TYPE, DEFINITION, FILTER, ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Definition } from '../../pipeline/service.ts';
import type { PolicyVerbs } from '../services.ts';
import { IF_MATCH, refuseOtherId, withOneId } from './playbooks.routes.ts';

const BASE = '/api/incident-playbooks/policies';
const tags = ['policies'];
const { enabled } = FILTER;
const type = z.enum(POLICY_SCOPES).optional();
const LIST = z.strictObject({ ...PAGE, type, enabled });

const QUESTION = z.strictObject({
  actionType: ACTION_TYPE,
  riskLevel: z.enum(SEVERITIES),
  playbookId: ID,
  playbookType: z.enum(PLAYBOOK_TYPES).default('CUSTOM'),
  incidentId: ID.optional().describe('Its values decide conditions; without it a gate with a condition applies'),
});

/** The word that stands where a policy's id would. */
const RESERVED_POLICY_ID = 'evaluate';

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
      const definition = withOneId(request.body, 'policyId');
      refuseReservedId(definition);
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
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      const changes = withOneId(request.body, 'policyId');
      refuseOtherId(changes, 'policyId', request.params.id);
      return one(await policies.update(contextOf(request), { ...request.params, changes, ifMatch }), reply);
    },
  });
}

function refuseReservedId({ policyId }: Definition): void {
  if (policyId !== RESERVED_POLICY_ID) return;
  const detail = `${policyId} is a word of the API's addresses: choose another id`;
  throw new FirebreakError('invalid_policy', 'The policy is not valid', [{ pointer: '/policyId', detail }]);
}
