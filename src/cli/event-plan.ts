import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { printable } from '../platform/printable.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { jsonFile, planOf, planText } from './plan-file.ts';
import { linesOfRun, PLAN_EXIT_CODES, RUN, wouldAct } from './plan-lines.ts';

/** `firebreak plan EVENT-FILE`: what would be done about an alert if it came now. */

const PATH = '/api/event-plans';

export interface EventPlanOptions {
  readonly url: string;
  readonly json: boolean;
  /** How the event is written; told by its shape when absent. */
  readonly format?: string;
  readonly reference?: string;
  /** File to keep the plan in, for `firebreak trigger --plan`. */
  readonly out?: string;
}

const CLOCK = z.looseObject({
  ruleId: z.string(),
  regime: z.string(),
  title: z.string(),
  startEvents: z.array(z.string()),
  startedBy: z.string().nullable(),
  stages: z.array(
    z.looseObject({
      title: z.string(),
      limits: z.array(z.looseObject({ amount: z.number(), unit: z.string(), after: z.string() })),
    }),
  ),
});
/** A plan of an alert, of any of its outcomes. */
export const EVENT_PLAN = z.looseObject({
  planFormat: z.literal(2),
  input: z.looseObject({ event: z.string(), format: z.string().nullable(), reference: z.string().nullable() }),
  outcome: z.string(),
  alertSeverity: z.string(),
  incident: z.looseObject({ severity: z.string(), subject: z.looseObject({ type: z.string(), id: z.string() }) }),
  runs: z.array(RUN),
  deadlines: z.array(
    z.looseObject({
      actionId: z.string(),
      clocks: z.array(CLOCK),
      left: z.array(z.looseObject({ ruleId: z.string(), reason: z.string() })),
      unknownTags: z.array(z.string()),
    }),
  ),
});
type EventPlan = z.infer<typeof EVENT_PLAN>;
type Clock = z.infer<typeof CLOCK>;

/** Only reads. Exit code 0: nothing would be done; 2: something would. @throws what the server refused */
export async function eventPlanCommand(file: string, options: EventPlanOptions, io: Io): Promise<number> {
  const { url, json, format, reference, out } = options;
  const event = await jsonFile(file);
  const more = { ...(format === undefined ? {} : { format }), ...(reference === undefined ? {} : { reference }) };
  const { data } = await apiClient(url, io).call('POST', PATH, jsonBody({ event, ...more }));
  const made = planOf(data, EVENT_PLAN, 'the server');
  const missing = z.array(z.string()).parse(data['missing']);
  if (out !== undefined) await writeFile(out, planText(made), { mode: 0o600 });
  const lines = [...linesOf(made.plan), ...missing.map((each) => `missing ${each}`), `plan ${made.sha256}`];
  io.stdout.write(json ? `${JSON.stringify({ ...made, missing })}\n` : `${lines.map(printable).join('\n')}\n`);
  return made.plan.runs.some(wouldAct) ? PLAN_EXIT_CODES.wouldAct : PLAN_EXIT_CODES.nothing;
}

/** Has exactly that plan executed, once; answers with the ids of what began. @throws FirebreakError what the server refused */
export async function executeEventPlan(
  { plan, sha256 }: { readonly plan: EventPlan; readonly sha256: string },
  url: string,
  io: Io,
): Promise<readonly string[]> {
  const { event, format, reference } = plan.input;
  const more = { ...(format === null ? {} : { format }), ...(reference === null ? {} : { reference }) };
  const body = { event: JSON.parse(event) as unknown, ...more, planSha256: sha256 };
  const { data } = await apiClient(url, io).call('POST', PATH, jsonBody(body));
  const { executions } = z.looseObject({ executions: z.array(z.looseObject({ id: z.string() })) }).parse(data);
  return executions.map(({ id }) => id);
}

function linesOf({ outcome, alertSeverity, incident, runs, deadlines }: EventPlan): readonly string[] {
  const { severity, subject } = incident;
  const about = `an alert of ${alertSeverity} about ${subject.type} ${subject.id}; the incident is ${severity}`;
  if (runs.length === 0)
    return [about, outcome === 'no_mapping' ? 'no_mapping: no runbook maps it' : 'there are no runbooks'];
  return [
    about,
    ...runs.flatMap((run) => [`${run.playbookId}:`, ...linesOfRun(run)]),
    ...deadlines.flatMap(({ actionId, clocks, left, unknownTags }) => [
      `clocks of ${actionId}`,
      ...clocks.flatMap(linesOfClock),
      ...left.map(({ ruleId, reason }) => `  not ${ruleId}: ${reason}`),
      ...unknownTags.map((tag) => `  ${tag} names no regime that there are rules for`),
    ]),
  ];
}

function linesOfClock({ ruleId, regime, title, startedBy, startEvents, stages }: Clock): readonly string[] {
  const begins =
    startedBy === null ? `waits for people to record ${startEvents.join(' or ')}` : `begins with ${startedBy}`;
  return [
    `  ${ruleId} (${regime}): ${title}; ${begins}`,
    ...stages.map(({ title: stage, limits }) => {
      const until = limits.map(({ amount, unit, after }) => `${amount} ${unit} after ${after}`);
      return `    ${stage}: ${until.length === 0 ? 'no hours are named' : until.join(', or ')}`;
    }),
  ];
}
