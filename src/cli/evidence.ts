import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import { brokenOff, openStream } from './api-stream.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';
import { EVIDENCE, HOLD, holdLine, lineOf, linesOf, type ShownEvidence } from './shown-evidence.ts';

const BASE = '/api/evidence';
const HOLDS = '/api/evidence-holds';

export interface ListEvidenceOptions extends ServerOptions {
  readonly incident?: string;
  readonly execution?: string;
  readonly kind?: string;
  readonly status?: string;
  readonly held?: boolean;
  readonly alarmed?: boolean;
}

/** Artefacts, the newest first. Exit code 0. @throws what the server refused */
export async function listEvidenceCommand(options: ListEvidenceOptions, io: Io): Promise<number> {
  const { incident, execution, kind, status, held = false, alarmed = false } = options;
  const filters = new URLSearchParams({
    limit: String(MAX_LISTED),
    ...(incident === undefined ? {} : { incidentId: incident }),
    ...(execution === undefined ? {} : { executionId: execution }),
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status: status.toUpperCase() }),
    ...(held ? { held: 'true' } : {}),
    ...(alarmed ? { alarmed: 'true' } : {}),
  });
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?${filters}`);
  const evidence = items.map((item) => EVIDENCE.parse(item));
  say(options, io, { total, evidence }, [...evidence.map(lineOf), `${total} in all`]);
  return 0;
}

/** One artefact and its custody, oldest first. Exit code 0; 1 where it is not as it was left. @throws what the server refused */
export async function showEvidenceCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  return tell(await evidenceOf(id, options, io), options, io);
}

/** What the server says of an artefact. @throws what the server refused */
export async function evidenceOf(id: string, { url }: ServerOptions, io: Io): Promise<ShownEvidence> {
  const { data } = await apiClient(url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`);
  return EVIDENCE.parse(data);
}

/**
 * Has the server read an artefact again and compare it with its records. Exit code 0 when it is as it was left, else 1.
 * @throws what the server refused
 */
export async function examineEvidenceCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  return tell(await posted(`${BASE}/${encodeURIComponent(id)}/verify`, null, options, io), options, io);
}

export interface TransferOptions extends ServerOptions {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly sha256?: string;
}

/** Records that somebody else has it; its bytes are read for that. Exit code 0; 1 where they say that they have something else. */
export async function transferEvidenceCommand(id: string, options: TransferOptions, io: Io): Promise<number> {
  const { from, to, reason, sha256 } = options;
  const body = { from, to, reason, ...(sha256 === undefined ? {} : { sha256After: sha256 }) };
  return tell(await posted(`${BASE}/${encodeURIComponent(id)}/transfer`, body, options, io), options, io);
}

export interface DisposeOptions extends ServerOptions {
  readonly witness: string;
  readonly reason: string;
  readonly how: string;
}

/** Lets it go for good. Exit code 0. @throws what the server refused: a hold, its term, the witness */
export async function disposeEvidenceCommand(id: string, options: DisposeOptions, io: Io): Promise<number> {
  const { witness, reason, how } = options;
  const path = `${BASE}/${encodeURIComponent(id)}/dispose`;
  const { data } = await apiClient(options.url, io).call('POST', path, jsonBody({ witness, reason, how }));
  const evidence = EVIDENCE.parse(data);
  say(options, io, evidence, linesOf(evidence));
  return 0;
}

/** Legal holds, the newest first. Exit code 0. */
export async function listHoldsCommand(options: ServerOptions & { readonly status?: string }, io: Io): Promise<number> {
  const filter = options.status === undefined ? '' : `&status=${encodeURIComponent(options.status.toUpperCase())}`;
  const { items, total } = await apiClient(options.url, io).call('GET', `${HOLDS}?limit=${MAX_LISTED}${filter}`);
  const holds = items.map((item) => HOLD.parse(item));
  say(options, io, { total, holds }, [...holds.map(holdLine), `${total} in all`]);
  return 0;
}

export interface HoldOptions extends ServerOptions {
  readonly incident?: string;
  readonly evidence?: string;
  readonly reason: string;
}

/** Sets a legal hold on one artefact or on all of an incident. Exit code 0. @throws `invalid_request` for both or neither */
export async function holdEvidenceCommand(options: HoldOptions, io: Io): Promise<number> {
  const { incident, evidence, reason } = options;
  if ((incident === undefined) === (evidence === undefined))
    throw new FirebreakError('invalid_request', 'Say what is held: either --incident ID or --evidence ID');
  const body = { reason, ...(incident === undefined ? { evidenceId: evidence } : { incidentId: incident }) };
  return tellHold(HOLDS, body, options, io);
}

/** Lifts a legal hold that another person has set. Exit code 0. @throws what the server refused */
export async function releaseHoldCommand(
  id: string,
  options: ServerOptions & { readonly reason: string },
  io: Io,
): Promise<number> {
  const { reason } = options;
  return tellHold(`${HOLDS}/${encodeURIComponent(id)}/release`, { reason }, options, io);
}

async function tellHold(path: string, body: object, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('POST', path, jsonBody(body));
  const hold = HOLD.parse(data);
  say(options, io, hold, [holdLine(hold)]);
  return 0;
}

const ANSWER = z.looseObject({ data: EVIDENCE });

/** Of what reads all of its bytes first, which takes as long as it takes. */
async function posted(path: string, body: object | null, { url }: ServerOptions, io: Io): Promise<ShownEvidence> {
  const text = body === null ? null : JSON.stringify(body);
  const reply = await openStream(url, io, {
    method: 'POST',
    path,
    type: text === null ? null : 'application/json',
    body: text,
    length: null,
  });
  try {
    return ANSWER.parse(await json(reply)).data;
  } catch (thrown) {
    throw brokenOff(thrown);
  }
}

function tell(evidence: ShownEvidence, options: ServerOptions, io: Io): number {
  say(options, io, evidence, linesOf(evidence));
  return evidence.alarm === null ? 0 : 1;
}
