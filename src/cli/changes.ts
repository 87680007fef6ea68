import { z } from 'zod';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { printable } from '../platform/printable.ts';

const BASE = '/api/changes';
/** Proposals of one answer: more than a person decides in one sitting; the list says how many there are. */
const MAX_LISTED = 100;

export interface ChangesOptions {
  readonly url: string;
  readonly json: boolean;
}

const CHANGE = z.looseObject({
  id: z.string(),
  kind: z.string(),
  target: z.string(),
  baseVersion: z.int(),
  document: z.unknown(),
  weakens: z.array(z.string()),
  status: z.string(),
  hash: z.string(),
  proposedBy: z.string(),
  confirmBefore: z.string().nullable(),
});
type Shown = z.infer<typeof CHANGE>;

/** What waits for a second person, one line each, the newest first. Exit code 0. */
export async function listChangesCommand(options: ChangesOptions, io: Io): Promise<number> {
  const path = `${BASE}?status=PROPOSED&limit=${MAX_LISTED}`;
  const { items, total } = await apiClient(options.url, io).call('GET', path);
  const changes = items.map((item) => CHANGE.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, changes })}\n`);
  else io.stdout.write(`${[...changes.map(lineOf), `${total} wait for a second person`].join('\n')}\n`);
  return 0;
}

/** What the change takes away, the whole document, and the hash that a confirmation has to name. Exit code 0. */
export async function showChangeCommand(id: string, options: ChangesOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`);
  tell(CHANGE.parse(data), options, io);
  return 0;
}

/** Confirms exactly what was shown, as the person whose key is used. Exit code 0. @throws what the server refused */
export async function confirmChangeCommand(
  id: string,
  { hash, ...options }: ChangesOptions & { readonly hash: string },
  io: Io,
): Promise<number> {
  return decide(`${BASE}/${encodeURIComponent(id)}/confirm`, { hash }, options, io);
}

/** Rejects it, or withdraws one's own. Exit code 0. @throws what the server refused */
export async function rejectChangeCommand(
  id: string,
  { reason, ...options }: ChangesOptions & { readonly reason: string },
  io: Io,
): Promise<number> {
  return decide(`${BASE}/${encodeURIComponent(id)}/reject`, { reason }, options, io);
}

async function decide(path: string, word: object, options: ChangesOptions, io: Io): Promise<number> {
  const body = { type: 'application/json', bytes: JSON.stringify(word) };
  const { data } = await apiClient(options.url, io).call('POST', path, body);
  tell(CHANGE.parse(data), options, io);
  return 0;
}

function tell(change: Shown, { json }: ChangesOptions, io: Io): void {
  io.stdout.write(`${json ? JSON.stringify(change) : textOf(change)}\n`);
}

function lineOf({ id, kind, target, proposedBy, weakens }: Shown): string {
  return printable(`${id}  ${kind} ${target}  by ${proposedBy}: ${weakens.join('; ')}`);
}

function textOf({ id, status, kind, target, baseVersion, weakens, proposedBy, confirmBefore, hash, document }: Shown) {
  const lines = [
    `${id} ${status}`,
    `what       ${kind} ${target}, in place of version ${baseVersion}`,
    ...weakens.map((each) => `takes away ${each}`),
    `by         ${proposedBy}${confirmBefore === null ? '' : `, to be confirmed before ${confirmBefore}`}`,
    `hash       ${hash}`,
    `document   ${JSON.stringify(document)}`,
  ];
  return lines.map(printable).join('\n');
}
