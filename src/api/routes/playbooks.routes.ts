import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { PLAYBOOK_TYPES } from '../../pipeline/vocabulary.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { DEFINITION, FILTER, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Definition } from '../../pipeline/service.ts';
import type { PlaybookVerbs } from '../services.ts';

const BASE = '/api/incident-playbooks';
const tags = ['playbooks'];
const { severity, riskLevel, enabled } = FILTER;
const type = z.enum(PLAYBOOK_TYPES).optional();
const LIST = z.strictObject({ ...PAGE, severity, riskLevel, enabled, type });
export const IF_MATCH = z.looseObject({ 'if-match': z.string().max(1_000).optional() });

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
      const definition = withOneId(request.body, 'playbookId');
      refuseReservedIds(definition);
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
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      const changes = withOneId(request.body, 'playbookId');
      refuseOtherId(changes, 'playbookId', request.params.id);
      return one(await playbooks.update(contextOf(request), { ...request.params, changes, ifMatch }), reply);
    },
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

/** What an answer adds to a definition: a client that sends back what it was given is not refused for it. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set(['version', 'createdAt', 'updatedAt', 'savedBy']);

/**
 * The definition under its one id: `id` and `_id` are other spellings of `name`.
 * @throws FirebreakError `invalid_request` when they differ.
 */
export function withOneId(body: Definition, name: 'playbookId' | 'policyId'): Definition {
  const spellings = ['id', '_id', name].filter((spelling) => body[spelling] !== undefined);
  const faults = spellings
    .filter((spelling) => body[spelling] !== body[spellings[0] ?? name])
    .map((spelling) => ({ pointer: `/${spelling}`, detail: `differs from ${spellings[0]}: give one of them` }));
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The body names two ids', faults);
  const { id, _id, ...members } = body;
  const definition = Object.fromEntries(Object.entries(members).filter(([member]) => !ANSWER_MEMBERS.has(member)));
  return spellings.length === 0 ? definition : { ...definition, [name]: body[name] ?? _id ?? id };
}

/** @throws FirebreakError `invalid_request` when a change names another id than its address. */
export function refuseOtherId(changes: Definition, name: 'playbookId' | 'policyId', id: string): void {
  if (changes[name] === undefined || changes[name] === id) return;
  const fault = { pointer: `/${name}`, detail: `differs from the address: the id ${id} stays` };
  throw new FirebreakError('invalid_request', 'The body names another id than the address', [fault]);
}

function refuseReservedIds({ playbookId }: Definition): void {
  if (typeof playbookId !== 'string' || !RESERVED_PLAYBOOK_IDS.includes(playbookId)) return;
  const detail = `${playbookId} is a word of the API's addresses: choose another id`;
  throw new FirebreakError('invalid_playbook', 'The playbook is not valid', [{ pointer: '/playbookId', detail }]);
}
