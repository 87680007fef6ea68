import { z } from 'zod';
import { HISTORIES, SIGNATURE_STATES } from '../../pipeline/runbooks/sync/runbook-set.ts';
import type { RunbookSourceService } from '../../pipeline/runbooks/sync/sync.service.ts';
import { MAX_BODY_BYTES } from '../../platform/limits.ts';
import { one } from '../envelope.ts';
import { ONE, PROBLEMS, TEXT } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';

const BASE = '/api/runbook-source';
const tags = ['runbooks'];
/** Largest set, in bytes: as many runbooks as there may be, written at length, with JSON around them. */
const MAX_SET_BYTES = 16 * 1024 * 1024;
/** Files of a set: as many as there may be runbooks. */
const MAX_SET_FILES = 200;
/** Longest name or address of an author, in UTF-16 units. */
const MAX_WORD = 254;

const OBJECT_ID = z
  .string()
  .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'is an object id of Git, whole and in lower case');
const WORD = z.string().trim().min(1).max(MAX_WORD);
const AUTHOR = z.strictObject({ name: WORD, email: WORD });
const FILE = z.strictObject({
  path: TEXT,
  blob: OBJECT_ID,
  commitId: OBJECT_ID.describe('The last commit that changed the file'),
  author: AUTHOR,
  text: z.string().min(1).max(MAX_BODY_BYTES).describe('Byte for byte'),
});
const HOW = {
  allowOlder: z.boolean().default(false).describe('Go back to an older commit on purpose'),
  dryRun: z.boolean().default(false).describe('Say what would change, and change nothing'),
};
const PULL = z.strictObject({ pull: z.literal(true).describe('The server reads its own repository'), ...HOW });
const SYNC = z.strictObject({
  origin: TEXT.describe('What the repository is called'),
  ref: TEXT,
  folder: z.string().max(2_000),
  commitId: OBJECT_ID,
  author: AUTHOR,
  committedAt: z.iso.datetime(),
  signature: z.strictObject({
    state: z.enum(SIGNATURE_STATES),
    signer: WORD.nullable(),
    key: WORD.nullable(),
  }),
  previousCommit: OBJECT_ID.nullable().describe('The commit in force when the repository was read; null: none was'),
  history: z.enum(HISTORIES).describe('How the commit follows that one'),
  files: z.array(FILE).max(MAX_SET_FILES),
  ...HOW,
});

/** Where runbooks come from, and taking them from there. */
export function runbookSourceRoutes(app: ApiServer, source: Omit<RunbookSourceService, 'failure'>): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'playbook.read' },
    schema: {
      tags,
      summary: 'Which commit the runbooks were last taken from, and which of them were changed here since',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await source.get(contextOf(request)), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/sync`,
    bodyLimit: MAX_SET_BYTES,
    config: { operation: 'runbook.sync' },
    schema: {
      tags,
      summary: 'Make the runbooks those of a Git commit, all or none; dryRun says what would change',
      body: SYNC.or(PULL),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ctx = contextOf(request);
      if ('pull' in request.body) return one(await source.pull(ctx, request.body), reply);
      const { allowOlder, dryRun, ...set } = request.body;
      return one(await source.sync(ctx, { set, readBy: 'sender', allowOlder, dryRun }), reply);
    },
  });
}
