import { z } from 'zod';
import { MAX_DRAFT_LENGTH, MAX_TASK_ROLES, MAX_TITLE_LENGTH } from '../../pipeline/tasks/read-task.ts';
import { TASK_STATUSES } from '../../pipeline/tasks/task.ts';
import { IF_MATCH } from '../definitions.ts';
import { created, ifMatchOf, many, one } from '../envelope.ts';
import { ID, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const BASE = '/api/tasks';
const tags = ['tasks'];

const ROLE = z.string().regex(/^[A-Z][A-Z0-9_]{2,40}$/, 'is a role in upper case');
const TIME = z.iso
  .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
  .transform((time) => Date.parse(time));
const FLAG = z.enum(['true', 'false']).transform((text) => text === 'true');
const DRAFT = z.string().min(1).max(MAX_DRAFT_LENGTH).describe('Markdown');
const NEW = z.strictObject({
  title: z.string().min(1).max(MAX_TITLE_LENGTH),
  draft: DRAFT,
  roles: z.array(ROLE).min(1).max(MAX_TASK_ROLES).describe('Whom it is for; others do not see it'),
  incidentId: ID.nullable().default(null),
  dueAt: TIME.nullable().default(null),
});
const LIST = z.strictObject({
  ...PAGE,
  status: z.enum(TASK_STATUSES).optional(),
  incidentId: ID.optional(),
  executionId: ID.optional(),
  role: ROLE.optional(),
  mine: FLAG.optional(),
  overdue: FLAG.optional(),
});
const NOTHING = z.strictObject({}).nullish();

/** Work that people finish, for the roles that each task names. */
export function taskRoutes(app: ApiServer, tasks: Services['tasks']): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'task.read' },
    schema: {
      tags,
      summary: 'List the tasks that are for the own roles, the newest first',
      querystring: LIST,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await tasks.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'task.read' },
    schema: {
      tags,
      summary: 'Get a task with its draft, the versions before it and its history',
      params: ID_PARAMS,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await tasks.get(contextOf(request), request.params), reply),
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'task.work' },
    schema: { tags, summary: 'Open a task for some roles', body: NEW, response: { 201: ONE, ...PROBLEMS } },
    handler: async (request, reply) => created(await tasks.open(contextOf(request), request.body), reply, BASE),
  });
  holdingRoutes(app, tasks);
  workingRoutes(app, tasks);
}

/** Who has it. */
function holdingRoutes(app: ApiServer, tasks: Services['tasks']): void {
  const summaries = {
    claim: 'Take a task; from somebody else only by who leads the response',
    release: 'Give a task back, so that others may take it',
  } as const;
  for (const verb of ['claim', 'release'] as const)
    app.route({
      method: 'POST',
      url: `${BASE}/:id/${verb}`,
      config: { operation: 'task.work' },
      schema: {
        tags,
        summary: summaries[verb],
        params: ID_PARAMS,
        headers: IF_MATCH,
        body: NOTHING,
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => one(await tasks[verb](contextOf(request), taskIn(request)), reply),
    });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/assign`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Give a task to somebody who may work on it; they are told',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ userId: ID }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.assign(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
}

/** What becomes of it. */
function workingRoutes(app: ApiServer, tasks: Services['tasks']): void {
  app.route({
    method: 'PUT',
    url: `${BASE}/:id/draft`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Save a new version of the draft; the ones before it are kept',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ draft: DRAFT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.saveDraft(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/:id/due`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Say until when it has to be finished; null: at no time',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ dueAt: TIME.nullable() }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.setDue(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/comments`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Say something about a task',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ text: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.comment(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/finish`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Finish a task, with a note of what was done',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ note: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.finish(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/drop`,
    config: { operation: 'task.work' },
    schema: {
      tags,
      summary: 'Drop a task that is not needed, with the reason',
      params: ID_PARAMS,
      headers: IF_MATCH,
      body: z.strictObject({ reason: TEXT }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await tasks.drop(contextOf(request), { ...taskIn(request), ...request.body }), reply),
  });
}

interface OfTask {
  readonly params: { readonly id: string };
  readonly headers: { readonly 'if-match'?: string | undefined };
}

function taskIn({ params, headers }: OfTask) {
  return { id: params.id, ifMatch: ifMatchOf(headers['if-match']) };
}
