import { z } from 'zod';
import { one } from '../envelope.ts';
import { ONE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { RecoveryService } from '../../pipeline/recovery/recovery.service.ts';

const BASE = '/api/journal';
const tags = ['journal'];
/** Longest reason, in UTF-16 units: a paragraph for the auditor. */
const MAX_REASON = 2_000;
const CONFIRM = z.strictObject({ reason: z.string().trim().min(1).max(MAX_REASON) });

/** The journal itself: its generation, and what happens after a backup was restored. */
export function journalRoutes(app: ApiServer, recovery: RecoveryService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'audit.read' },
    schema: {
      tags,
      summary: 'The journal, its generation, and whether it was set back (RECOVERED)',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await recovery.read(contextOf(request)), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/recovery/confirm`,
    config: { operation: 'journal.recover' },
    schema: {
      tags,
      summary: 'Say that a journal that was set back is to be used without what is lost; two people have to',
      body: CONFIRM,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await recovery.confirm(contextOf(request), request.body), reply),
  });
}
