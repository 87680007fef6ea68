import { z } from 'zod';
import { printable } from '../platform/printable.ts';
import { apiClient, type ApiAnswer } from './api-client.ts';
import type { Io } from './io.ts';

const GUARD = '/api/guards/break-glass';
const USES = '/api/break-glass';
/** Uses of one answer; the list says how many there are. */
const MAX_LISTED = 100;

export interface GlassOptions {
  readonly url: string;
  readonly json: boolean;
}

const DECLARATION = z.looseObject({
  people: z.array(z.string()),
  actionTypes: z.array(z.string()),
  maxRiskLevel: z.string(),
  usesPerDay: z.int(),
  irreversible: z.boolean(),
  expiresAt: z.string(),
  hash: z.string(),
  proposedBy: z.string(),
  confirmedBy: z.string().nullable(),
});
const STATE = z.looseObject({
  status: z.string(),
  declaration: DECLARATION.nullable(),
  proposal: DECLARATION.nullable(),
  usedWithinADay: z.int(),
});
const ENTRY = z.looseObject({
  id: z.string(),
  status: z.string(),
  by: z.string(),
  actionType: z.string(),
  riskLevel: z.string(),
  approvalId: z.string(),
  reason: z.string(),
  at: z.string(),
  reviews: z.array(z.looseObject({ by: z.string(), note: z.string(), at: z.string() })),
});

/** What is declared, and what waits for a second person. Exit code 0. */
export async function showGlassCommand(options: GlassOptions, io: Io): Promise<number> {
  return tellState(await apiClient(options.url, io).call('GET', GUARD), options, io);
}

/** Proposes what a file (JSON) says. Exit code 0. @throws what the server refused. */
export async function declareGlassCommand(file: string, options: GlassOptions, io: Io): Promise<number> {
  const bytes = await io.readInput(file);
  return tellState(await apiClient(options.url, io).call('POST', GUARD, { type: JSON_TYPE, bytes }), options, io);
}

/** Puts in force what another person proposed; `hash` is what `show` printed. Exit code 0. @throws what the server refused. */
export async function confirmGlassCommand(hash: string, options: GlassOptions, io: Io): Promise<number> {
  return tellState(await send(options, io, `${GUARD}/confirm`, { hash }), options, io);
}

/** Ends it. Exit code 0. @throws what the server refused. */
export async function revokeGlassCommand(reason: string, options: GlassOptions, io: Io): Promise<number> {
  return tellState(await send(options, io, `${GUARD}/revoke`, { reason }), options, io);
}

/** Approves alone. The whole intent has to be typed: what was looked at. Exit code 0. @throws what the server refused. */
export async function useGlassCommand(
  approval: string,
  { intent, reason, ...options }: GlassOptions & { readonly intent: string; readonly reason: string },
  io: Io,
): Promise<number> {
  const path = `/api/incident-playbooks/approvals/${encodeURIComponent(approval)}/break-glass`;
  return tellEntry(await send(options, io, path, { intentHash: intent, reason }), options, io);
}

/** Says that another person has looked at a use. Exit code 0. @throws what the server refused. */
export async function reviewGlassCommand(
  id: string,
  { note, ...options }: GlassOptions & { readonly note: string },
  io: Io,
): Promise<number> {
  return tellEntry(await send(options, io, `${USES}/${encodeURIComponent(id)}/review`, { note }), options, io);
}

/** Every use, the newest first. Exit code 0. */
export async function listGlassCommand(options: GlassOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${USES}?limit=${MAX_LISTED}`);
  const entries = items.map((item) => ENTRY.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, entries })}\n`);
  else io.stdout.write(`${[...entries.map(lineOf), `${total} uses`].join('\n')}\n`);
  return 0;
}

const JSON_TYPE = 'application/json';

function send({ url }: GlassOptions, io: Io, path: string, body: object): Promise<ApiAnswer> {
  return apiClient(url, io).call('POST', path, { type: JSON_TYPE, bytes: JSON.stringify(body) });
}

function tellState({ data }: ApiAnswer, { json }: GlassOptions, io: Io): number {
  const state = STATE.parse(data);
  const lines = [
    `break-glass ${state.status}, used ${state.usedWithinADay} times within a day`,
    ...(state.declaration === null ? [] : [`declared    ${termsOf(state.declaration)}`]),
    ...(state.proposal === null
      ? []
      : [`proposed    ${termsOf(state.proposal)}`, `hash        ${state.proposal.hash}`]),
  ];
  io.stdout.write(`${json ? JSON.stringify(state) : lines.map(printable).join('\n')}\n`);
  return 0;
}

function termsOf(declaration: z.infer<typeof DECLARATION>): string {
  const { people, actionTypes, maxRiskLevel, usesPerDay, irreversible, expiresAt, proposedBy, confirmedBy } =
    declaration;
  const lasting = irreversible ? ', also what cannot be undone' : '';
  const what = `${actionTypes.join(', ')} up to ${maxRiskLevel}${lasting}, ${usesPerDay} a day`;
  const by = confirmedBy === null ? proposedBy : `${proposedBy} and ${confirmedBy}`;
  return `${people.join(', ')} for ${what}, until ${expiresAt}; by ${by}`;
}

function tellEntry({ data }: ApiAnswer, { json }: GlassOptions, io: Io): number {
  const entry = ENTRY.parse(data);
  io.stdout.write(`${json ? JSON.stringify(entry) : lineOf(entry)}\n`);
  return 0;
}

function lineOf({
  id,
  status,
  at,
  by,
  riskLevel,
  actionType,
  approvalId,
  reason,
  reviews,
}: z.infer<typeof ENTRY>): string {
  const looked = reviews.map((review) => `; reviewed by ${review.by}: ${review.note}`).join('');
  return printable(
    `${id}  ${status}  ${at}  ${by} alone, ${riskLevel} ${actionType} (${approvalId}): ${reason}${looked}`,
  );
}
