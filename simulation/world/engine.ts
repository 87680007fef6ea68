import { onCallBook } from '../workload/seats.ts';
import { isRevoked } from '../workload/exemptions.ts';
import { setMaxListeners } from 'node:events';
import type { Clock, SteeredClock } from '../../src/platform/clock.ts';
import { groupCommitter, type GroupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { QueuedEffect } from '../../src/journal/membership.ts';
import { keepMembership } from '../../src/journal/keep-membership.ts';
import { probeStore } from '../../src/journal/store-probe.ts';
import { soleMember } from '../../src/journal/sole-member.ts';
import { NEWS_PREFIX } from '../../src/pipeline/executions/change.ts';
import { createLimiter } from '../../src/pipeline/guards/limiter.ts';
import { createPauseService, type PauseService } from '../../src/pipeline/guards/pause.service.ts';
import { createPauseWatch } from '../../src/pipeline/guards/pause-watch.ts';
import { executionStore } from '../../src/pipeline/executions/execution-store.ts';
import type { IncidentInput, NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import { createPerformer } from '../../src/pipeline/executions/performer.ts';
import type { Launcher } from '../../src/pipeline/executions/launcher.ts';
import { createRunner, type Runner, type Teller } from '../../src/pipeline/executions/runner.ts';
import { spawnChildren } from '../../src/pipeline/executions/spawn.ts';
import { keepAcceleratedTime, keepTime } from '../../src/pipeline/executions/timekeeper.ts';
import { untilStored } from '../../src/pipeline/executions/until-stored.ts';
import { createNotices } from '../../src/pipeline/notifications/notices.ts';
import { createTeller } from '../../src/pipeline/notifications/teller.ts';
import type { UserInForce } from '../../src/pipeline/access/user-in-force.ts';
import type { Approver } from './approver.ts';
import { createHost, type Host } from './host.ts';
import { memoryJournal } from './memory-journal.ts';
import { sharedMember, type MemberTable } from './members.ts';
import { storeLink, type StoreWeather } from './store-link.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Store } from './store.ts';
import type { Targets } from './targets.ts';
import type { Trace } from './trace.ts';

const BOOK = onCallBook();

/** What all processes of one world have in common. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly random: Random;
  readonly store: Store;
  readonly table: MemberTable;
  readonly targets: Targets;
  /** A service outside that gates ask. */
  readonly approver: Approver;
  readonly storeWeather: StoreWeather;
  /** Business time as the world has it, ms since 1970. */
  readonly wall: () => number;
  readonly shared: boolean;
  readonly accelerated: SteeredClock | null;
  readonly maxConcurrent: number;
  /** People pause everything now and then; otherwise nobody asks whether they have. */
  readonly pauses: boolean;
  /** Told what only a bug explains. */
  readonly onBug: (thrown: unknown) => void;
  readonly onTold: (executionId: string, status: string) => void;
  /** Who can be told, and asked. */
  readonly staff: readonly UserInForce[];
  /** Told of each answer that the engine hands to itself. */
  readonly onAnswer: (executionId: string, input: NewInput) => void;
}

/** The real engine in one simulated process. */
export interface Engine {
  readonly host: Host;
  readonly runner: Runner;
  readonly committer: GroupCommitter;
  readonly journal: Journal;
  readonly performs: boolean;
  readonly pause: PauseService;
  /** True once it has taken over what others left, and works. */
  readonly ready: boolean;
  /** Tells an execution news that are queued; as the server does, until the store lets it. */
  tell(news: Pick<QueuedEffect, 'execution' | 'body'>): Promise<void>;
}

/** Starts a process: the same wiring as the server's, with the world behind every port. */
export function startEngine(world: Surroundings, name: string, performs: boolean, skewMs: number): Engine {
  const { scheduler, store, targets, storeWeather, trace, shared } = world;
  const host = createHost(scheduler, name);
  const random = world.random.fork(`store ${name}`);
  const ask = storeLink({ scheduler, trace, random, weather: storeWeather, host, shared });
  const { machine } = host;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const clock = clockOf(world, skewMs);
  const joined = shared ? sharedMember(world.table, host, scheduler, ask) : null;
  const members = joined ?? soleMember(async () => (await journal.queuedEffects()).slice());
  const holder = (): string | null => (performs ? members.processId : null);
  const journal: Journal = memoryJournal(store, { shared, members, ask, holder });
  const executions = executionStore(journal);
  const committer = groupCommitter(
    journal,
    machine,
    () => void untilStored({ machine, closing: closing.signal }, goOn),
  );
  const watch = createPauseWatch({
    journal,
    clock,
    machine,
    closing: closing.signal,
    onResumed: () => void untilStored({ machine, closing: closing.signal }, () => runner.catchUp()).catch(world.onBug),
  });
  const performer = createPerformer({
    journal,
    members,
    machine,
    clock,
    pause: world.pauses ? watch : NEVER_PAUSED,
    reserve: createLimiter({ journal, committer, clock }).reserve,
    approvers: world.approver.of(host),
    isStopped: executions.isStopped,
    handlerFor: (type, connector) => targets.handlerOf(host, type, connector),
    spawn: (loaded, actionId) => spawnChildren({ runner, store: executions }, loaded, actionId),
    async tellIncident(_incidentId, executionId, status) {
      await journal.streamHead('config');
      world.onTold(executionId, status);
    },
    maxConcurrentExecutions: world.maxConcurrent,
    maxCallsPerConnector: 16,
    closing: closing.signal,
    onBug: world.onBug,
  });
  const idle: Launcher = { launch: () => undefined, inFlight: 0, isUnderWay: () => false };
  const notices = createNotices({ journal, committer });
  const telling = createTeller({
    machine,
    clock,
    closing: closing.signal,
    journal,
    store: executions,
    notices,
    channels: [],
    // In-app only: what goes out lives by minutes of machine time, longer than a world waits to be at rest.
    courier: () => ({ deliver: () => undefined, bring: async () => undefined }),
    async people() {
      await journal.streamHead('access');
      return world.staff;
    },
    wantsEmail: async () => true,
    tellExecution: (executionId, input) => runner.submit(executionId, input),
    onError: world.onBug,
  });
  const teller: Teller = performs ? telling : { tell: () => undefined };
  const runner: Runner = createRunner(
    {
      journal,
      members,
      machine,
      committer,
      store: executions,
      clock,
      closing: closing.signal,
      teller,
      onCallBook: async () => {
        await journal.streamHead('oncall/primary');
        return BOOK;
      },
      onError: world.onBug,
      revokedOf: async (bound, at) => bound.filter((each) => isRevoked(each, at)).map(({ id }) => id),
    },
    (itself) => (performs ? performer(overheard(itself, world)) : idle),
  );

  async function tell({ execution, body }: Pick<QueuedEffect, 'execution' | 'body'>): Promise<void> {
    const input = body as unknown as Omit<IncidentInput, 'at'>; // written by `news` of the workload
    await untilStored({ machine, closing: closing.signal }, () => runner.submit(execution, input));
  }
  async function bring(all: readonly QueuedEffect[]): Promise<void> {
    await telling.bring(all);
    for (const news of all.filter(({ name: entry }) => entry.startsWith(NEWS_PREFIX)))
      void tell(news).catch(world.onBug);
  }
  async function goOn(): Promise<void> {
    if (world.pauses) await watch.look();
    await bring(await runner.catchUp());
  }
  const takeOver = async (): Promise<void> => bring(await runner.takeOver());
  const failed = (): void => undefined; // The store is away: the loops try again.

  let ready = false;
  async function live(): Promise<void> {
    const waits = { machine, closing: closing.signal };
    await untilStored(waits, async () => joined?.join());
    if (world.pauses) await untilStored(waits, () => watch.look());
    if (performs) await untilStored(waits, takeOver);
    ready = true;
    const time = { runner, journal, members, machine, closing: closing.signal, onError: failed };
    void probeStore({ committer, clock, machine, closing: closing.signal });
    if (world.pauses && shared && performs) void watch.keepLooking();
    if (shared) {
      const ports = { members, machine, closing: closing.signal, onError: failed };
      void keepMembership({ ...ports, takeOver: performs ? takeOver : null });
    }
    if (world.accelerated === null) void keepTime(time, clock);
    else
      void keepAcceleratedTime(
        {
          ...time,
          quiet: () => targets.underWay === 0,
          paused: () => false,
          announce: async () => undefined,
        },
        { ...steered(world.accelerated), monotonic: () => scheduler.now / 1_000 },
      );
  }
  live().catch(world.onBug);

  return {
    host,
    runner,
    committer,
    journal,
    performs,
    pause: createPauseService({ journal, committer, watch }),
    tell,
    get ready() {
      return ready && host.alive;
    },
  };
}

/** In worlds where nobody pauses. */
const NEVER_PAUSED = { standing: () => 'open' as const, look: async () => undefined };

/** Business time of one process: its own wall clock, which never goes backwards as long as it lives. */
function clockOf({ wall, scheduler, accelerated }: Surroundings, skewMs: number): Clock {
  let last = 0;
  return {
    accelerated: accelerated !== null,
    monotonic: () => scheduler.now / 1_000,
    now() {
      last = Math.max(last, accelerated?.now() ?? wall() + skewMs);
      return last;
    },
  };
}

function steered(clock: SteeredClock): SteeredClock {
  return { ...clock, now: () => clock.now(), advanceTo: (at) => clock.advanceTo(at) };
}

/** The runner as the performer knows it: what it hands in is heard, so that it can be handed in again later. */
function overheard(runner: Runner, { onAnswer }: Surroundings): Runner {
  return {
    submit(executionId, input) {
      onAnswer(executionId, input);
      return runner.submit(executionId, input);
    },
    start: (execution) => runner.start(execution),
    startChange: (execution) => runner.startChange(execution),
    tick: () => runner.tick(),
    takeOver: () => runner.takeOver(),
    catchUp: () => runner.catchUp(),
    get waiting() {
      return runner.waiting;
    },
    get idle() {
      return runner.idle;
    },
    get stuck() {
      return runner.stuck;
    },
  };
}
