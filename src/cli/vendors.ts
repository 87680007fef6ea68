import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { putDocument } from './put-document.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/vendors';

const VENDOR = z.looseObject({ id: z.string(), name: z.string(), version: z.int(), enabled: z.boolean() });
const AFFECTED = z.looseObject({
  touched: z.array(z.looseObject({ vendorId: z.string(), name: z.string(), because: z.string() })),
  affected: z.array(z.looseObject({ path: z.array(z.string()), criticality: z.string().nullable() })),
  dataClasses: z.array(z.string()),
  cut: z.boolean(),
});
const ESCALATION = z.looseObject({
  id: z.string(),
  vendorId: z.string(),
  incidentId: z.string(),
  status: z.string(),
  levels: z.array(z.looseObject({ told: z.boolean() })),
});

/** The vendors, one line each. Exit code 0. */
export async function listVendorsCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const vendors = items.map((item) => VENDOR.parse(item));
  say(options, io, { total, vendors }, [...vendors.map(lineOf), `${total} vendors`]);
  return 0;
}

/** Describes a vendor by a YAML or JSON file, or replaces the whole of it. Exit code 0. @throws what the server refused */
export async function setVendorCommand(id: string, file: string, options: ServerOptions, io: Io): Promise<number> {
  const path = `${BASE}/${encodeURIComponent(id)}`;
  const { data, warnings } = await putDocument(path, file, { ...options, code: 'invalid_vendor' }, io);
  for (const warning of warnings) io.stderr.write(`warning: ${JSON.stringify(warning)}\n`);
  const vendor = VENDOR.parse(data);
  say(options, io, vendor, [lineOf(vendor)]);
  return 0;
}

/** Who else an incident affects, a line for each with the way why. Exit code 0. @throws FirebreakError `not_found` */
export async function affectedCommand(incident: string, options: ServerOptions, io: Io): Promise<number> {
  const path = `/api/incidents/${encodeURIComponent(incident)}/affected`;
  const shown = AFFECTED.parse((await apiClient(options.url, io).call('GET', path)).data);
  const { touched, affected, dataClasses, cut } = shown;
  say(options, io, shown, [
    ...touched.map(({ vendorId, name, because }) => `touches ${vendorId} (${name}): ${because}`),
    ...affected.map((each) => `affects ${each.path.at(-1)} ${each.criticality ?? ''} by ${each.path.join(' > ')}`),
    `${affected.length}${cut ? ' and more' : ''} affected, data: ${dataClasses.join(', ') || 'none known'}`,
  ]);
  return 0;
}

/** Escalations that nobody has taken, or all of them. Exit code 0. */
export async function listEscalationsCommand(
  { all, ...options }: ServerOptions & { readonly all: boolean },
  io: Io,
): Promise<number> {
  const { items } = await apiClient(options.url, io).call('GET', `${BASE}/escalations?limit=${MAX_LISTED}`);
  const escalations = items
    .map((item) => ESCALATION.parse(item))
    .filter(({ status }) => all || status !== 'ACKNOWLEDGED');
  const lines = escalations.map(
    ({ id, vendorId, incidentId, status, levels }) =>
      `${id}  ${status}  ${vendorId}  ${incidentId}  ${levels.filter(({ told }) => told).length} of ${levels.length} levels told`,
  );
  say(options, io, { escalations }, [...lines, `${escalations.length} escalations`]);
  return 0;
}

/** Says that one has it. Exit code 0. @throws FirebreakError `conflict` when somebody else has */
export async function acknowledgeCommand(
  id: string,
  { note, ...options }: ServerOptions & { readonly note: string },
  io: Io,
): Promise<number> {
  const path = `${BASE}/escalations/${encodeURIComponent(id)}/acknowledge`;
  const { data } = await apiClient(options.url, io).call('POST', path, jsonBody({ note }));
  const escalation = ESCALATION.parse(data);
  say(options, io, escalation, [`${escalation.id}  ${escalation.status}`]);
  return 0;
}

function lineOf({ id, name, version, enabled }: z.infer<typeof VENDOR>): string {
  return `${id}  ${name}, version ${version}${enabled ? '' : ', disabled'}`;
}
