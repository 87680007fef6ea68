import type { Clock } from '../../platform/clock.ts';
import { NO_CRASH_POINTS, type CrashPoints } from '../../platform/crash-points.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { StoreUnavailableError, type Change, type JournalReader, type RecordDraft } from '../../journal/journal.ts';
import type { Membership, QueuedEffect } from '../../journal/membership.ts';
import type { OnCall } from '../approvals/approval.ts';
import { schedulesIn } from '../approvals/on-call-places.ts';
import { NO_SCHEDULES, whoIsOnCall, type OnCallBook } from '../oncall/book.ts';
import type { GateExemption, Plan } from '../playbooks/plan.ts';
import { changeOf, type Step } from './change.ts';
import { decide } from './core/decide.ts';
import type { Effect } from './core/demands.ts';
import { decideAll, isGone } from './decide-all.ts';
import { createDueTimers } from './due-timers.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';
import type { Fact } from './core/facts.ts';
import { createInheritance } from './inheritance.ts';
import { exemptionsIn } from './exemption-uses.ts';
import { inArrivalOrder } from './input-order.ts';
import type { NewInput, StartInput } from './core/inputs.ts';
import type { Launcher } from './launcher.ts';
import { createMailboxes, StaleTogether, type Applied, type Letter, type Together } from './mailboxes.ts';
import { stuckExecutions } from './stuck.ts';

/** Tries to apply an input whose execution somebody else advances at the same moment. */
const MAX_STALE_RETRIES = 20;

/** Hashes of plans that are known to be on disk; beyond that one is written once more than needed. */
const MAX_KNOWN_PLANS = 1_000;

export interface NewExecution {
  readonly plan: Plan;
  readonly start: Omit<StartInput, 'at' | 'type' | 'planHash'>;
  readonly trace: RecordDraft['trace'];
  /** The schedules in force. Absent: they are looked up when they are needed. */
  readonly onCall?: OnCallBook;
}

export interface Runner {
  /** Applies an input. Resolves when what it led to is on disk. @throws FirebreakError `not_found`. */
  submit(executionId: string, input: NewInput, together?: Together): Promise<Applied>;
  /** Starts an execution; an execution that exists already is left as it is (its id derives from its cause). */
  start(execution: NewExecution): Promise<void>;
  /** The change that starts an execution, to be committed together with its cause; then call `started`. */
  startChange(execution: NewExecution): { readonly change: Change; started(): void };
  /** Applies all timers that are due. Answers how many there were. @throws what the store throws that is away. */
  tick(): Promise<number>;
  /**
   * Takes over what nobody living holds, at the start of a process and whenever another one is gone, and goes on with
   * it. Answers with the queue entries taken over that are not effects of an execution's state.
   */
  takeOver(): Promise<readonly QueuedEffect[]>;
  /**
   * Begins what this process holds and has not begun: after a commit that took place although it was reported as
   * failed, and after there was more than memory may hold. Nothing of that was ever sent: an effect begins after its
   * commit is known, and stays under way until its answer is. People are told what this process holds for them. Answers with
   * what else it holds that is no effect.
   */
  catchUp(): Promise<readonly QueuedEffect[]>;
  /** True when no input waits and no effect is under way. */
  readonly idle: boolean;
  /** Inputs that wait for their executions. */
  readonly waiting: number;
  /** Executions that this process cannot go on with; each is looked at again later. */
  readonly stuck: number;
}

/** Tells people what happened to an execution. Only called for queue entries that are on disk. Never throws. */
export interface Teller {
  tell(executionId: string, names: readonly string[]): void;
}

/** What was recorded about each input, in the order given, and what is owed since. */
interface Advanced {
  readonly answers: readonly (readonly Fact[])[];
  readonly loaded: Loaded;
  readonly newEffects: readonly Effect[];
  readonly tells: readonly string[];
  /** Who this process was when it committed. */
  readonly holder: string;
}

export interface RunnerPorts {
  readonly journal: Pick<JournalReader, 'dueTimers' | 'streamHead'>;
  readonly members: Pick<Membership, 'claim' | 'held' | 'processId'>;
  readonly machine: Machine;
  readonly committer: GroupCommitter;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  /** Content hash of the code that decides, on disk already; null where the program runs from its sources. */
  readonly core?: string | null;
  /** Absent: people are told nothing, and nothing is queued for them. */
  readonly teller?: Teller;
  /** Ids of those exemptions that people have revoked; `at` is the business time. */
  readonly revokedOf: (bound: readonly GateExemption[], at: number) => Promise<readonly string[]>;
  /** The schedules in force, with the people who could be on call. Absent: there are none. */
  readonly onCallBook?: () => Promise<OnCallBook>;
  /** Told of an execution that cannot be gone on with, because a record of it cannot be read, say. It is looked at again later. */
  onError(thrown: unknown): void;
  /** For tests that stop the process. */
  readonly points?: CrashPoints;
}

function has(facts: readonly Fact[], type: Fact['type']): boolean {
  return facts.some((fact) => fact.type === type);
}

/** Both, or neither. */
function joined(change: Change, more: Together['change']): Change {
  return {
    ...change,
    appends: [...(change.appends ?? []), ...(more.appends ?? [])],
    views: [...(change.views ?? []), ...(more.views ?? [])],
  };
}

/** Who is on call at `at` by the schedules that the plan names; null: it names none, and nothing of it is recorded. */
function onCallIn(plan: Plan, book: OnCallBook, at: number): OnCall | null {
  const schedules = schedulesIn(plan);
  return schedules.length === 0 ? null : whoIsOnCall(book, schedules, at);
}

/**
 * The shell around `decide`: collects inputs, commits what they lead to, then lets the effects begin. Records
 * first, effects after. An execution belongs to nobody: a commit checks the expected seq, and who comes second
 * reloads and decides again.
 */
export function createRunner(ports: RunnerPorts, launcherOf: (runner: Runner) => Launcher): Runner {
  const { members, machine, committer, store, clock, core = null, points = NO_CRASH_POINTS, teller } = ports;
  const { onCallBook = async () => NO_SCHEDULES } = ports;
  const plansOnDisk = new Set<string>();
  const mailboxes = createMailboxes(machine, deliver);
  const stuck = stuckExecutions({ monotonic: () => clock.monotonic(), onError: ports.onError });
  const dueTimers = createDueTimers({ ...ports, points, stuck, submit: mailboxes.submit });

  /** A member that cannot be taken up fails alone: the answer of a target must not be lost with a bad request. */
  async function deliver(executionId: string, letters: readonly Letter[]): Promise<void> {
    const ordered = inArrivalOrder(letters, (letter) => letter.input);
    // What goes together with more than its execution must keep nothing else waiting when that is stale.
    if (ordered.length > 1 && ordered.some(({ together }) => together !== undefined)) {
      for (const letter of ordered) await deliver(executionId, [letter]);
      return;
    }
    try {
      const inputs = ordered.map(({ input }) => input);
      const { answers, loaded, newEffects, tells, holder } = await apply(executionId, inputs, ordered[0]?.together);
      const recorded = points.at('input.recorded');
      if (recorded !== undefined) await recorded;
      begin(holder, loaded, newEffects);
      tell(holder, executionId, tells);
      const launched = points.at('input.launched');
      if (launched !== undefined) await launched;
      ordered.forEach((letter, index) => letter.resolve({ facts: answers[index] ?? [], state: loaded.state }));
    } catch (thrown) {
      store.forget(executionId);
      const passing =
        thrown instanceof StoreUnavailableError || thrown instanceof FirebreakError || thrown instanceof StaleTogether;
      if (passing || ordered.length === 1) for (const letter of ordered) letter.reject(thrown);
      else for (const letter of ordered) await deliver(executionId, [letter]);
    }
  }

  async function apply(executionId: string, inputs: readonly NewInput[], together?: Together): Promise<Advanced> {
    for (let tries = 0; tries < MAX_STALE_RETRIES; tries += 1) {
      const before = await store.recall(executionId);
      // Who was faster with a timer has recorded it: there is nothing left to say about it.
      const standing = tries === 0 ? inputs : inputs.filter((input) => !isGone(before, input));
      if (standing.length === 0)
        return { answers: [], loaded: before, newEffects: [], tells: [], holder: members.processId };
      const { plan, state: known, seq, trace } = before;
      // A plan never changes: whoever has revoked an exemption meanwhile is heard here.
      const bound = exemptionsIn(plan);
      const revoked = bound.length === 0 ? [] : await ports.revokedOf(bound, clock.now());
      const book = schedulesIn(plan).length === 0 ? NO_SCHEDULES : await onCallBook();
      const at = clock.now();
      const steps = decideAll(before, standing, { at, core, revoked, onCall: onCallIn(plan, book, at) });
      const { change, newEffects, tells } = changeOf(plan, known, seq, steps, trace, teller !== undefined);
      const joins = together !== undefined && steps.some(({ decision }) => has(decision.facts, together.fact));
      const holder = members.processId;
      const result = await committer.submit(joins ? joined(change, together.change) : change);
      if (result.status === 'applied') {
        const state = steps.at(-1)?.decision.state ?? before.state;
        const loaded = { ...before, state, seq: before.seq + steps.length };
        store.remember(executionId, loaded);
        const answers = inputs.map((input) => steps[standing.indexOf(input)]?.decision.facts ?? []);
        return { answers, loaded, newEffects, tells, holder };
      }
      store.forget(executionId);
      if (joins) throw new StaleTogether();
    }
    throw new FirebreakError('overloaded', `execution ${executionId} is advanced by too many at once`);
  }

  /**
   * Begins what a commit has asked for. A process that was taken for dead meanwhile may have made it as either of the two
   * that it was: what it holds is looked up then, and what the dead one held is taken over like anybody's.
   */
  function begin(holder: string, loaded: Loaded, effects: readonly Effect[]): void {
    if (members.processId === holder) for (const effect of effects) launcher.launch(loaded, effect);
    else if (effects.length > 0) inheritance.lookAgain();
  }

  /** As `begin` does: whoever holds the entry tells it, and this process looks whether that is itself under its new name. */
  function tell(holder: string, executionId: string, names: readonly string[]): void {
    if (names.length === 0) return;
    if (members.processId === holder) teller?.tell(executionId, names);
    else inheritance.lookAgain();
  }

  function startChange({ plan, start, trace, onCall = NO_SCHEDULES }: NewExecution): {
    change: Change;
    started(): void;
  } {
    const planHash = store.rememberPlan(plan);
    // In the order of the canonical text.
    const { authorIds, executionId, journalId, parent, ...rest } = start;
    const at = clock.now();
    const decidedBy = core === null ? {} : { core };
    const people = onCallIn(plan, onCall, at);
    const named = {
      authorIds,
      ...decidedBy,
      executionId,
      journalId,
      ...(people === null ? {} : { onCall: people }),
      parent,
      planHash,
    };
    const input: StartInput = { at, ...named, ...rest, type: 'start' };
    const step: Step = { input, decision: decide(plan, null, input) };
    const { change, newEffects, tells } = changeOf(plan, null, 0, [step], trace, teller !== undefined);
    const holder = members.processId;
    const seen = inheritance.looks;
    return {
      // A plan is plain JSON by its type. One that is on disk is not written again: it never changes and never goes.
      change: plansOnDisk.has(planHash)
        ? change
        : { ...change, objects: [{ hash: planHash, body: plan as unknown as never }] },
      started() {
        if (plansOnDisk.size >= MAX_KNOWN_PLANS) plansOnDisk.clear();
        plansOnDisk.add(planHash);
        const loaded: Loaded = { plan, state: step.decision.state, seq: 1, trace };
        // Whoever looked up meanwhile what this process holds may have begun it, and got further with it.
        if (inheritance.isLooking || inheritance.looks !== seen) return inheritance.lookAgain();
        store.remember(start.executionId, loaded);
        begin(holder, loaded, newEffects);
        tell(holder, start.executionId, tells);
      },
    };
  }

  const runner: Runner = {
    submit: mailboxes.submit,
    startChange,
    async start(execution) {
      const isAsked = execution.onCall === undefined && schedulesIn(execution.plan).length > 0;
      const book = isAsked ? { onCall: await onCallBook() } : {};
      const { change, started } = startChange({ ...execution, ...book });
      const result = await committer.submit(change);
      const recorded = points.at('start.recorded');
      if (recorded !== undefined) await recorded;
      if (result.status === 'applied') started();
      // Stale: it has been started before, from the same cause. That is what was wanted.
    },
    tick: () => dueTimers.tick(),
    takeOver: () => inheritance.takeOver(),
    catchUp: () => inheritance.catchUp(),
    get waiting() {
      return mailboxes.waiting;
    },
    get stuck() {
      return stuck.count;
    },
    get idle() {
      return mailboxes.idle && !inheritance.isGoingOn && launcher.inFlight === 0 && !committer.busy;
    },
  };

  const inheritance = createInheritance({
    ...ports,
    points,
    mailboxes,
    launcher: () => launcher,
    stuck,
    tell: (executionId, names) => teller?.tell(executionId, names),
  });
  const launcher = launcherOf(runner);
  return runner;
}
