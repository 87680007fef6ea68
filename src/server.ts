import { setMaxListeners } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { buildApp } from './api/app.ts';
import { createIdempotencyStore } from './api/idempotency.ts';
import type { DeclaredRoute } from './api/route-table.ts';
import type { Services } from './api/services.ts';
import { groupCommitter } from './journal/group-commit.ts';
import type { Journal } from './journal/journal.ts';
import type { QueuedEffect } from './journal/membership.ts';
import { fileAnchor } from './journal/file-anchor.ts';
import { openLogKeeper } from './journal/log-keeper.ts';
import { loadLogKey } from './journal/log-key.ts';
import { enabledPeople } from './pipeline/access/access-in-force.ts';
import { createVoters } from './pipeline/access/voters.ts';
import type { ScryptCost } from './pipeline/access/password-hasher.ts';
import { createSetupService } from './pipeline/access/setup.service.ts';
import { createAnswersService } from './pipeline/approvals/answers.service.ts';
import { createLimiter } from './pipeline/guards/limiter.ts';
import { createPauseService } from './pipeline/guards/pause.service.ts';
import { createGlassService } from './pipeline/guards/break-glass.service.ts';
import { createBreakGlassService } from './pipeline/executions/break-glass.service.ts';
import { createPauseWatch } from './pipeline/guards/pause-watch.ts';
import { createAuditService } from './pipeline/executions/audits.service.ts';
import { NEWS_PREFIX } from './pipeline/executions/change.ts';
import { executionStore } from './pipeline/executions/execution-store.ts';
import { createExecutionService } from './pipeline/executions/executions.service.ts';
import { createMetricsService } from './pipeline/executions/metrics.service.ts';
import { createPerformer } from './pipeline/executions/performer.ts';
import type { Launcher } from './pipeline/executions/launcher.ts';
import { createRunner, type Runner } from './pipeline/executions/runner.ts';
import { spawnChildren } from './pipeline/executions/spawn.ts';
import { untilStored } from './pipeline/executions/until-stored.ts';
import { createIncidentService } from './pipeline/incidents/incidents.service.ts';
import { createIngestService } from './pipeline/intake/intake.service.ts';
import { createIntake, type Intake } from './pipeline/intake/intake.ts';
import { createOwnSignIns } from './pipeline/intake/own-sign-ins.ts';
import { loadSurroundings } from './pipeline/intake/surroundings.ts';
import { createRecoveryService } from './pipeline/recovery/recovery.service.ts';
import type { Config } from './platform/config.ts';
import { FirebreakError, messageOf } from './platform/errors.ts';
import { randomIds, randomPool } from './platform/ids.ts';
import type { Log } from './platform/log.ts';
import { realMachine } from './platform/machine.ts';
import { createHealthService } from './health.ts';
import { openWitnessing } from './witness/witnessing.ts';
import { addressesOn, linkKeyOf, passkeyKeyOf } from './start/addresses.ts';
import { beginBackground } from './start/background.ts';
import { announceTime, businessTime } from './start/business-time.ts';
import { lateDesks } from './start/desks.ts';
import { openDefinitions } from './start/definitions.ts';
import { keepOwnCore } from './start/own-core.ts';
import { outsideSystems, type SandboxAccess } from './start/outside-systems.ts';
import { takeInventoryFile } from './start/inventory-file.ts';
import { openOwnJournal } from './start/own-journal.ts';
import { openPrivacy } from './start/privacy.ts';
import { openRights } from './start/rights.ts';
import { openEventPlans } from './start/event-plans.ts';
import { openRooms } from './start/rooms.ts';
import { takeRunbookSource } from './start/runbook-source.ts';
import type { Role } from './start/role.ts';
import { openApprovers } from './start/approvers.ts';
import { peopleChannels, sendersOf } from './start/senders.ts';
import { throughTheDoor } from './start/through-the-door.ts';
import { lookBack, untilConfirmed } from './start/set-back.ts';
import { requireSiteFor } from './start/passkeys.ts';
import { quiet } from './start/quiet.ts';
import { openSignIn } from './start/sign-in.ts';
import { openSsh } from './start/ssh.ts';
import { startupFault } from './start/startup-fault.ts';
import { slackDoor } from './start/slack-door.ts';
import { openTelling } from './start/telling.ts';
import { openTimeStamps } from './start/time-stamps.ts';
import { openVoting } from './start/voting.ts';

export interface ServerOptions {
  readonly version: string;
  readonly log: Log;
  /** The sandbox company, when there is one: its address and its bearer token. */
  readonly sandbox: SandboxAccess | null;
  /** What this process does; everything when it has its journal to itself. */
  readonly role?: Role;
  /** Null: the wall clock. Otherwise business time begins here and jumps to the next timer when nothing is left to do. */
  readonly acceleratedFrom: number | null;
  /** Stands between the server and its journal. For tests only: to watch commits, to make them fail. */
  readonly journalThrough?: (journal: Journal) => Journal;
  /** What a password costs. For tests only, which would wait for it; `SCRYPT_COST` when absent. */
  readonly passwordCost?: ScryptCost;
  /** The program of a journal's threads, where it is in a file (`STORE_THREAD`). Absent or null: this thread does it all. */
  readonly storeThread?: URL | null;
}

export interface RunningServer {
  readonly url: string;
  /** The one-time token that makes the first administrator, when there is none yet. */
  readonly setupToken: string | null;
  /** Every route that it has, for tests that walk them. */
  readonly routes: readonly DeclaredRoute[];
  /** How much waits in memory at this moment, for tests that overload it. */
  waiting(): { readonly changes: number; readonly inputs: number; readonly events: number };
  /** Of a journal that was set back: resolves when two people have confirmed it, and the server has to start anew. */
  readonly confirmed: Promise<void>;
  stop(): Promise<void>;
}

/**
 * The composition root: everything is built here by hand, in the order in which data flows, and nowhere else.
 * @throws FirebreakError when the journal cannot be opened or belongs to another kind of clock, or nothing can listen.
 */
export async function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  const opened: (() => Promise<void>)[] = [];
  try {
    return await build(config, options, opened);
  } catch (thrown) {
    for (const close of opened.reverse()) await close();
    throw startupFault(thrown, config);
  }
}

/** @param opened what has to be closed again when the start fails half-way. */
async function build(config: Config, options: ServerOptions, opened: (() => Promise<void>)[]): Promise<RunningServer> {
  const { log } = options;
  const closing = new AbortController();
  // Every notice on its way waits on it: as many are no leak, which is what Node would warn of.
  setMaxListeners(0, closing.signal);
  const machine = realMachine;
  const onError = (what: string) => (thrown: unknown) => log.error({ err: thrown }, what);

  // The journal, its clock and its log.
  const { role = 'all', sandbox, acceleratedFrom } = options;
  const performs = role !== 'api';
  if (role !== 'all' && config.databaseUrl === null) {
    const message = 'A journal in a file belongs to one process, which does everything; roles need DATABASE_URL';
    throw new FirebreakError('conflict', message);
  }
  const ids = randomIds();
  const own = await openOwnJournal(config, {
    acceleratedFrom,
    performs,
    ids,
    machine,
    storeThread: options.storeThread ?? null,
  });
  opened.push(async () => {
    closing.abort();
    await own.close();
  });
  const journal = options.journalThrough?.(own.journal) ?? own.journal;
  const late = lateDesks({ evidence: true, regulatory: true, tasks: true });
  const hosts = await openSsh(config, late.desks.evidence ?? null);
  const outside = outsideSystems(config, sandbox, { desks: late.desks, hosts });
  const { clock, steered } = await businessTime({ journal, wall: own.wall }, acceleratedFrom, sandbox, outside.http);
  const { members } = journal;
  const committer = groupCommitter(journal, machine, () => {
    // The store may be away again before all of it is taken up, and then nothing else would ask for it.
    untilStored({ machine, closing: closing.signal }, goOn).catch(onError('what an outage left could not be taken up'));
  });
  const key = loadLogKey(config.logKeyFile ?? join(config.dataDir, 'log-key.pem'));
  const linkKey = linkKeyOf(key, journal.id);
  const published = fileAnchor(join(config.dataDir, 'checkpoints.txt'), (bytes) =>
    log.warn({ bytes }, 'the last checkpoint in checkpoints.txt was unfinished and has been cut off'),
  );
  const setBack = await lookBack(journal, config, key, onError('the journal could not be compared'));
  if (setBack !== null)
    log.error(setBack, 'the journal is older than what was published of it: RECOVERED until two people confirm');
  // Until then events come in; nothing is done outside, no time passes, nothing is signed.
  const acts = performs && setBack === null;
  const witness = await openWitnessing(setBack === null ? config.witness : null, {
    log: {
      leafHashes: (from, to) => journal.longReads.leafHashes(from, to),
      checkpoints: (newest) => journal.log.checkpoints(newest),
    },
    machine,
    monotonic: () => clock.monotonic(),
    onError: onError('the log could not be witnessed'),
  });
  opened.push(() => witness.close());
  const throughCommitter = throughTheDoor(journal, committer);
  const onStampError = onError('the log could not be stamped with the time');
  const stamping = { journal, committer, clock, machine, stampsLog: acts, onError: onStampError };
  const timeStamps = await openTimeStamps(config, stamping);
  opened.push(() => timeStamps.close());
  const anchors = [published, ...witness.anchors, ...timeStamps.anchors];
  const keeper = await openLogKeeper(throughCommitter, key, clock, anchors);

  // How people are told.
  const senders = await sendersOf(config);
  const approvers = await openApprovers(config);
  const closeSenders = () => Promise.all([...senders.map((sender) => sender.close()), approvers?.close()]);

  // Definitions. What people set over all playbooks is told by the same courier; it is built below.
  const tell = (stream: string, name: string): void => telling.teller.tell(stream, [name]);
  const shared = { journal, committer, clock, machine, ids, tell, log, closing: closing.signal };
  const definitions = openDefinitions(config, {
    ...shared,
    registry: outside.registry,
    channels: peopleChannels(senders),
    approvers: approvers?.names ?? [],
  });
  const { playbooks, runbooks, policies, exemptions, guards, onCall, inventory, changes, governance } = definitions;
  await takeInventoryFile(config, inventory, clock.now());
  const store = executionStore(journal);
  const taking = await takeRunbookSource(acts ? config : null, { ...shared, source: definitions.runbookSource });
  const beside = await openRooms(config, {
    ...shared,
    store,
    inventory,
    wall: own.wall,
    holders: own.requestHolders,
    version: options.version,
    logKey: key,
    randomBytes,
    authority: timeStamps.authority,
    persons: own.journal.persons,
    setBack,
    onUnstamped: onStampError,
    onError,
  });
  opened.push(() => beside.close());
  const pause = createPauseWatch({
    ...shared,
    onResumed() {
      const begin = untilStored({ machine, closing: closing.signal }, () => runner.catchUp());
      begin.catch(onError('what a pause kept back could not be begun'));
    },
  });

  // Incidents and executions.
  const incidents = createIncidentService({ journal, committer, now: () => clock.now() });
  const performer = createPerformer({
    journal,
    members,
    machine,
    clock,
    handlerFor: outside.handlerFor,
    isStopped: store.isStopped,
    pause,
    reserve: createLimiter({ journal, committer, clock }).reserve,
    ...(approvers === null ? {} : { approvers }),
    spawn: (loaded, actionId) => spawnChildren({ runner, store }, loaded, actionId),
    async tellIncident(incidentId, executionId, ...end) {
      await incidents.noteExecution(incidentId, executionId, ...end);
      await intake.lookAgain(incidentId, executionId);
    },
    maxConcurrentExecutions: config.playbooks.maxConcurrent,
    maxCallsPerConnector: config.playbooks.maxCallsPerConnector,
    closing: closing.signal,
    onBug: (thrown, effect) => log.error({ err: thrown, effect: effect.name }, 'an effect could not be performed'),
  });
  const telling = openTelling({
    ...shared,
    store,
    senders,
    messagesPerMinute: config.notifications.messagesPerMinute,
    performs: acts,
    addressesFor: addressesOn(config.publicUrl, linkKey),
    contactFor: beside.contactFor,
    leaves: beside.lookForTasks,
    tellExecution: (executionId, input) => runner.submit(executionId, input),
    onError: onError('somebody could not be told'),
  });
  const { teller, people } = telling;
  late.open({ people, ...beside.desks });
  const core = await keepOwnCore(journal, committer);
  const runner: Runner = createRunner(
    {
      journal,
      members,
      machine,
      committer,
      store,
      clock,
      closing: closing.signal,
      core,
      teller,
      revokedOf: (bound, at) => exemptions.revokedOf(bound, at),
      onCallBook: () => onCall.book(),
      onError: onError('an execution waits for somebody who mends it; all others go on'),
    },
    acts ? performer : performNothing,
  );

  // Events.
  const { detectionContext, withPlace } = await loadSurroundings(config);
  const intake: Intake = createIntake({
    journal,
    committer,
    runner,
    store,
    clock,
    machine,
    closing: closing.signal,
    playbooks,
    governance,
    escalationsFor: beside.startsFor,
    detectionContext,
    withPlace,
    onError: onError('an execution could not be told about its incident'),
  });

  // Who signs in here is looked at like who signs in elsewhere.
  const ingest = createIngestService(intake, clock);
  const ownSignIns = createOwnSignIns({
    journal,
    ingest,
    machine,
    closing: closing.signal,
    now: () => clock.now(),
    onError: onError('own sign-ins were not told to detection; the next one or the next start does it'),
  });

  const privacy = openPrivacy({
    ...shared,
    personal: own.journal,
    store,
    encrypts: config.persons.encrypted,
    protectedIdentities: () => guards.protectedIdentities(),
    onError: onError('an erasure could not go on'),
  });

  // The API over all of it.
  const setup = createSetupService(throughCommitter, randomBytes);
  const signIn = openSignIn(config, {
    journal: throughCommitter,
    passkeyKey: passkeyKeyOf(key, journal.id),
    passwordCost: options.passwordCost,
    onRecorded: () => ownSignIns.look(),
    onRefused: (why) => log.warn({ why }, 'somebody could not sign in by OIDC'),
  });
  const voters = createVoters(throughCommitter);
  const { warningsFor } = beside;
  const looked = { journal, committer, keeper, witness, timeStamps, wall: own.wall, setBack, runner };
  const services: Services = {
    ...openRights(throughCommitter, (name) => policies.naming(name)),
    setup,
    ...signIn,
    playbooks,
    runbooks,
    runbookSource: definitions.runbookSource,
    eventPlans: openEventPlans({ ...shared, ...definitions, runner, senders, withPlace }),
    policies,
    guards,
    inventory,
    ...beside.services,
    ...privacy.services,
    exemptions,
    pause: createPauseService({ journal, committer, watch: pause, tell }),
    glass: createGlassService({ journal, committer }),
    breakGlass: createBreakGlassService({ journal, committer, store, runner, voters }),
    changes,
    incidents,
    executions: createExecutionService({ ...shared, runner, store, playbooks, governance, warningsFor }),
    ...openVoting({ journal: throughCommitter, runner, voters, passkeys: signIn.passkeys }),
    onCall,
    answers: createAnswersService({ journal, key: linkKey, people: () => enabledPeople(journal) }),
    notifications: telling.service,
    audits: createAuditService({ journal, store, machine }),
    ingest,
    metrics: createMetricsService({ journal, store, machine }),
    recovery: createRecoveryService(throughCommitter, setBack),
    health: createHealthService({ ...looked, evidenceStore: beside.evidenceStore, fromGit: definitions.runbookSource }),
    idempotency: createIdempotencyStore(throughCommitter, own.requestHolders),
  };
  const serves = role === 'worker' ? 'health' : 'everything';
  if (serves === 'everything') await requireSiteFor(config, { playbooks, policies });
  const { server, routes } = await buildApp(services, {
    clock,
    randomBytes: randomPool(),
    version: options.version,
    serves,
    slack: slackDoor(config, log),
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
  });

  // Go on with what was under way, then let time and requests in.
  const bring = async (news: readonly QueuedEffect[]): Promise<void> => {
    await telling.bring(news);
    await intake.bring(news.filter(({ name }) => name.startsWith(NEWS_PREFIX)));
  };
  const takeOver = async (): Promise<void> => bring(await runner.takeOver());
  /** After the store was away: what was committed unheard, and what could not be told meanwhile. */
  const goOn = async (): Promise<void> => {
    definitions.refresh();
    beside.refresh();
    await pause.look();
    void beside.settle();
    const held = await runner.catchUp();
    ownSignIns.look();
    await bring(held);
  };
  // In a pause nothing that was left is begun either.
  await pause.look();
  void beside.settle();
  if (acts) await takeOver();
  ownSignIns.look();
  const anonymous = { traceId: '0'.repeat(32), correlationId: 'start', now: clock.now(), idempotencyKey: null };
  // A worker offers no way to use one; others that share the journal print their own.
  const setupToken = role === 'worker' ? null : await setup.issueToken(anonymous, { keepEarlier: journal.shared });
  const background = beginBackground({
    ...shared,
    members,
    keeper,
    pause,
    timekeeper: beside.beside(runner),
    steered,
    acts,
    takeOver,
    isQuiet: () => !intake.busy,
    announce: (at) => announceTime(sandbox, outside.http, at),
    always: [witness.run(closing.signal), timeStamps.run(closing.signal), taking.over],
    whereItActs: () => [beside.keepReverifying(), privacy.run()],
    onError,
  });
  const confirmed = untilConfirmed({ journal, setBack, machine, closing: closing.signal });
  const waiting = () => ({ changes: committer.waiting, inputs: runner.waiting, events: intake.waiting });
  const stop = async (): Promise<void> => {
    await server.close();
    await quiet(() => runner.idle && !intake.busy && !ownSignIns.busy, machine);
    await intake.flush().catch(onError('detection was not written up; the next start does it'));
    closing.abort();
    await Promise.allSettled(background);
    // A store that is away must not keep a process from ending: the next start signs.
    if (acts && (await members.leads('log').catch(() => false)))
      await keeper.keep(true).catch(onError('the log was not signed'));
    await members.leave().catch(onError('no goodbye was said'));
    await Promise.all([outside.close(), beside.close(), witness.close(), timeStamps.close(), closeSenders()]);
    await own.close();
  };
  try {
    const url = await server.listen({ host: config.host, port: config.port });
    return { url, setupToken, routes, waiting, confirmed, stop };
  } catch (thrown) {
    // What works in the background would keep a process alive that nobody can reach.
    await stop();
    const where = `${config.host}:${config.port}`;
    throw new FirebreakError('conflict', `Cannot listen on ${where}: ${messageOf(thrown)}`, [], { cause: thrown });
  }
}

/** What an `api` process begins of what it commits: nothing. Whoever performs finds it in the queue. */
const performNothing = (): Launcher => ({ launch: () => undefined, inFlight: 0, isUnderWay: () => false });
