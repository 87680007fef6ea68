import { createIncidentService } from '../../src/pipeline/incidents/incidents.service.ts';
import { sandboxHandlers } from '../../src/connectors/sandbox/actions.ts';
import { groupCommitter, type GroupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openLogKeeper, type LogKeeper } from '../../src/journal/log-keeper.ts';
import type { LogKeyPair } from '../../src/journal/log-key.ts';
import { actionRegistry } from '../../src/pipeline/actions/registry.ts';
import { governanceOf } from '../../src/pipeline/approvals/governance.ts';
import { createPolicyService, type PolicyService } from '../../src/pipeline/approvals/policies.service.ts';
import { createLimiter } from '../../src/pipeline/guards/limiter.ts';
import { createGuardService } from '../../src/pipeline/guards/guards.service.ts';
import { executionStore } from '../../src/pipeline/executions/execution-store.ts';
import { createPerformer } from '../../src/pipeline/executions/performer.ts';
import { createRunner, type Runner } from '../../src/pipeline/executions/runner.ts';
import { spawnChildren } from '../../src/pipeline/executions/spawn.ts';
import { createIntake, type Intake } from '../../src/pipeline/intake/intake.ts';
import { createPlaybookService, type PlaybookService } from '../../src/pipeline/playbooks/playbooks.service.ts';
import type { SteeredClock } from '../../src/platform/clock.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { safeHttp } from '../../src/platform/safe-http.ts';
import type { Mortal } from './mortal.ts';
import { NOTHING_PAUSED } from './never-paused.ts';

/** The same list each time, as nobody is exempt here. */
const NOBODY: readonly [] = [];

/** What outlives a process: the company that it acts on, time, and the key of the log. */
export interface Outside {
  readonly sandbox: { readonly url: string; readonly token: string };
  readonly clock: SteeredClock;
  readonly key: LogKeyPair;
  /** Takes each checkpoint that is published. */
  publish(note: string): void;
}

/** The engine and the intake as `server.ts` composes them, with the real connectors, and without the API over them. */
export interface CrashProcess {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly runner: Runner;
  readonly intake: Intake;
  readonly keeper: LogKeeper;
  readonly playbooks: PlaybookService;
  readonly policies: PolicyService;
  readonly faults: unknown[];
  /** Goes on with what nobody living holds. */
  takeOver(): Promise<void>;
  /** Waits until nothing is under way; does not move time. */
  settle(): Promise<void>;
  /** Ends it without a goodbye; its journal's handle is the caller's. */
  abandon(): Promise<void>;
}

const BACKOFF_MS = 1_000;
const TIMEOUT_MS = 24 * 3_600_000;
const DEFAULTS = { executionTimeoutMs: 7 * TIMEOUT_MS, backoffMs: BACKOFF_MS, approvalTimeoutMs: TIMEOUT_MS };

export async function crashProcess(opened: Journal, outside: Outside, life: Mortal): Promise<CrashProcess> {
  const journal = life.bind(opened);
  const { members } = journal;
  const { machine, points } = life;
  const { clock, sandbox } = outside;
  const http = safeHttp({ allow: [new URL(sandbox.url).host] });
  const closing = new AbortController();
  const faults: unknown[] = [];
  const committer = groupCommitter(
    journal,
    machine,
    () => {
      runner.catchUp().catch((thrown: unknown) => faults.push(thrown));
    },
    points,
  );
  const anchor = async (note: string): Promise<void> => outside.publish(note);
  const keeper = await openLogKeeper(journal, outside.key, clock, [anchor], points);
  const registry = actionRegistry(
    sandboxHandlers({ baseUrl: sandbox.url, token: sandbox.token, http: life.wire(http) }),
  );
  const declarationOf = (type: Parameters<typeof registry.declarationOf>[0]) =>
    registry.declarations().find((declaration) => declaration.type === type) ?? null;
  const ids = randomIds();
  const playbooks = createPlaybookService({
    journal,
    committer,
    ids,
    defaults: DEFAULTS,
    declarationOf,
    parameterFaults: (type, parameters) => registry.checkParameters(type, parameters),
    channels: ['IN_APP'],
    hasPasskeys: false,
    onUnusable: (_id, thrown) => faults.push(thrown),
  });
  const exemptions = { inForce: async () => NOBODY };
  const policies = createPolicyService({
    journal,
    committer,
    ids,
    approvalTimeoutMs: DEFAULTS.approvalTimeoutMs,
    reversibilityOf: (type) => declarationOf(type)?.reversibility ?? null,
    channels: [],
    valuesOf: async () => null,
    exemptions: exemptions.inForce,
    hasPasskeys: false,
  });
  const incidents = createIncidentService({ journal, committer, now: () => clock.now() });
  const store = executionStore(journal);
  const runner: Runner = createRunner(
    {
      journal,
      members,
      machine,
      committer,
      store,
      clock,
      closing: closing.signal,
      points,
      revokedOf: async () => [],
      onError: (thrown) => faults.push(thrown),
    },
    createPerformer({
      journal,
      members,
      machine,
      clock,
      pause: NOTHING_PAUSED,
      reserve: createLimiter({ journal, committer, clock }).reserve,
      points,
      isStopped: store.isStopped,
      handlerFor: (type, connector) => {
        const known = registry.declarations().find((each) => each.type === type && each.connector === connector);
        return known === undefined ? null : registry.handlerFor(known.type, connector);
      },
      spawn: (loaded, actionId) => spawnChildren({ runner, store }, loaded, actionId),
      async tellIncident(incidentId, executionId, ...end) {
        await incidents.noteExecution(incidentId, executionId, ...end);
        await intake.lookAgain(incidentId, executionId);
      },
      maxConcurrentExecutions: 128,
      maxCallsPerConnector: 64,
      closing: closing.signal,
      onBug: (thrown) => faults.push(thrown),
    }),
  );
  const intake: Intake = createIntake({
    journal,
    committer,
    runner,
    store,
    clock,
    machine,
    closing: closing.signal,
    playbooks,
    governance: governanceOf(policies, createGuardService({ journal, committer }), exemptions),
    detectionContext: () => ({ egressLabel: () => null }),
    withPlace: (event) => event,
    onError: (thrown) => faults.push(thrown),
    points,
  });
  return {
    journal,
    committer,
    runner,
    intake,
    keeper,
    playbooks,
    policies,
    faults,
    takeOver: async () => intake.bring(await runner.takeOver()),
    async settle() {
      do await machine.turn();
      while (!runner.idle || intake.busy);
    },
    async abandon() {
      await life.drained();
      closing.abort();
      await http.close();
    },
  };
}
