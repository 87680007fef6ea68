import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/deadlines';

const STAGE = z.looseObject({
  id: z.string(),
  title: z.string(),
  state: z.string(),
  dueLocal: z.string().nullable(),
  isDeadline: z.boolean(),
  provisional: z.boolean(),
  overdue: z.boolean(),
  explained: z.string(),
});
const CLOCK = z.looseObject({
  id: z.string(),
  regime: z.string(),
  status: z.string(),
  incidentId: z.string().nullable(),
  nextDueAt: z.string().nullable(),
  rule: z.looseObject({ id: z.string(), title: z.string(), reference: z.string() }),
  stages: z.array(STAGE),
});
type Clock = z.infer<typeof CLOCK>;

/** Regulatory clocks, the soonest due first. Exit code 0. */
export async function listDeadlinesCommand(
  options: ServerOptions & { readonly incident?: string; readonly status?: string },
  io: Io,
): Promise<number> {
  const { incident, status } = options;
  const filters = [
    ...(incident === undefined ? [] : [`incidentId=${encodeURIComponent(incident)}`]),
    ...(status === undefined ? [] : [`status=${encodeURIComponent(status.toUpperCase())}`]),
  ];
  const path = [`${BASE}?limit=${MAX_LISTED}`, ...filters].join('&');
  const { items, total } = await apiClient(options.url, io).call('GET', path);
  const clocks = items.map((item) => CLOCK.parse(item));
  const lines = clocks.map(
    ({ id, status: word, rule, nextDueAt, incidentId }) =>
      `${id}  ${word}  ${rule.id}  ${nextDueAt === null ? 'no date' : `due ${nextDueAt}`}  ${incidentId ?? 'no incident'}`,
  );
  say(options, io, { total, deadlines: clocks }, [...lines, `${total} in all`]);
  return 0;
}

/** One clock with how each stage was counted. Exit code 0; 1 where a stage is overdue. @throws what the server refused */
export async function showDeadlineCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`);
  const clock = CLOCK.parse(data);
  say(options, io, clock, linesOf(clock));
  return clock.stages.some(({ overdue }) => overdue) ? 1 : 0;
}

export interface StartOptions extends ServerOptions {
  readonly incident?: string;
  readonly event?: string;
  readonly at?: string;
  readonly reason?: string;
}

/** Starts a clock by a rule; without an event it waits for one. Exit code 0. @throws what the server refused */
export async function startDeadlineCommand(ruleId: string, options: StartOptions, io: Io): Promise<number> {
  const { incident, event: kind, at, reason } = options;
  const event = kind === undefined ? null : { kind, at, reason };
  return post(BASE, { ruleId, incidentId: incident ?? null, event }, options, io);
}

/** Records a start event, or corrects one. Exit code 0. @throws what the server refused */
export async function recordEventCommand(
  id: string,
  {
    kind,
    at,
    reason,
    ...options
  }: ServerOptions & { readonly kind: string; readonly at: string; readonly reason: string },
  io: Io,
): Promise<number> {
  return post(`${BASE}/${encodeURIComponent(id)}/events`, { kind, at, reason }, options, io);
}

export interface SubmitOptions extends ServerOptions {
  readonly at: string;
  readonly reference: string;
  readonly person: string;
  readonly evidence?: string;
}

/** Records what somebody handed in; nothing is sent. Exit code 0. @throws what the server refused */
export async function submitDeadlineCommand(
  id: string,
  stage: string,
  { at, reference, person, evidence, ...options }: SubmitOptions,
  io: Io,
): Promise<number> {
  const body = { stage, at, reference, person, evidenceId: evidence ?? null };
  return post(`${BASE}/${encodeURIComponent(id)}/submit`, body, options, io);
}

/** Who agreed that a deadline moves, and why. */
export interface GrantOptions extends ServerOptions {
  readonly reason: string;
  readonly approver: string;
  readonly reference?: string;
}

/** Records that a stage was extended. Exit code 0. @throws what the server refused */
export async function extendDeadlineCommand(
  id: string,
  stage: string,
  { until, reason, approver, reference, ...options }: GrantOptions & { readonly until: string },
  io: Io,
): Promise<number> {
  const body = { stage, until, reason, approver, reference: reference ?? null };
  return post(`${BASE}/${encodeURIComponent(id)}/extend`, body, options, io);
}

/** Lets a clock stand still, or go on. Exit code 0. @throws what the server refused */
export async function pauseDeadlineCommand(
  id: string,
  verb: 'pause' | 'resume',
  { reason, approver, reference, ...options }: GrantOptions,
  io: Io,
): Promise<number> {
  const body = { reason, approver, reference: reference ?? null };
  return post(`${BASE}/${encodeURIComponent(id)}/${verb}`, body, options, io);
}

/** Says that a rule does not apply. Exit code 0. @throws what the server refused */
export async function notApplicableCommand(
  id: string,
  { reason, person, ...options }: ServerOptions & { readonly reason: string; readonly person: string },
  io: Io,
): Promise<number> {
  return post(`${BASE}/${encodeURIComponent(id)}/not-applicable`, { reason, person }, options, io);
}

/** The rules and whether they are on. Exit code 0. */
export async function listDeadlineRulesCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `/api/deadline-rules?limit=${MAX_LISTED}`);
  const rules = items.map((item) => RULE.parse(item));
  const lines = rules.map(
    ({ id, enabled, sureness, verifiedOn, title }) =>
      `${id}  ${enabled ? 'on' : 'off'}  ${sureness}, looked at on ${verifiedOn}  ${title}`,
  );
  say(options, io, { total, rules }, lines);
  return 0;
}

const RULE = z.looseObject({
  id: z.string(),
  enabled: z.boolean(),
  sureness: z.string(),
  verifiedOn: z.string(),
  title: z.string(),
});

async function post(path: string, body: object, options: ServerOptions, io: Io): Promise<number> {
  const { data, warnings } = await apiClient(options.url, io).call('POST', path, jsonBody(body));
  const clock = CLOCK.parse(data);
  say(options, io, clock, [...linesOf(clock), ...warnings.map((warning) => `warning    ${warning}`)]);
  return 0;
}

function linesOf({ id, regime, status, rule, stages }: Clock): readonly string[] {
  return [
    `${id} ${status}`,
    `rule       ${rule.id} (${regime}): ${rule.title}; ${rule.reference}`,
    ...stages.flatMap((stage) => [
      `${stage.id}: ${stage.title}`,
      `           ${stage.state}${stage.overdue ? ', OVERDUE' : ''}${stage.isDeadline ? '' : ', own aim'}${stage.provisional ? ', provisional' : ''}${stage.dueLocal === null ? '' : `, ${stage.dueLocal}`}`,
      `           ${stage.explained}`,
    ]),
  ];
}
