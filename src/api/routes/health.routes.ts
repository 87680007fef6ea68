import { z } from 'zod';
import { ERRORS, FirebreakError, type ErrorCode } from '../../platform/errors.ts';
import { many, one } from '../envelope.ts';
import { ERROR_PAGES } from '../error-pages.ts';
import { RETRY_AFTER_SECONDS } from '../problem.ts';
import { MANY, ONE, PROBLEMS } from '../schemas.ts';
import type { ApiServer } from '../server.ts';
import type { Resource } from '../../pipeline/service.ts';
import type { HealthService } from '../services.ts';

const tags = ['health'];
const READY = z.object({ status: z.enum(['ready', 'unavailable']), failing: z.array(z.string()) });
const PLAYBOOK_HEALTH = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  models: z.object({
    incidentPlaybook: z.boolean(),
    playbookExecution: z.boolean(),
    playbookApprovalsPolicy: z.boolean(),
    playbookActionAudit: z.boolean(),
  }),
  executions: z.object({
    active: z.int(),
    pending_approvals: z.int(),
    stuck: z.int().optional().describe('Only while this process cannot go on with some; the log names each'),
  }),
  log: z
    .object({ unwitnessedMs: z.int().optional(), unstampedMs: z.int().optional() })
    .optional()
    .describe('Only with a witness or a time-stamping authority'),
  journal: z
    .object({ state: z.literal('RECOVERED'), size: z.int(), publishedSize: z.int() })
    .optional()
    .describe('Only of a journal that was set back, until two people have confirmed it'),
  pause: z.object({ since: z.iso.datetime() }).optional().describe('Only while everything is paused'),
  runbooks: z
    .object({ outOfDate: z.boolean() })
    .optional()
    .describe('Only while the runbooks of Git could not be taken at the start'),
  evidence: z
    .object({ alarmed: z.int(), storeAiling: z.boolean().optional() })
    .optional()
    .describe('Only while artefacts are not as they were left, or their store could not be used the last time'),
  breakGlass: z
    .object({ unreviewed: z.int() })
    .optional()
    .describe('Only while nobody else has looked at how somebody decided alone'),
  clock: z.object({ jumpMs: z.int() }).optional().describe('Only while the wall clock is not believed'),
});

/** Health for machines: no credential, no limit, no names of things. */
export function healthRoutes(app: ApiServer, health: HealthService): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { operation: 'public', rateLimit: false },
    schema: { tags, summary: 'The process answers', response: { 200: z.object({ status: z.literal('ok') }) } },
    handler: async () => ({ status: 'ok' }) as const,
  });
  app.route({
    method: 'GET',
    url: '/readyz',
    config: { operation: 'public', rateLimit: false },
    schema: { tags, summary: 'Requests can be served', response: { 200: READY, 503: READY } },
    handler: async (_request, reply) => {
      // A check that throws is a check that failed: readiness never answers 500.
      const { ready, failing } = await health.ready().catch(() => ({ ready: false, failing: ['readiness check'] }));
      if (!ready) void reply.code(503).header('retry-after', String(RETRY_AFTER_SECONDS));
      return { status: ready ? ('ready' as const) : ('unavailable' as const), failing: [...failing] };
    },
  });
  app.route({
    method: 'GET',
    url: '/health/incident-playbooks',
    config: { operation: 'public' },
    schema: {
      tags,
      summary: 'Health of the playbooks',
      response: { 200: PLAYBOOK_HEALTH, 503: PLAYBOOK_HEALTH, ...PROBLEMS },
    },
    handler: async (_request, reply) => {
      const { healthy, models, active, pendingApprovals, ...more } = await health.playbooks();
      const {
        stuck = 0,
        unwitnessedMs = null,
        unstampedMs = null,
        clockJumpMs = 0,
        setBack = null,
        pausedSince = null,
        unreviewedBreakGlass = 0,
        alarmedEvidence = 0,
        evidenceStoreAiling = false,
        runbooksOutOfDate = false,
      } = more;
      if (!healthy) void reply.code(503).header('retry-after', String(RETRY_AFTER_SECONDS));
      const status = healthy ? ('healthy' as const) : ('unhealthy' as const);
      const executions = { active, pending_approvals: pendingApprovals, ...(stuck === 0 ? {} : { stuck }) };
      const outside = {
        ...(unwitnessedMs === null ? {} : { unwitnessedMs }),
        ...(unstampedMs === null ? {} : { unstampedMs }),
      };
      const log = unwitnessedMs === null && unstampedMs === null ? {} : { log: outside };
      const jumped = clockJumpMs === 0 ? {} : { clock: { jumpMs: clockJumpMs } };
      const journal = setBack === null ? {} : { journal: { state: 'RECOVERED' as const, ...setBack } };
      const pause = pausedSince === null ? {} : { pause: { since: new Date(pausedSince).toISOString() } };
      const breakGlass = unreviewedBreakGlass === 0 ? {} : { breakGlass: { unreviewed: unreviewedBreakGlass } };
      const isEvidenceWell = alarmedEvidence === 0 && !evidenceStoreAiling;
      const ailing = evidenceStoreAiling ? { storeAiling: true } : {};
      const evidence = isEvidenceWell ? {} : { evidence: { alarmed: alarmedEvidence, ...ailing } };
      const runbooks = runbooksOutOfDate ? { runbooks: { outOfDate: true } } : {};
      return {
        status,
        models,
        executions,
        ...log,
        ...evidence,
        ...runbooks,
        ...journal,
        ...pause,
        ...breakGlass,
        ...jumped,
      };
    },
  });
}

/** What the `type` of a problem document leads to. */
export function errorRoutes(app: ApiServer): void {
  const pages: readonly Resource[] = Object.entries(ERRORS).map(([code, { status, title }]) => {
    const { meaning, fix } = ERROR_PAGES[code as ErrorCode]; // safe: the codes are the entries of ERRORS
    return { id: code, code, status, title, meaning, fix };
  });
  app.route({
    method: 'GET',
    url: '/errors',
    config: { operation: 'public' },
    schema: { tags: ['errors'], summary: 'Every error code', response: { 200: MANY, ...PROBLEMS } },
    handler: async () => many({ items: pages, total: pages.length }, { limit: pages.length, skip: 0 }),
  });
  app.route({
    method: 'GET',
    url: '/errors/:code',
    config: { operation: 'public' },
    schema: {
      tags: ['errors'],
      summary: 'What an error code means and what to do',
      params: z.strictObject({ code: z.string().max(100) }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const page = pages.find(({ code }) => code === request.params.code);
      if (page === undefined) throw new FirebreakError('not_found', 'There is no such error code');
      return one({ data: page }, reply);
    },
  });
}
