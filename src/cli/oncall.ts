import { z } from 'zod';
import { printable } from '../platform/printable.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { putDocument } from './put-document.ts';

const BASE = '/api/oncall/schedules';
/** Schedules of one answer: there are at most 200. */
const MAX_LISTED = 200;

export interface OnCallOptions {
  readonly url: string;
  readonly json: boolean;
}

const SCHEDULE = z.looseObject({ id: z.string(), name: z.string(), timeZone: z.string(), version: z.int() });
const WHO = z.looseObject({ id: z.string(), at: z.string(), onCall: z.array(z.string()), by: z.string().nullable() });

/** The schedules, one line each. Exit code 0. */
export async function listSchedulesCommand(options: OnCallOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const schedules = items.map((item) => SCHEDULE.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, schedules })}\n`);
  else io.stdout.write(`${[...schedules.map(lineOf), `${total} schedules`].join('\n')}\n`);
  return 0;
}

/** Who is on call now, or at a time. Exit code 0; 1 where nobody is. @throws what the server refused */
export async function whoIsOnCallCommand(
  id: string,
  { at, ...options }: OnCallOptions & { readonly at?: string },
  io: Io,
): Promise<number> {
  const query = at === undefined ? '' : `?at=${encodeURIComponent(at)}`;
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}/who${query}`);
  const who = WHO.parse(data);
  const people = who.onCall.length === 0 ? 'nobody' : `${who.onCall.join(', ')} (${who.by})`;
  io.stdout.write(`${options.json ? JSON.stringify(who) : printable(`${who.id} at ${who.at}: ${people}`)}\n`);
  return who.onCall.length === 0 ? 1 : 0;
}

/** Makes a schedule of a file, or replaces the whole of it. Exit code 0. @throws what the server refused */
export async function setScheduleCommand(id: string, file: string, options: OnCallOptions, io: Io): Promise<number> {
  const put = { ...options, code: 'invalid_schedule' } as const;
  const { data, warnings } = await putDocument(`${BASE}/${encodeURIComponent(id)}`, file, put, io);
  const schedule = SCHEDULE.parse(data);
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  io.stdout.write(`${options.json ? JSON.stringify(schedule) : lineOf(schedule)}\n`);
  return 0;
}

function lineOf({ id, name, timeZone, version }: z.infer<typeof SCHEDULE>): string {
  return printable(`${id}  ${name}, ${timeZone}, version ${version}`);
}
