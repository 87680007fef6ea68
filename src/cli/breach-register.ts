import { z } from 'zod';
import { printable } from '../platform/printable.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { putDocument } from './put-document.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const REGISTER = '/api/breach-register';
/** What an answer adds to the document. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set([
  'id',
  '_id',
  'incidentId',
  'clocks',
  'openedAt',
  'version',
  'updatedAt',
  'savedBy',
]);

const ENTRY = z.looseObject({
  incidentId: z.string(),
  openedAt: z.string().nullable(),
  facts: z.string(),
  effects: z.string(),
  remedialAction: z.string(),
  notified: z.string(),
  reason: z.string().nullable(),
  clocks: z.array(z.looseObject({ rule: z.string(), status: z.string() })),
  version: z.int(),
});
type Entry = z.infer<typeof ENTRY>;

/** The register of personal-data breaches (GDPR Art. 33(5)) as a table, as JSON or as the CSV file of the server. Exit code 0. */
export async function breachRegisterCommand(
  { format, ...options }: ServerOptions & { readonly format: 'table' | 'csv' | 'json' },
  io: Io,
): Promise<number> {
  const client = apiClient(options.url, io);
  if (format === 'csv') {
    const csv = await client.text(`${REGISTER}/export`);
    // A file is kept as it is; on a terminal nothing may move the cursor.
    io.stdout.write(io.stdout.isTTY === true ? `${csv.split('\r\n').map(printable).join('\n')}` : csv);
    return 0;
  }
  const entries: Entry[] = [];
  for (;;) {
    const path = `${REGISTER}?limit=${MAX_LISTED}&skip=${entries.length}`;
    const { items, total } = await client.call('GET', path);
    entries.push(...items.map((item) => ENTRY.parse(item)));
    if (items.length === 0 || entries.length >= total) break;
  }
  const json = options.json || format === 'json';
  say({ ...options, json }, io, { total: entries.length, entries }, [
    ...entries.map(
      ({ incidentId, openedAt, notified, clocks }) =>
        `${incidentId}  opened ${openedAt ?? ''}  notified: ${notified}  ${clocks.map(({ rule, status }) => `${rule} ${status}`).join(', ')}`,
    ),
    `${entries.length} entries`,
  ]);
  return 0;
}

/** The entry of an incident. Exit code 0; 1 while something that has to be in it is empty. @throws FirebreakError `not_found` */
export async function showBreachCommand(incident: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', `${REGISTER}/${encodeURIComponent(incident)}`);
  return told(data, options, io);
}

/** Replaces the entry of an incident by what a YAML or JSON file says. Exit code as `showBreachCommand`. @throws what the server refused */
export async function setBreachCommand(
  incident: string,
  file: string,
  options: ServerOptions & { readonly ifVersion?: string },
  io: Io,
): Promise<number> {
  const path = `${REGISTER}/${encodeURIComponent(incident)}`;
  const put = { ...options, code: 'invalid_deadline', answerMembers: ANSWER_MEMBERS } as const;
  return told((await putDocument(path, file, put, io)).data, options, io);
}

function told(data: unknown, options: ServerOptions, io: Io): number {
  const entry = ENTRY.parse(data);
  const { facts, effects, remedialAction, notified, reason } = entry;
  const texts = { facts, effects, 'remedial action': remedialAction };
  const empty = Object.values(texts).filter((text) => text === '').length;
  say(options, io, entry, [
    `${entry.incidentId}  version ${entry.version}`,
    ...Object.entries(texts).flatMap(([name, text]) => [
      `${name}:`,
      ...(text === '' ? ['  MISSING'] : text.split('\n').map((line) => `  ${line}`)),
    ]),
    `notified: ${notified}${reason === null ? '' : `, because ${reason}`}`,
    ...entry.clocks.map(({ rule, status }) => `clock: ${rule} ${status}`),
  ]);
  return empty > 0 ? 1 : 0;
}
