import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/tasks';

const TASK = z.looseObject({
  id: z.string(),
  title: z.string(),
  status: z.string(),
  roles: z.array(z.string()),
  holder: z.looseObject({ userId: z.string() }).nullable(),
  dueAt: z.string().nullable(),
  overdue: z.boolean(),
  draftVersion: z.int(),
  version: z.int(),
  origin: z.looseObject({ incidentId: z.string().nullable(), executionId: z.string().nullable() }),
  ended: z.looseObject({ how: z.string(), by: z.string(), why: z.string() }).nullable(),
});
type Task = z.infer<typeof TASK>;
const WHOLE = TASK.extend({
  draft: z.looseObject({ text: z.string(), by: z.string() }),
  history: z.array(z.looseObject({ type: z.string(), at: z.string().nullable(), by: z.string().optional() })),
});

/** Options of what changes a task: the version that was looked at. */
export interface TaskChangeOptions extends ServerOptions {
  readonly ifVersion?: string;
}

export interface TaskListOptions extends ServerOptions {
  readonly status?: string;
  readonly incident?: string;
  readonly role?: string;
  readonly mine: boolean;
  readonly overdue: boolean;
}

/** The tasks that are for the own roles, the newest first. Exit code 0. */
export async function listTasksCommand(options: TaskListOptions, io: Io): Promise<number> {
  const { status, incident, role, mine, overdue } = options;
  const query = new URLSearchParams({
    limit: String(MAX_LISTED),
    ...(status === undefined ? {} : { status: status.toUpperCase() }),
    ...(incident === undefined ? {} : { incidentId: incident }),
    ...(role === undefined ? {} : { role: role.toUpperCase() }),
    ...(mine ? { mine: 'true' } : {}),
    ...(overdue ? { overdue: 'true' } : {}),
  });
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?${query}`);
  const tasks = items.map((item) => TASK.parse(item));
  say(options, io, { total, tasks }, [...tasks.map(lineOf), `${total} in all`]);
  return 0;
}

/** One task with its draft and its history. Exit code 0; 1 where its time is over. @throws what the server refused */
export async function showTaskCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', pathOf(id));
  const task = WHOLE.parse(data);
  const history = task.history.map(({ type, at, by }) => `${at ?? ''}  ${type}${by === undefined ? '' : ` by ${by}`}`);
  say(options, io, task, [...linesOf(task), '', ...task.draft.text.split('\n'), '', ...history]);
  return task.overdue ? 1 : 0;
}

export interface OpenTaskOptions extends ServerOptions {
  readonly role: readonly string[];
  readonly incident?: string;
  readonly due?: string;
}

/** Opens a task with the draft of a file (`-` for standard input). Exit code 0. @throws what the server refused */
export async function openTaskCommand(title: string, file: string, options: OpenTaskOptions, io: Io): Promise<number> {
  const draft = await textOf(file, io);
  const { role, incident, due } = options;
  const roles = role.map((name) => name.toUpperCase());
  const body = { title, draft, roles, incidentId: incident ?? null, dueAt: due ?? null };
  return tell(await apiClient(options.url, io).call('POST', BASE, jsonBody(body)), options, io);
}

/** Saves a new version of the draft from a file. Exit code 0. @throws what the server refused */
export async function saveTaskDraftCommand(
  id: string,
  file: string,
  options: TaskChangeOptions,
  io: Io,
): Promise<number> {
  return changeTaskCommand(id, { method: 'PUT', what: 'draft', body: { draft: await textOf(file, io) } }, options, io);
}

/** What changes a task: the last part of its address, and what is sent. */
export interface TaskVerb {
  readonly method: 'POST' | 'PUT';
  readonly what: 'claim' | 'release' | 'assign' | 'draft' | 'due' | 'comments' | 'finish' | 'drop';
  readonly body: object;
}

/** Changes one task. Exit code 0. @throws what the server refused, `stale_version` where it is not the version named any more */
export async function changeTaskCommand(
  id: string,
  { method, what, body }: TaskVerb,
  { ifVersion, ...options }: TaskChangeOptions,
  io: Io,
): Promise<number> {
  const sent = { ...jsonBody(body), ...(ifVersion === undefined ? {} : { ifMatch: `"${ifVersion}"` }) };
  return tell(await apiClient(options.url, io).call(method, `${pathOf(id)}/${what}`, sent), options, io);
}

function tell({ data }: { readonly data: unknown }, options: ServerOptions, io: Io): number {
  const task = TASK.parse(data);
  say(options, io, task, linesOf(task));
  return 0;
}

function pathOf(id: string): string {
  return `${BASE}/${encodeURIComponent(id)}`;
}

async function textOf(file: string, io: Io): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await io.readInput(file));
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read as UTF-8: ${messageOf(thrown)}`);
  }
}

function lineOf({ id, status, title, holder, dueAt, overdue }: Task): string {
  const due = dueAt === null ? '' : `  ${overdue ? 'OVERDUE since' : 'due'} ${dueAt}`;
  return `${id}  ${status}${holder === null ? '' : ` by ${holder.userId}`}${due}  ${title}`;
}

function linesOf(task: Task): readonly string[] {
  const { roles, origin, draftVersion, version, ended } = task;
  return [
    lineOf(task),
    `for        ${roles.join(', ')}`,
    ...(origin.incidentId === null ? [] : [`incident   ${origin.incidentId}`]),
    ...(origin.executionId === null ? [] : [`execution  ${origin.executionId}`]),
    `version    ${version}, draft ${draftVersion}`,
    ...(ended === null ? [] : [`ended      ${ended.how} by ${ended.by}: ${ended.why}`]),
  ];
}
