import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { steeredClock, type SteeredClock } from '../../src/platform/clock.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { groupCommitter, type GroupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { createLimiter } from '../../src/pipeline/guards/limiter.ts';
import { createPauseService, type PauseService } from '../../src/pipeline/guards/pause.service.ts';
import { createPauseWatch } from '../../src/pipeline/guards/pause-watch.ts';
import { executionStore, type ExecutionStore } from '../../src/pipeline/executions/execution-store.ts';
import { createPerformer } from '../../src/pipeline/executions/performer.ts';
import type { Launcher } from '../../src/pipeline/executions/launcher.ts';
import { createRunner, type Runner, type Teller } from '../../src/pipeline/executions/runner.ts';
import { spawnChildren } from '../../src/pipeline/executions/spawn.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { fakeTarget, type FakeTarget } from './fake-target.ts';
import { startOf } from './plans.ts';

export const TEST_START = Date.UTC(2026, 10, 21, 3, 0, 0);

/** The real engine on a real SQLite file, with a steered clock and a fake target. */
export interface TestEngine {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly store: ExecutionStore;
  readonly runner: Runner;
  readonly clock: SteeredClock;
  readonly target: FakeTarget;
  readonly pause: PauseService;
  readonly told: string[];
  readonly bugs: unknown[];
  /** What is done when an execution told its incident of its end. */
  onEnd(act: (incidentId: string, executionId: string) => Promise<void>): void;
  /** Effects that the performer has in memory. */
  inFlight(): number;
  start(plan: Plan, executionId?: string, accounts?: readonly string[]): Promise<void>;
  /** Makes the actions of a plan known to an engine that goes on with an execution it did not start. */
  know(plan: Plan): void;
  /** Waits until nothing is under way; does not move time. */
  settle(): Promise<void>;
  /** Settles, then jumps from timer to timer until none is due before `limit` (business ms from the start). */
  runUntilQuiet(limitMs?: number): Promise<void>;
  /** Ends this process's part without any goodbye: what was under way is lost, the file stays. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export function testEngine(
  options: {
    file?: string;
    target?: FakeTarget;
    clock?: SteeredClock;
    maxConcurrent?: number;
    /** Stands between the engine and its journal: to watch commits, to make them fail. */
    journalThrough?: (journal: Journal) => Journal;
    /** Absent: people are told nothing. */
    teller?: Teller;
  } = {},
): TestEngine {
  const folder = options.file === undefined ? mkdtempSync(join(tmpdir(), 'firebreak-test-')) : null;
  const file = options.file ?? join(folder ?? '', 'journal.sqlite');
  const clock = options.clock ?? steeredClock(TEST_START);
  const target = options.target ?? fakeTarget();
  const opened = openSqliteJournal({ file, birth: { id: 'jrn_test', at: TEST_START, accelerated: true } });
  const journal = options.journalThrough?.(opened) ?? opened;
  const { members } = journal;
  const machine = realMachine;
  const store = executionStore(journal);
  const closing = new AbortController();
  const told: string[] = [];
  const bugs: unknown[] = [];
  const plans = new Map<string, Plan>();
  const committer = groupCommitter(journal, machine, () => {
    runner.catchUp().catch((thrown: unknown) => bugs.push(thrown));
  });
  let atEnd: (incidentId: string, executionId: string) => Promise<void> = async () => undefined;
  let launcher: Launcher | null = null;
  const watch = createPauseWatch({
    journal,
    clock,
    machine,
    closing: closing.signal,
    onResumed: () => void runner.catchUp().catch((thrown: unknown) => bugs.push(thrown)),
  });
  const performer = createPerformer({
    journal,
    members,
    machine,
    clock,
    pause: watch,
    reserve: createLimiter({ journal, committer, clock }).reserve,
    isStopped: store.isStopped,
    handlerFor: (type, connector) => {
      for (const plan of plans.values()) {
        for (const stage of plan.stages) {
          for (const { declaration } of stage.actions) {
            if (declaration.type === type && declaration.connector === connector) return target.handler(declaration);
          }
        }
      }
      return null;
    },
    spawn: (loaded, actionId) => spawnChildren({ runner, store }, loaded, actionId),
    async tellIncident(incidentId, executionId, status) {
      told.push(`${incidentId} ${executionId} ${status}`);
      await atEnd(incidentId, executionId);
    },
    maxConcurrentExecutions: options.maxConcurrent ?? 128,
    maxCallsPerConnector: 64,
    closing: closing.signal,
    onBug: (thrown) => bugs.push(thrown),
  });
  const runner: Runner = createRunner(
    {
      journal,
      members,
      machine,
      committer,
      store,
      clock,
      closing: closing.signal,
      ...(options.teller === undefined ? {} : { teller: options.teller }),
      revokedOf: async () => [],
      onError: (thrown) => bugs.push(thrown),
    },
    (itself) => {
      launcher = performer(itself);
      return launcher;
    },
  );
  const engine: TestEngine = {
    journal,
    committer,
    store,
    runner,
    clock,
    target,
    pause: createPauseService({ journal, committer, watch }),
    told,
    bugs,
    onEnd(act) {
      atEnd = act;
    },
    inFlight: () => launcher?.inFlight ?? 0,
    async start(plan, executionId = 'exe_test', accounts = []) {
      plans.set(executionId, plan);
      await runner.start({ plan, start: startOf(executionId, journal.id, accounts), trace: undefined });
    },
    know(plan) {
      plans.set(`known ${plans.size}`, plan);
    },
    async settle() {
      while (!runner.idle) await new Promise((resolve) => setImmediate(resolve));
    },
    async runUntilQuiet(limitMs = 86_400_000) {
      for (;;) {
        await engine.settle();
        const due = await journal.nextTimerDue();
        if (due === null || due > TEST_START + limitMs) return;
        clock.advanceTo(due);
        await runner.tick();
      }
    },
    async crash() {
      closing.abort();
      await journal.close();
    },
    async close() {
      closing.abort();
      await engine.settle();
      await journal.close();
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
    },
  };
  return engine;
}
