import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { putDocument } from './put-document.ts';
import { say, type ServerOptions } from './say.ts';

/** What an organisation sets about its clocks, and which rules apply to an incident. */

const SETTINGS = '/api/deadline-settings';
/** What an answer adds to the document: a file that was made of an answer is not refused for it. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set(['id', '_id', 'questions', 'version', 'updatedAt', 'savedBy']);

const SHOWN = z.looseObject({
  version: z.int(),
  answers: z.record(z.string(), z.string()),
  rules: z.record(z.string(), z.unknown()),
  calendars: z.record(z.string(), z.unknown()),
  questions: z.array(z.looseObject({ id: z.string(), text: z.string() })),
  reminders: z.looseObject({ fractions: z.array(z.int()), roles: z.array(z.string()), userIds: z.array(z.string()) }),
});
const APPLICABILITY = z.looseObject({
  version: z.int(),
  rules: z.array(z.looseObject({ ruleId: z.string(), verdict: z.string(), reason: z.string() })),
});
const RULE = z.looseObject({ id: z.string(), enabled: z.boolean(), reliefsOn: z.array(z.string()) });

/** The settings in force with every question; those that nobody answered first. Exit code 0. */
export async function showDeadlineSettingsCommand(options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', SETTINGS);
  return told(data, options, io);
}

/**
 * Replaces the settings by what a YAML or JSON file says. Exit code 0. @throws what the server refused, `stale_version` where they are
 * not the version named any more
 */
export async function setDeadlineSettingsCommand(
  file: string,
  options: ServerOptions & { readonly ifVersion?: string },
  io: Io,
): Promise<number> {
  const put = { ...options, code: 'invalid_deadline', answerMembers: ANSWER_MEMBERS } as const;
  return told((await putDocument(SETTINGS, file, put, io)).data, options, io);
}

/** Which rules apply to an incident, and why. Exit code 0; 1 while one is undecided. @throws FirebreakError `not_found` */
export async function applicabilityCommand(incident: string, options: ServerOptions, io: Io): Promise<number> {
  return verdicts(await apiClient(options.url, io).call('GET', applicabilityOf(incident)), options, io);
}

/** Answers questions about an incident, each as `question=yes|no|unknown`. Exit code as `applicabilityCommand`. */
export async function answerApplicabilityCommand(
  incident: string,
  given: readonly string[],
  options: ServerOptions,
  io: Io,
): Promise<number> {
  const answers = Object.fromEntries(given.map(answerOf));
  const body = jsonBody(answers);
  return verdicts(await apiClient(options.url, io).call('PUT', applicabilityOf(incident), body), options, io);
}

export interface ConfirmOptions extends ServerOptions {
  readonly what: string;
  readonly off: boolean;
  readonly reason: string;
  readonly reference: string;
}

/** Switches a rule, or one of its reliefs, on or off, having looked it up. Exit code 0. @throws what the server refused */
export async function confirmRuleCommand(
  ruleId: string,
  { what, off, reason, reference, ...options }: ConfirmOptions,
  io: Io,
): Promise<number> {
  const body = jsonBody({ what, enabled: !off, reason, reference });
  const path = `/api/deadline-rules/${encodeURIComponent(ruleId)}/confirm`;
  const rule = RULE.parse((await apiClient(options.url, io).call('POST', path, body)).data);
  const reliefs = rule.reliefsOn.length === 0 ? '' : `, with ${rule.reliefsOn.join(', ')}`;
  say(options, io, rule, [`${rule.id}  ${rule.enabled ? 'on' : 'off'}${reliefs}`]);
  return 0;
}

/** @throws FirebreakError `invalid_request` for a word that is no answer */
function answerOf(given: string): readonly [string, string] {
  const [question = '', word = ''] = given.split('=', 2);
  if (question !== '' && word !== '') return [question, word];
  throw new FirebreakError('invalid_request', `${given} is no answer: write it as personal_data=yes`);
}

function applicabilityOf(incident: string): string {
  return `/api/deadline-applicability/${encodeURIComponent(incident)}`;
}

function verdicts({ data }: { readonly data: unknown }, options: ServerOptions, io: Io): number {
  const shown = APPLICABILITY.parse(data);
  say(
    options,
    io,
    shown,
    shown.rules.map(({ ruleId, verdict, reason }) => `${ruleId}  ${verdict.toUpperCase()}  ${reason}`),
  );
  return shown.rules.some(({ verdict }) => verdict === 'undecided') ? 1 : 0;
}

function told(data: unknown, options: ServerOptions, io: Io): number {
  const settings = SHOWN.parse(data);
  const { version, answers, rules, calendars, questions, reminders } = settings;
  const wordOf = (id: string): string => (Object.hasOwn(answers, id) ? (answers[id] ?? 'unknown') : 'unknown');
  const open = questions.filter(({ id }) => wordOf(id) === 'unknown');
  const answered = questions.filter(({ id }) => wordOf(id) !== 'unknown');
  const { fractions, roles, userIds } = reminders;
  say(options, io, settings, [
    `version    ${version}`,
    `reminds    at ${fractions.map((part) => `${part / 10} %`).join(', ')}: ${[...roles, ...userIds].join(', ')}`,
    `rules      set otherwise: ${Object.keys(rules).join(', ') || 'none'}`,
    `calendars  ${Object.keys(calendars).join(', ') || 'none of your own'}`,
    ...[...open, ...answered].map(({ id, text }) => `${wordOf(id).toUpperCase()}  ${id}: ${text}`),
  ]);
  return 0;
}
