import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { openBundle } from '../pipeline/evidence/bundles/bundle-source.ts';
import { verifyBundle } from '../pipeline/evidence/bundles/verify-bundle.ts';
import { ERRORS, FirebreakError, messageOf, type ErrorCode } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';

export interface EvidenceExportOptions {
  readonly url: string;
  readonly incident: string;
  readonly out: string;
  readonly reason: string;
  /** Evidence ids that stay out. */
  readonly without?: readonly string[];
  readonly json: boolean;
}

const BASE = '/api/evidence-bundles';
const ORDERED = z.looseObject({ bundleId: z.string() });
/** How often a bundle is asked for whose records the log has not signed yet, and how long is waited in between, in ms. */
const TRIES = 20;
const PAUSE_MS = 2_000;

/** The answer with the bundle. @throws FirebreakError what the server refused */
async function fetched(url: URL, key: string): Promise<Response> {
  for (let turn = 1; ; turn += 1) {
    const reply = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    if (reply.ok) return reply;
    const refused = await refusal(reply);
    if (refused.code !== 'overloaded' || turn === TRIES) throw refused;
    await setTimeout(PAUSE_MS);
  }
}

const PROBLEM = z.looseObject({ code: z.string(), detail: z.string() });

/**
 * Asks a running server for a bundle, writes it, and verifies what was written. The file has its name only when it is whole.
 * Exit code 0 when it is intact. @throws FirebreakError what the server refused; `conflict` when the file is there already.
 */
export async function evidenceExportCommand(options: EvidenceExportOptions, io: Io): Promise<number> {
  const key = io.env['FIREBREAK_API_KEY'];
  if (key === undefined || key === '') {
    throw new FirebreakError('unauthenticated', 'Set FIREBREAK_API_KEY to an API key of the server');
  }
  const handle = await newFile(options.out);
  const draft = `${options.out}.part`;
  try {
    const { incident: incidentId, reason, without = [] } = options;
    const client = apiClient(options.url, io);
    const { data } = await client.call('POST', BASE, jsonBody({ incidentId, reason, without }));
    const { bundleId } = ORDERED.parse(data);
    const reply = await fetched(new URL(`${BASE}/${encodeURIComponent(bundleId)}`, options.url), key);
    if (reply.body === null) throw await refusal(reply);
    for await (const block of reply.body) await handle.appendFile(block);
    await handle.sync();
  } catch (thrown) {
    await handle.close();
    await rm(draft, { force: true });
    if (thrown instanceof FirebreakError) throw thrown;
    const message = `The bundle broke off: ${messageOf(thrown)}; the log of the server says why`;
    throw new FirebreakError('store_unavailable', message, [], { cause: thrown });
  }
  await handle.close();
  const result = await verifyBundle(await openBundle(draft), { keys: null, anchors: [], roots: [] });
  await rename(draft, options.out);
  const { verdict, problem, manifest, records } = result;
  const files = manifest?.files.length ?? 0;
  if (options.json) io.stdout.write(`${JSON.stringify({ out: options.out, verdict, problem, manifest, records })}\n`);
  else if (verdict === 'intact') {
    io.stdout.write(
      `${options.out}: bundle ${manifest?.bundleId}, ${files} files, ${records} records; check it with: firebreak evidence verify ${options.out}\n`,
    );
  } else io.stdout.write(`${options.out}: ${verdict}: ${problem}\n`);
  return verdict === 'intact' ? 0 : 1;
}

/** The draft beside the file. @throws FirebreakError `conflict` where there is a file: a bundle is never written over another. */
async function newFile(out: string): Promise<FileHandle> {
  try {
    await (await open(out, 'r')).close();
  } catch {
    try {
      return await open(`${out}.part`, 'wx', 0o600);
    } catch (cause) {
      throw new FirebreakError('conflict', `${out}.part cannot be made: ${messageOf(cause)}`, [], { cause });
    }
  }
  throw new FirebreakError('conflict', `${out} is there already; choose another name`);
}

async function refusal(reply: Response): Promise<FirebreakError> {
  const parsed = PROBLEM.safeParse(await reply.json().catch(() => null));
  if (!parsed.success) return new FirebreakError('internal', `the server answered ${reply.status}`);
  // safe: the keys of ERRORS are its codes
  const code = (Object.keys(ERRORS) as ErrorCode[]).find((known) => known === parsed.data.code) ?? 'internal';
  return new FirebreakError(code, parsed.data.detail);
}
