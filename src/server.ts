import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as machineDelay } from 'node:timers/promises';
import { buildApp } from './api/app.ts';
import { createIdempotencyStore } from './api/idempotency.ts';
import type { Services } from './api/services.ts';
import { sandboxHandlers } from './connectors/sandbox/actions.ts';
import { webhookHandlers } from './connectors/webhook/actions.ts';
import { groupCommitter, type GroupCommitter } from './journal/group-commit.ts';
import type { Journal } from './journal/journal.ts';
import { keepLog, openLogKeeper } from './journal/log-keeper.ts';
import { loadLogKey } from './journal/log-key.ts';
import { takeFence, type ProcessFence } from './journal/sqlite/process-fence.ts';
import { openSqliteJournal } from './journal/sqlite/sqlite-journal.ts';
import { createAccessService } from './pipeline/access/access.service.ts';
import { createSetupService } from './pipeline/access/setup.service.ts';
import { actionRegistry, type ActionRegistry } from './pipeline/actions/registry.ts';
import { createApprovalService } from './pipeline/approvals/approvals.service.ts';
import { createPolicyService } from './pipeline/approvals/policies.service.ts';
import { createAuditService } from './pipeline/executions/audits.service.ts';
import { castVote } from './pipeline/executions/cast-vote.ts';
import { executionStore } from './pipeline/executions/execution-store.ts';
import { createExecutionService } from './pipeline/executions/executions.service.ts';
import { createMetricsService } from './pipeline/executions/metrics.service.ts';
import { createPerformer } from './pipeline/executions/performer.ts';
import { createRunner, type Runner } from './pipeline/executions/runner.ts';
import { spawnChildren } from './pipeline/executions/spawn.ts';
import { keepAcceleratedTime, keepTime } from './pipeline/executions/timekeeper.ts';
import { createIncidentService } from './pipeline/incidents/incidents.service.ts';
import { createIngestService } from './pipeline/intake/intake.service.ts';
import { createIntake, type Intake } from './pipeline/intake/intake.ts';
import { loadSurroundings } from './pipeline/intake/surroundings.ts';
import { createPlaybookService } from './pipeline/playbooks/playbooks.service.ts';
import { steeredClock, systemClock, type Clock, type SteeredClock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import { FirebreakError, messageOf } from './platform/errors.ts';
import { randomIds } from './platform/ids.ts';
import type { Log } from './platform/log.ts';
import { safeHttp, type SafeHttp } from './platform/safe-http.ts';
import { createHealthService } from './health.ts';

/** How long a stop waits for calls that are under way, in ms of machine time; a restart verifies what is left. */
const STOP_GRACE_MS = 5_000;

export interface ServerOptions {
  readonly version: string;
  readonly log: Log;
  /** The sandbox company, when there is one: its address and its bearer token. */
  readonly sandbox: { readonly url: string; readonly token: string } | null;
  /** Null: the wall clock. Otherwise business time begins here and jumps to the next timer when nothing is left to do. */
  readonly acceleratedFrom: number | null;
}

export interface RunningServer {
  readonly url: string;
  /** The one-time token that makes the first administrator, when there is none yet. */
  readonly setupToken: string | null;
  stop(): Promise<void>;
}

/**
 * The composition root: everything is built here by hand, in the order in which data flows, and nowhere else.
 * @throws FirebreakError when the journal cannot be opened or belongs to another kind of clock, or nothing can listen.
 */
export async function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  const { log } = options;
  const closing = new AbortController();
  const onError = (what: string) => (thrown: unknown) => log.error({ err: thrown }, what);

  // The journal, its clock and its log.
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const ids = randomIds();
  const birth = {
    id: ids.next('jrn'),
    at: options.acceleratedFrom ?? Date.now(),
    accelerated: options.acceleratedFrom !== null,
  };
  const { journal, fence } = await openOwnJournal(config.dataDir, birth);
  const http = safeHttp({ allow: options.sandbox === null ? [] : [new URL(options.sandbox.url).host] });
  const webhookHttp = safeHttp({ allow: config.webhookAllow });
  const { clock, steered } = await clockFor(journal, options, http);
  const committer = groupCommitter(journal, () => {
    runner.catchUp().catch(onError('what a doubtful commit left could not be begun'));
  });
  const key = loadLogKey(join(config.dataDir, 'log-key.pem'));
  const keeper = await openLogKeeper(journal, key, clock, [fileAnchor(join(config.dataDir, 'checkpoints.txt'))]);

  // What is done in outside systems.
  const registry = actionRegistry(handlersFor(options, http, webhookHttp));
  const declarationOf = (type: Parameters<ActionRegistry['declarationOf']>[0]) =>
    registry.declarations().find((declaration) => declaration.type === type) ?? null;

  // Definitions.
  const defaults = {
    executionTimeoutMs: config.playbooks.timeoutMs,
    backoffMs: config.playbooks.retryBackoffMs,
    approvalTimeoutMs: config.approvals.timeoutMs,
  };
  const playbooks = createPlaybookService({
    journal,
    committer,
    ids,
    defaults,
    declarationOf,
    parameterFaults: (type, parameters) => registry.checkParameters(type, parameters),
    onUnusable: (id, thrown) =>
      log.error({ playbookId: id, faults: thrown.faults }, 'an enabled playbook cannot be run'),
  });
  const policies = createPolicyService({
    journal,
    committer,
    ids,
    approvalTimeoutMs: config.approvals.timeoutMs,
    reversibilityOf: (type) => declarationOf(type)?.reversibility ?? null,
  });

  // Incidents and executions.
  const incidents = createIncidentService({ journal, committer, now: () => clock.now() });
  const store = executionStore(journal);
  const runner: Runner = createRunner(
    { journal, committer, store, clock },
    createPerformer({
      journal,
      handlerFor: (type, connector) => handlerFor(registry, type, connector),
      spawn: (loaded, actionId) => spawnChildren(runner, loaded, actionId),
      tellIncident: (...news) => incidents.noteExecution(...news),
      maxConcurrentExecutions: config.playbooks.maxConcurrent,
      closing: closing.signal,
      onBug: (thrown, effect) => log.error({ err: thrown, effect: effect.name }, 'an effect could not be performed'),
    }),
  );

  // Events.
  const { detectionContext, withPlace } = await loadSurroundings(config);
  const intake = createIntake({
    journal,
    committer,
    runner,
    store,
    clock,
    playbooks,
    policies,
    detectionContext,
    withPlace,
    onError: onError('an execution could not be told about its incident'),
  });

  // The API over all of it.
  const throughCommitter = journalThrough(journal, committer);
  const setup = createSetupService(throughCommitter, randomBytes);
  const services: Services = {
    access: createAccessService(throughCommitter, randomBytes),
    setup,
    playbooks,
    policies,
    incidents,
    executions: createExecutionService({ journal, committer, runner, store, clock, ids, playbooks, policies }),
    approvals: createApprovalService({ journal, cast: (ctx, vote) => castVote(runner, ctx, vote) }),
    audits: createAuditService({ journal, store }),
    ingest: createIngestService(intake, clock),
    metrics: createMetricsService({ journal, store }),
    health: createHealthService({ journal, keeper }),
    idempotency: createIdempotencyStore(throughCommitter),
  };
  const { server } = await buildApp(services, { clock, randomBytes, version: options.version });

  // Go on with what was under way, then let time and requests in.
  await runner.resume();
  await intake.resume();
  const anonymous = { traceId: '0'.repeat(32), correlationId: 'start', now: clock.now(), idempotencyKey: null };
  const setupToken = await setup.issueToken(anonymous);
  const background = [
    keepLog(keeper, closing.signal, onError('the log could not be kept')),
    steered === null
      ? keepTime({ runner, journal, closing: closing.signal, onError: onError('timers could not be applied') }, clock)
      : keepAcceleratedTime(
          {
            runner,
            journal,
            closing: closing.signal,
            onError: onError('timers could not be applied'),
            quiet: () => !intake.busy,
            announce: (at) => announceTime(options, http, at),
          },
          steered,
        ),
  ];
  const stop = async (): Promise<void> => {
    await server.close();
    await quiet(runner, intake);
    closing.abort();
    await Promise.allSettled(background);
    await keeper.keep(true);
    await Promise.all([http.close(), webhookHttp.close()]);
    await journal.close();
    fence.release();
  };
  try {
    return { url: await server.listen({ host: config.host, port: config.port }), setupToken, stop };
  } catch (thrown) {
    // What works in the background would keep a process alive that nobody can reach.
    await stop();
    const where = `${config.host}:${config.port}`;
    throw new FirebreakError('conflict', `Cannot listen on ${where}: ${messageOf(thrown)}`, [], { cause: thrown });
  }
}

/**
 * Opens the journal for this process alone. A journal whose time was accelerated must not pass for a real one, nor a
 * real one be run with jumping time.
 */
async function openOwnJournal(
  dataDir: string,
  birth: { readonly id: string; readonly at: number; readonly accelerated: boolean },
): Promise<{ readonly journal: Journal; readonly fence: ProcessFence }> {
  const fence = takeFence(join(dataDir, 'writer.lock'));
  const journal = openSqliteJournal({ file: join(dataDir, 'journal.sqlite'), birth });
  if (journal.accelerated === birth.accelerated) return { journal, fence };
  await journal.close();
  fence.release();
  const kind = birth.accelerated
    ? 'the wall clock; start without --clock accelerated'
    : 'an accelerated clock; start with --clock accelerated';
  throw new FirebreakError('conflict', `This journal was made with ${kind}, or use another data directory`);
}

/** Business time goes on where it stood: at the newest record, or at the sandbox company's clock if that is further. */
async function clockFor(
  journal: Journal,
  options: ServerOptions,
  http: SafeHttp,
): Promise<{ readonly clock: Clock; readonly steered: SteeredClock | null }> {
  if (options.acceleratedFrom === null) return { clock: systemClock(), steered: null };
  const steered = steeredClock(Math.max(options.acceleratedFrom, (await journal.newestRecordAt()) ?? 0));
  if (options.sandbox !== null) {
    const { url, token } = options.sandbox;
    const reply = await http.request({
      method: 'GET',
      url: `${url}/clock`,
      headers: { authorization: `Bearer ${token}` },
    });
    const { now } = JSON.parse(Buffer.from(reply.body).toString('utf8')) as { now: number }; // the sandbox company's own reply
    steered.advanceTo(now);
  }
  return { clock: steered, steered };
}

async function announceTime({ sandbox }: ServerOptions, http: SafeHttp, at: number): Promise<void> {
  if (sandbox === null) return;
  const headers = { authorization: `Bearer ${sandbox.token}`, 'content-type': 'application/json' };
  await http.request({ method: 'POST', url: `${sandbox.url}/clock`, headers, body: JSON.stringify({ now: at }) });
}

/** Webhooks go out through a client of their own: they may not reach what only the sandbox connector may. */
function handlersFor({ sandbox }: ServerOptions, http: SafeHttp, webhookHttp: SafeHttp) {
  const webhooks = webhookHandlers({ http: webhookHttp });
  if (sandbox === null) return webhooks;
  return [...sandboxHandlers({ baseUrl: sandbox.url, token: sandbox.token, http }), ...webhooks];
}

function handlerFor(registry: ActionRegistry, type: string, connector: string) {
  const declaration = registry.declarations().find((each) => each.type === type && each.connector === connector);
  return declaration === undefined ? null : registry.handlerFor(declaration.type, connector);
}

/** The journal for services that write by themselves: their commits share the one door too. */
function journalThrough(journal: Journal, committer: GroupCommitter): Journal {
  return { ...journal, commit: (changes) => Promise.all(changes.map((change) => committer.submit(change))) };
}

/** Appends each checkpoint to a file beside the journal: the nearest anchor there is, to be shipped elsewhere. */
function fileAnchor(file: string): (note: string) => Promise<void> {
  return async (note) => appendFileSync(file, `${note}\n`, { mode: 0o600 });
}

/** Waits until nothing is under way, for a bounded time. */
async function quiet(runner: Runner, intake: Intake): Promise<void> {
  const until = performance.now() + STOP_GRACE_MS;
  while ((!runner.idle || intake.busy) && performance.now() < until) await machineDelay(10);
}
