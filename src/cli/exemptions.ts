import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/exemptions';

const EXEMPTION = z.looseObject({
  id: z.string(),
  status: z.string(),
  policyId: z.string(),
  gateName: z.string(),
  appliesTo: z.record(z.string(), z.unknown()),
  reason: z.string(),
  expiresAt: z.string(),
  confirmBefore: z.string().nullable(),
  hash: z.string(),
  proposedBy: z.string(),
  confirmedBy: z.string().nullable(),
  revokedBy: z.string().nullable(),
  revokedReason: z.string().nullable(),
});
type Exemption = z.infer<typeof EXEMPTION>;

/** Exemptions from gates, the latest end first. Exit code 0. */
export async function listExemptionsCommand(options: ServerOptions & { readonly status?: string }, io: Io) {
  const filter = options.status === undefined ? '' : `&status=${encodeURIComponent(options.status.toUpperCase())}`;
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}${filter}`);
  const exemptions = items.map((item) => EXEMPTION.parse(item));
  const lines = exemptions.map(
    ({ id, status, gateName, expiresAt, reason }) => `${id}  ${status}  ${gateName}  until ${expiresAt}  ${reason}`,
  );
  say(options, io, { total, exemptions }, [...lines, `${total} in all`]);
  return 0;
}

/** Everything that somebody would confirm, and its hash. Exit code 0. */
export async function showExemptionCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  return tell(await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`), options, io);
}

/**
 * Proposes what a JSON file says (`-` for standard input); another person has to confirm it. Exit code 0.
 * @throws FirebreakError `malformed_json`, and what the server refused
 */
export async function proposeExemptionCommand(file: string, options: ServerOptions, io: Io): Promise<number> {
  const definition = parsed(new TextDecoder().decode(await io.readInput(file)), file);
  return tell(await apiClient(options.url, io).call('POST', BASE, jsonBody(definition)), options, io);
}

/** Puts in force what another person proposed, exactly as it was shown. Exit code 0. @throws what the server refused */
export async function confirmExemptionCommand(
  id: string,
  { hash, ...options }: ServerOptions & { readonly hash: string },
  io: Io,
): Promise<number> {
  const path = `${BASE}/${encodeURIComponent(id)}/confirm`;
  return tell(await apiClient(options.url, io).call('POST', path, jsonBody({ hash })), options, io);
}

/** Ends it, or withdraws the proposal. Exit code 0. @throws what the server refused */
export async function revokeExemptionCommand(
  id: string,
  { reason, ...options }: ServerOptions & { readonly reason: string },
  io: Io,
): Promise<number> {
  const path = `${BASE}/${encodeURIComponent(id)}/revoke`;
  return tell(await apiClient(options.url, io).call('POST', path, jsonBody({ reason })), options, io);
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new FirebreakError('malformed_json', `${file} is not valid JSON: ${messageOf(thrown)}`);
  }
}

function tell(
  { data, warnings }: { readonly data: unknown; readonly warnings: readonly string[] },
  options: ServerOptions,
  io: Io,
): number {
  const exemption = EXEMPTION.parse(data);
  say(options, io, exemption, [...linesOf(exemption), ...warnings.map((warning) => `warning    ${warning}`)]);
  return 0;
}

function linesOf(exemption: Exemption): readonly string[] {
  const { confirmedBy, confirmBefore, revokedBy, revokedReason } = exemption;
  return [
    `${exemption.id} ${exemption.status}`,
    `gate       ${exemption.gateName} of ${exemption.policyId}`,
    `applies to ${JSON.stringify(exemption.appliesTo)}`,
    `reason     ${exemption.reason}`,
    `until      ${exemption.expiresAt}`,
    `proposed   by ${exemption.proposedBy}`,
    confirmedBy === null ? `confirm    before ${confirmBefore} with --hash` : `confirmed  by ${confirmedBy}`,
    ...(revokedBy === null ? [] : [`revoked    by ${revokedBy}: ${revokedReason ?? ''}`]),
    `hash       ${exemption.hash}`,
  ];
}
