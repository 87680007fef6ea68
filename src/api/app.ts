import cookies from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Clock } from '../platform/clock.ts';
import { FirebreakError } from '../platform/errors.ts';
import { MAX_BODY_BYTES } from '../platform/limits.ts';
import type { RandomBytes } from '../pipeline/access/secret.ts';
import { pageRoutes } from '../pages/routes/page-routes.ts';
import { admitRequests, DEFAULT_ADMISSION, type AdmissionLimits } from './admission.ts';
import { authenticateRequests } from './authentication.ts';
import { countedAs } from './came-from.ts';
import { limitBodyTime } from './body-time.ts';
import { acceptJsonBodies, acceptYamlBodies, refuseCompressedBodies } from './bodies.ts';
import { replayRepeatedRequests } from './idempotent-requests.ts';
import { failureLimit, type FailureLimit } from './failure-limit.ts';
import { endConnectionsOnClosing } from './last-replies.ts';
import { describeApi } from './openapi.ts';
import { sendProblem } from './problem.ts';
import { collectRoutes, refuseOtherMethods, type DeclaredRoute } from './route-table.ts';
import { keyRoutes, setupRoutes, userRoutes } from './routes/access.routes.ts';
import { approvalRoutes } from './routes/approvals.routes.ts';
import { delegationRoutes } from './routes/delegations.routes.ts';
import { inventoryRoutes } from './routes/inventory.routes.ts';
import { vendorRoutes } from './routes/vendors.routes.ts';
import { onCallRoutes } from './routes/oncall.routes.ts';
import { auditRoutes, metricsRoutes } from './routes/audits.routes.ts';
import { changeRoutes } from './routes/changes.routes.ts';
import { journalRoutes } from './routes/journal.routes.ts';
import { breakGlassRoutes } from './routes/break-glass.routes.ts';
import { eventRoutes } from './routes/events.routes.ts';
import { executionRoutes } from './routes/executions.routes.ts';
import { errorRoutes, healthRoutes } from './routes/health.routes.ts';
import { evidenceBundleRoutes } from './routes/evidence-bundles.routes.ts';
import { incidentRoutes } from './routes/incidents.routes.ts';
import { notificationRoutes } from './routes/notifications.routes.ts';
import { privacyRoutes } from './routes/privacy.routes.ts';
import { regulatoryContactRoutes } from './routes/regulatory-contacts.routes.ts';
import { notificationDraftRoutes } from './routes/notification-drafts.routes.ts';
import { portalMessageRoutes } from './routes/portal-messages.routes.ts';
import { playbookRoutes } from './routes/playbooks.routes.ts';
import { runbookRoutes } from './routes/runbooks.routes.ts';
import { eventPlanRoutes } from './routes/event-plans.routes.ts';
import { runbookSourceRoutes } from './routes/runbook-source.routes.ts';
import { deadlineRoutes } from './routes/deadlines.routes.ts';
import { lawfulBasisRoutes } from './routes/lawful-basis.routes.ts';
import { taskRoutes } from './routes/tasks.routes.ts';
import { deadlineRuleRoutes } from './routes/deadline-rules.routes.ts';
import { breachRegisterRoutes } from './routes/breach-register.routes.ts';
import { evidenceRoutes } from './routes/evidence.routes.ts';
import { exemptionRoutes } from './routes/exemptions.routes.ts';
import { groupRoutes } from './routes/groups.routes.ts';
import { guardRoutes } from './routes/guards.routes.ts';
import { slackRoutes, type SlackDoor } from './routes/slack.routes.ts';
import { passkeyRoutes } from './routes/passkeys.routes.ts';
import { policyRoutes } from './routes/policies.routes.ts';
import { roleRoutes } from './routes/roles.routes.ts';
import { passwordRoutes, sessionRoutes } from './routes/sessions.routes.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import type { ApiServer } from './server.ts';
import type { Reach } from './session-cookie.ts';
import type { Services } from './services.ts';
import { traceOf } from './tracing.ts';
import { validateWithZod } from './validation.ts';

/** Requests that one caller may make in a minute. A caller is a key or, without one, an address. */
export interface RateLimits {
  /** All routes but the events. 100 a second: a busy console and a few scripts on one key. */
  readonly requestsPerMinute: number;
  /** `/api/events`. 20 a second, of up to 10,000 events each: bulk senders batch. */
  readonly ingestPerMinute: number;
  /** Failed credentials from one address. */
  readonly failuresPerMinute: number;
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  requestsPerMinute: 6_000,
  ingestPerMinute: 1_200,
  failuresPerMinute: 60,
};

export interface AppOptions {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Shown in the API's description. */
  readonly version: string;
  /** The origin under which people reach it; null: each request says. */
  readonly publicUrl?: string | null;
  /** Addresses and networks of proxies that say truly where a request came from. Absent: none. */
  readonly trustedProxies?: readonly string[];
  readonly log?: FastifyBaseLogger;
  readonly rateLimits?: RateLimits;
  readonly admission?: AdmissionLimits;
  /** `health`: only what says whether the process is well. Everything when absent. */
  readonly serves?: 'everything' | 'health';
  /** Absent: nobody answers in Slack. */
  readonly slack?: SlackDoor | null;
}

export interface App {
  readonly server: ApiServer;
  /** Every route that was declared, for the test that walks role × route. */
  readonly routes: readonly DeclaredRoute[];
}

/** Longest value in an address, in UTF-16 units. */
const MAX_PARAM_LENGTH = 200;

/** Builds the HTTP server; it does not listen yet. Everything it does is a verb of `services`. */
export async function buildApp(services: Services, options: AppOptions): Promise<App> {
  const server = newServer(options);
  const limits = options.rateLimits ?? DEFAULT_RATE_LIMITS;
  const routes = collectRoutes(server);
  endConnectionsOnClosing(server);
  identifyRequests(server, options);
  limitBodyTime(server);
  admitRequests(server, options.admission ?? DEFAULT_ADMISSION);
  acceptJsonBodies(server);
  acceptYamlBodies(server);
  await server.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    // After authentication and before the body is read, so that a key has its limit wherever it is used from.
    hook: 'preParsing',
    keyGenerator: (request) =>
      request.principal === null ? `ip:${countedAs(request)}` : `key:${request.principal.keyId}`,
    errorResponseBuilder: () => new FirebreakError('rate_limited', 'Too many requests: wait as Retry-After says'),
  });
  await server.register(cookies);
  const reach: Reach = { publicUrl: options.publicUrl ?? null };
  const failures = failureLimit(server, limits.failuresPerMinute);
  const { access, sessions } = services;
  authenticateRequests(server, { access, sessions, failures, reach, clock: options.clock });
  refuseCompressedBodies(server);
  replayRepeatedRequests(server, services.idempotency);
  describeApi(server, options.version);
  if (options.serves === 'health') healthRoutes(server, services.health);
  else {
    await addRoutes(server, services, { limits, failures, slack: options.slack ?? null });
    await pageRoutes(server, { services, failures, reach });
  }
  refuseOtherMethods(server, routes);
  return { server, routes };
}

interface RouteOptions {
  readonly limits: RateLimits;
  readonly failures: FailureLimit;
  /** Null: nobody answers in Slack. */
  readonly slack: SlackDoor | null;
}

/** Fixed addresses before those with a parameter, though the router would prefer them in any order. */
async function addRoutes(
  server: ApiServer,
  services: Services,
  { limits, failures, slack }: RouteOptions,
): Promise<void> {
  healthRoutes(server, services.health);
  errorRoutes(server);
  setupRoutes(server, services.setup);
  userRoutes(server, services.access);
  keyRoutes(server, services.access);
  groupRoutes(server, services.groups);
  roleRoutes(server, services.roles);
  sessionRoutes(server, services.sessions);
  passwordRoutes(server, services.passwords, failures);
  passkeyRoutes(server, services.passkeys);
  await eventRoutes(server, services.ingest, limits.ingestPerMinute);
  incidentRoutes(server, services.incidents);
  evidenceBundleRoutes(server, services.evidenceBundles);
  executionRoutes(server, services.executions);
  approvalRoutes(server, services);
  delegationRoutes(server, services.delegations);
  onCallRoutes(server, services.onCall);
  privacyRoutes(server, services.erasures, services.heldData);
  regulatoryContactRoutes(server, services.contacts);
  vendorRoutes(server, services);
  await inventoryRoutes(server, services.inventory);
  taskRoutes(server, services.tasks);
  lawfulBasisRoutes(server, services.lawfulBasis);
  deadlineRoutes(server, services.deadlines);
  deadlineRuleRoutes(server, services.deadlineRules);
  breachRegisterRoutes(server, services.breachRegister);
  notificationDraftRoutes(server, services);
  portalMessageRoutes(server, services.portal);
  notificationRoutes(server, services.notifications);
  await slackRoutes(server, services, slack);
  auditRoutes(server, services.audits);
  policyRoutes(server, services.policies);
  exemptionRoutes(server, services.exemptions);
  await evidenceRoutes(server, services.evidence);
  guardRoutes(server, services);
  breakGlassRoutes(server, services);
  changeRoutes(server, services.changes);
  metricsRoutes(server, services.metrics);
  journalRoutes(server, services.recovery);
  playbookRoutes(server, services.playbooks);
  await runbookRoutes(server, services.runbooks);
  runbookSourceRoutes(server, services.runbookSource);
  eventPlanRoutes(server, services.eventPlans);
}

function newServer(options: AppOptions): ApiServer {
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: 'idle',
    trustProxy: [...(options.trustedProxies ?? [])],
    return503OnClosing: true,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // Every schema is compiled by zod, below; without this the framework would load compilers of its own at each start.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validateWithZod);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  server.setNotFoundHandler((request, reply) =>
    sendProblem(new FirebreakError('not_found', 'There is no such address'), request, reply),
  );
  return server;
}

function noCompiler(): never {
  throw new Error('invariant broken: a schema that zod does not compile');
}

/** Gives every request its trace, its time and an entry in the log. */
function identifyRequests(server: ApiServer, options: AppOptions): void {
  server.decorateRequest('call', null);
  server.decorateRequest('principal', null);
  server.decorateRequest('isStillAllowed', null);
  server.decorateRequest('formToken', null);
  server.decorateRequest('bodyHash', null);
  server.decorateRequest('idempotent', null);
  const freshTraceId = (): string => Buffer.from(options.randomBytes(16)).toString('hex');
  server.addHook('onRequest', async (request, reply) => {
    const { traceparent, 'x-correlation-id': correlationId } = request.headers;
    const trace = traceOf({ traceparent, correlationId }, freshTraceId);
    request.call = { ...trace, now: options.clock.now(), idempotencyKey: null };
    void reply.headers(SECURITY_HEADERS);
    void reply.header('x-correlation-id', trace.correlationId);
    // Replies hold incidents and, once, secrets: no cache may keep them.
    void reply.header('cache-control', 'no-store');
  });
  server.addHook('onResponse', async (request, reply) => {
    const { call, principal } = request;
    const route = request.routeOptions.url ?? '(none)';
    const entry = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    request.log.info({ ...entry, traceId: call?.traceId, userId: principal?.userId }, 'request');
  });
}
