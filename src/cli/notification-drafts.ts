import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import { documentIn } from './document-file.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/notification-drafts';
const MESSAGES = '/api/portal-messages';

const SUMMARY = z.looseObject({
  id: z.string(),
  status: z.string(),
  regime: z.string(),
  incidentId: z.string(),
  title: z.string(),
  hash: z.string(),
  missingCount: z.int(),
  version: z.int(),
});
const DRAFT = SUMMARY.extend({ text: z.string(), markdown: z.string(), missing: z.array(z.string()) });
const TOLD = z.looseObject({
  told: z.array(z.object({ contactId: z.string(), channel: z.string() })),
  refused: z.array(z.object({ contactId: z.string(), why: z.string() })),
});
const CODE = z.looseObject({
  id: z.string(),
  code: z.string(),
  codeExpiresAt: z.string(),
  link: z.string().nullable(),
});

/** Drafts, the newest first. Exit code 0. */
export async function listDraftsCommand(
  options: ServerOptions & { readonly incident?: string },
  io: Io,
): Promise<number> {
  const filter = options.incident === undefined ? '' : `&incidentId=${encodeURIComponent(options.incident)}`;
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}${filter}`);
  const drafts = items.map((item) => SUMMARY.parse(item));
  const lines = drafts.map(({ id, status, regime, incidentId, missingCount }) =>
    [id, status, regime, incidentId, `${missingCount} missing`].join('  '),
  );
  say(options, io, { total, drafts }, [...lines, `${total} drafts`]);
  return 0;
}

/** One draft in one of its forms, as it would be handed in. Exit code 0. @throws what the server refused */
export async function showDraftCommand(
  id: string,
  options: ServerOptions & { readonly as: 'text' | 'markdown' | 'json' },
  io: Io,
): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', addressOf(id));
  const draft = DRAFT.parse(data);
  const isJson = options.json || options.as === 'json';
  const body = options.as === 'markdown' ? draft.markdown : draft.text;
  say({ ...options, json: isJson }, io, draft, body.trimEnd().split('\n'));
  return 0;
}

/** Makes one from what is known of an incident. Exit code 0. @throws what the server refused */
export async function makeDraftCommand(
  incidentId: string,
  {
    regime,
    stage,
    deadline,
    ...options
  }: ServerOptions & { readonly regime: string; readonly stage?: string; readonly deadline?: string },
  io: Io,
): Promise<number> {
  const body = jsonBody({ incidentId, regime, stage: stage ?? null, deadlineId: deadline ?? null });
  return tell(await apiClient(options.url, io).call('POST', BASE, body), options, io);
}

/** Approves exactly the text with this hash. Exit code 0. @throws what the server refused */
export async function approveDraftCommand(
  id: string,
  { hash, ...options }: ServerOptions & { readonly hash: string },
  io: Io,
): Promise<number> {
  return tell(
    await apiClient(options.url, io).call('POST', `${addressOf(id)}/approve`, jsonBody({ hash })),
    options,
    io,
  );
}

/** Records the proof in a YAML or JSON file (`-` for standard input): hash, reference, submittedAt, evidenceId. Exit code 0. @throws what the server refused */
export async function recordSubmissionCommand(
  id: string,
  file: string,
  options: ServerOptions,
  io: Io,
): Promise<number> {
  const proof = await documentIn(file, 'invalid_draft', io);
  return tell(
    await apiClient(options.url, io).call('POST', `${addressOf(id)}/submissions`, jsonBody(proof)),
    options,
    io,
  );
}

/** Tells contacts of it. Exit code 0; 1 where nobody could be told. @throws what the server refused */
export async function tellContactsCommand(
  id: string,
  { channels = [], ...options }: ServerOptions & { readonly channels?: readonly string[] },
  io: Io,
): Promise<number> {
  const { data } = await apiClient(options.url, io).call('POST', `${addressOf(id)}/tell`, jsonBody({ channels }));
  const { told, refused } = TOLD.parse(data);
  const lines = [
    ...told.map(({ contactId, channel }) => `told      ${contactId} over ${channel}`),
    ...refused.map(({ contactId, why }) => `not told  ${contactId}: ${why}`),
    `${told.length} ways`,
  ];
  say(options, io, { told, refused }, lines);
  return told.length === 0 ? 1 : 0;
}

/** Makes a one-time code to read out to the contact. Exit code 0. @throws what the server refused */
export async function portalCodeCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call(
    'POST',
    `${MESSAGES}/${encodeURIComponent(id)}/code`,
    jsonBody({}),
  );
  const { code, codeExpiresAt, link } = CODE.parse(data);
  const where = link === null ? [] : [`page  ${link}`];
  say(options, io, { id, code, codeExpiresAt, link }, [`code  ${code}, until ${codeExpiresAt}`, ...where]);
  return 0;
}

function addressOf(id: string): string {
  return `${BASE}/${encodeURIComponent(id)}`;
}

function tell(
  { data, warnings }: { readonly data: unknown; readonly warnings: readonly string[] },
  options: ServerOptions,
  io: Io,
): number {
  const draft = SUMMARY.parse(data);
  const lines = [
    `${draft.id} ${draft.status} version ${draft.version}`,
    `title    ${draft.title}`,
    `hash     ${draft.hash}`,
  ];
  say(options, io, draft, [...lines, ...warnings.map((warning) => `warning  ${warning}`)]);
  return 0;
}
