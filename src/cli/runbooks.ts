import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';

const BASE = '/api/runbooks';
/** Runbooks of one answer: there are at most 200. */
const MAX_LISTED = 200;

export interface RunbookOptions {
  readonly url: string;
  readonly json: boolean;
}

const RUNBOOK = z.looseObject({
  id: z.string(),
  version: z.int(),
  enabled: z.boolean(),
  owner: z.string().nullable(),
  sha256: z.string(),
  playbooks: z.array(z.object({ severity: z.string(), playbookId: z.string() })),
});
const WITH_SOURCE = RUNBOOK.extend({ source: z.string() });

/** The runbooks, one line each. Exit code 0. */
export async function listRunbooksCommand(options: RunbookOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const runbooks = items.map((item) => RUNBOOK.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, runbooks })}\n`);
  else io.stdout.write(`${[...runbooks.map(lineOf), `${total} runbooks`].join('\n')}\n`);
  return 0;
}

/** The text of a runbook as it was put, or everything about it as JSON. Exit code 0. @throws what the server refused */
export async function showRunbookCommand(
  id: string,
  { version, ...options }: RunbookOptions & { readonly version?: string },
  io: Io,
): Promise<number> {
  const query = version === undefined ? '' : `?version=${encodeURIComponent(version)}`;
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}${query}`);
  const runbook = WITH_SOURCE.parse(data);
  if (options.json) io.stdout.write(`${JSON.stringify(runbook)}\n`);
  else io.stdout.write(runbook.source.split('\n').map(printable).join('\n'));
  return 0;
}

/** Puts the text of a file, byte for byte, as a runbook or a new version of it. Exit code 0. @throws what the server refused */
export async function putRunbookCommand(
  id: string,
  file: string,
  { disabled, ...options }: RunbookOptions & { readonly disabled: boolean },
  io: Io,
): Promise<number> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.from(await io.readInput(file));
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(thrown)}`);
  }
  const type = file.endsWith('.json') ? 'application/json' : 'application/yaml';
  const path = `${BASE}/${encodeURIComponent(id)}?enabled=${String(!disabled)}`;
  const { data, warnings } = await apiClient(options.url, io).call('PUT', path, { type, bytes });
  const runbook = RUNBOOK.parse(data);
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  io.stdout.write(`${options.json ? JSON.stringify(runbook) : lineOf(runbook)}\n`);
  return 0;
}

function lineOf({ id, version, enabled, owner, sha256, playbooks }: z.infer<typeof RUNBOOK>): string {
  const severities = playbooks.map(({ severity }) => severity).join(', ');
  const state = enabled ? '' : ', disabled';
  return printable(`${id}  ${severities}, version ${version}${state}, ${owner ?? 'no owner'}, ${sha256.slice(0, 12)}`);
}
