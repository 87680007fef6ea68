import { z } from 'zod';
import { readSource, type ReadSource } from '../git/read-source.ts';
import { printable } from '../platform/printable.ts';
import { apiClient, jsonBody, type ApiClient } from './api-client.ts';
import type { Io } from './io.ts';

/** `firebreak sync`: the runbooks of a server are made those of a Git commit, or are compared with it. */

const BASE = '/api/runbook-source';

export const SYNC_EXIT_CODES = {
  /** In step: nothing differs any more. */
  inStep: 0,
  /** With `--check`: something differs. */
  drift: 2,
} as const;

export interface SyncOptions {
  readonly url: string;
  readonly json: boolean;
  readonly ref: string;
  readonly folder: string;
  /** What the repository is called in records; as it was named when absent. */
  readonly origin?: string;
  readonly allowedSigners?: string;
  readonly allowOlder: boolean;
  /** The server reads its own repository; none is read here. */
  readonly pull: boolean;
  /** Compare only. */
  readonly check: boolean;
}

const STATE = z.looseObject({ source: z.looseObject({ commitId: z.string() }).nullable() });
const DIFFERENCE = z.looseObject({ id: z.string(), path: z.string().nullable(), why: z.string() });
const DIFFERENCES = z.array(DIFFERENCE);
const ANSWER = z.looseObject({
  commitId: z.string(),
  inStep: z.boolean(),
  drift: z.looseObject({
    onlyThere: DIFFERENCES,
    different: DIFFERENCES,
    onlyHere: DIFFERENCES,
    byHand: DIFFERENCES,
    same: z.int(),
  }),
  changes: z.array(z.looseObject({ what: z.string(), id: z.string(), path: z.string().nullable(), version: z.int() })),
});
type Answer = z.infer<typeof ANSWER>;

/**
 * Reads the repository here and sends the set; the server judges it. Exit code 0: in step (now); with `--check` 2: something
 * differs. @throws FirebreakError for what git or the server refused, with every fault at its file and line
 */
export async function syncCommand(repository: string, options: SyncOptions, io: Io): Promise<number> {
  const { url, json, allowOlder, check, pull } = options;
  const client = apiClient(url, io);
  const { set, skipped } = pull ? { set: { pull }, skipped: [] } : await readHere(repository, options, client, io);
  const { data, warnings } = await client.call('POST', `${BASE}/sync`, jsonBody({ ...set, allowOlder, dryRun: check }));
  const answer = ANSWER.parse(data);
  for (const each of [...skipped, ...warnings]) io.stderr.write(`warning: ${printable(each)}\n`);
  io.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${linesOf(answer, check).map(printable).join('\n')}\n`);
  return check && !answer.inStep ? SYNC_EXIT_CODES.drift : SYNC_EXIT_CODES.inStep;
}

async function readHere(repository: string, options: SyncOptions, client: ApiClient, { env }: Io): Promise<ReadSource> {
  const { ref, folder, origin = null, allowedSigners = null } = options;
  const { source } = STATE.parse((await client.call('GET', BASE)).data);
  return readSource({ repository, ref, folder, origin, allowedSigners }, source?.commitId ?? null, env);
}

function linesOf(answer: Answer, check: boolean): readonly string[] {
  const { commitId, changes, drift, inStep } = answer;
  if (check) return [...driftLines(answer), `${inStep ? 'in step with' : 'differs from'} ${commitId}`];
  const changed = changes.map(({ what, id, path, version }) => `${what} ${id}, version ${version}${from(path)}`);
  const stays = drift.byHand.map(({ id }) => `kept ${id}: people put it here`);
  const sum = changed.length === 0 ? 'nothing changed' : `${changed.length} changed`;
  return [...changed, ...stays, `${sum}; the runbooks are those of ${commitId}`];
}

function driftLines({ drift: { onlyThere, different, onlyHere, byHand } }: Answer): readonly string[] {
  return [
    ...onlyThere.map(({ id, path }) => `only there: ${id}${from(path)}`),
    ...different.map(({ id, path, why }) => `different: ${id}${from(path)}: ${why}`),
    ...onlyHere.map(({ id, why }) => `only here: ${id}: ${why}, so it would be retired`),
    ...byHand.map(({ id }) => `only here: ${id}: people put it here, so it would stay`),
  ];
}

function from(path: string | null): string {
  return path === null ? '' : ` (${path})`;
}
