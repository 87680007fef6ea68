import type { Clock } from '../../platform/clock.ts';
import { NO_CRASH_POINTS, type CrashPoints } from '../../platform/crash-points.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { StoreUnavailableError, type Change, type JournalReader, type RecordDraft } from '../../journal/journal.ts';
import type { Membership, QueuedEffect } from '../../journal/membership.ts';
import type { Plan } from '../playbooks/plan.ts';
import { changeOf, NEWS_PREFIX, type Step } from './change.ts';
import { decide } from './core/decide.ts';
import { effectsOf, type AttemptEffect, type Effect } from './core/demands.ts';
import { decideAll, isGone } from './decide-all.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';
import type { Fact } from './core/facts.ts';
import { inArrivalOrder } from './input-order.ts';
import type { NewInput, StartInput } from './core/inputs.ts';
import type { ExecutionState } from './core/state.ts';
import { STRAGGLER_MARGIN_MS } from './straggler.ts';
import { untilStored } from './until-stored.ts';

/** Tries to apply an input whose execution somebody else advances at the same moment. */
const MAX_STALE_RETRIES = 20;
/** Timers taken up at once. */
const TIMERS_PER_TICK = 500;

/** Hashes of plans that are known to be on disk; beyond that one is written once more than needed. */
const MAX_KNOWN_PLANS = 1_000;

/** Held effects that are looked at to find some that were not begun: twice as many as are ever under way. */
const HELD_AT_ONCE = 10_000;

/**
 * Inputs that may wait for their executions: several times what requests, timers and calls under way can hand in at
 * once. Beyond it who hands in is told so; what must not be lost is handed in again.
 */
export const MAX_WAITING_INPUTS = 20_000;

/** Effects taken over at once. */
const CLAIMED_AT_ONCE = 500;

/** What became of an input: its facts are recorded, on disk. */
export interface Applied {
  readonly facts: readonly Fact[];
  readonly state: ExecutionState;
}

export interface Launcher {
  /** Performs an effect whose demand is on disk, and later hands its answer to the runner. Never throws. */
  launch(loaded: Loaded, effect: Effect): void;
  /** Effects under way. */
  readonly inFlight: number;
  isUnderWay(executionId: string, effectName: string): boolean;
}

export interface NewExecution {
  readonly plan: Plan;
  readonly start: Omit<StartInput, 'at' | 'type' | 'planHash'>;
  readonly trace: RecordDraft['trace'];
}

export interface Runner {
  /** Applies an input. Resolves when what it led to is on disk. @throws FirebreakError `not_found`. */
  submit(executionId: string, input: NewInput): Promise<Applied>;
  /** Starts an execution; an execution that exists already is left as it is (its id derives from its cause). */
  start(execution: NewExecution): Promise<void>;
  /** The change that starts an execution, to be committed together with its cause; then call `started`. */
  startChange(execution: NewExecution): { readonly change: Change; started(): void };
  /** Applies all timers that are due. Answers how many there were. */
  tick(): Promise<number>;
  /**
   * Takes over what nobody living holds, at the start of a process and whenever another one is gone, and goes on with
   * it. Answers with the queue entries taken over that are not effects of an execution's state.
   */
  takeOver(): Promise<readonly QueuedEffect[]>;
  /**
   * Begins what this process holds and has not begun: after a commit that took place although it was reported as
   * failed, and after there was more than memory may hold. Nothing of that was ever sent: an effect begins after its
   * commit is known, and stays under way until its answer is.
   */
  catchUp(): Promise<void>;
  /** True when no input waits and no effect is under way. */
  readonly idle: boolean;
  /** Inputs that wait for their executions. */
  readonly waiting: number;
}

/** What was recorded about each input, in the order given, and what is owed since. */
interface Advanced {
  readonly answers: readonly (readonly Fact[])[];
  readonly loaded: Loaded;
  readonly newEffects: readonly Effect[];
  /** Who this process was when it committed. */
  readonly holder: string;
}

interface Letter {
  readonly input: NewInput;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (thrown: unknown) => void;
}

export interface RunnerPorts {
  readonly journal: Pick<JournalReader, 'dueTimers'>;
  readonly members: Pick<Membership, 'claim' | 'held' | 'processId'>;
  readonly machine: Machine;
  readonly committer: GroupCommitter;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  /** Content hash of the code that decides, on disk already; null where the program runs from its sources. */
  readonly core?: string | null;
  /** For tests that stop the process. */
  readonly points?: CrashPoints;
}

/**
 * The shell around `decide`: collects inputs, commits what they lead to, then lets the effects begin. Records
 * first, effects after. An execution belongs to nobody: a commit checks the expected seq, and who comes second
 * reloads and decides again.
 */
export function createRunner(ports: RunnerPorts, launcherOf: (runner: Runner) => Launcher): Runner {
  const { journal, members, machine, committer, store, clock, closing, core = null, points = NO_CRASH_POINTS } = ports;
  const mailboxes = new Map<string, Letter[]>();
  const plansOnDisk = new Set<string>();
  /** Executions whose inputs are being taken up, each with the end of it. */
  const busy = new Map<string, Promise<void>>();
  /** What was taken over and not gone on with yet, by execution and name, and who this process was when it took it. */
  const inherited = new Map<string, QueuedEffect & { readonly holder: string }>();
  /** The last question about what is held or may be taken over. */
  let asked: Promise<unknown> = Promise.resolve();
  let goingOn = 0;
  /** Looks at what this process holds: those that go on, and those that are over. */
  let looking = 0;
  let looks = 0;
  let lookOwed = false;
  let waiting = 0;

  function drain(executionId: string): void {
    if (!busy.has(executionId)) busy.set(executionId, drainAll(executionId));
  }

  async function drainAll(executionId: string): Promise<void> {
    try {
      // Answers of the same turn of the loop are taken up together, so that they leave no trace of their race.
      await machine.turn();
      for (let letters = take(executionId); letters.length > 0; letters = take(executionId)) {
        await deliver(executionId, letters);
      }
    } finally {
      busy.delete(executionId);
    }
  }

  function take(executionId: string): Letter[] {
    const letters = mailboxes.get(executionId) ?? [];
    mailboxes.delete(executionId);
    waiting -= letters.length;
    return letters;
  }

  /** A member that cannot be taken up fails alone: the answer of a target must not be lost with a bad request. */
  async function deliver(executionId: string, letters: readonly Letter[]): Promise<void> {
    const ordered = inArrivalOrder(letters, (letter) => letter.input);
    try {
      const { answers, loaded, newEffects, holder } = await apply(
        executionId,
        ordered.map(({ input }) => input),
      );
      const recorded = points.at('input.recorded');
      if (recorded !== undefined) await recorded;
      begin(holder, loaded, newEffects);
      const launched = points.at('input.launched');
      if (launched !== undefined) await launched;
      ordered.forEach((letter, index) => letter.resolve({ facts: answers[index] ?? [], state: loaded.state }));
    } catch (thrown) {
      store.forget(executionId);
      const passing = thrown instanceof StoreUnavailableError || thrown instanceof FirebreakError;
      if (passing || ordered.length === 1) for (const letter of ordered) letter.reject(thrown);
      else for (const letter of ordered) await deliver(executionId, [letter]);
    }
  }

  async function apply(executionId: string, inputs: readonly NewInput[]): Promise<Advanced> {
    for (let tries = 0; tries < MAX_STALE_RETRIES; tries += 1) {
      const before = await store.recall(executionId);
      // Who was faster with a timer has recorded it: there is nothing left to say about it.
      const standing = tries === 0 ? inputs : inputs.filter((input) => !isGone(before, input));
      if (standing.length === 0) return { answers: [], loaded: before, newEffects: [], holder: members.processId };
      const steps = decideAll(before, standing, { at: clock.now(), core });
      const { change, newEffects } = changeOf(before.plan, before.state, before.seq, steps, before.trace);
      const holder = members.processId;
      const result = await committer.submit(change);
      if (result.status === 'applied') {
        const state = steps.at(-1)?.decision.state ?? before.state;
        const loaded = { ...before, state, seq: before.seq + steps.length };
        store.remember(executionId, loaded);
        const answers = inputs.map((input) => steps[standing.indexOf(input)]?.decision.facts ?? []);
        return { answers, loaded, newEffects, holder };
      }
      store.forget(executionId);
    }
    throw new FirebreakError('overloaded', `execution ${executionId} is advanced by too many at once`);
  }

  /**
   * Begins what a commit has asked for. A process that was taken for dead meanwhile may have made it as either of the two
   * that it was: what it holds is looked up then, and what the dead one held is taken over like anybody's.
   */
  function begin(holder: string, loaded: Loaded, effects: readonly Effect[]): void {
    if (members.processId === holder) for (const effect of effects) launcher.launch(loaded, effect);
    else if (effects.length > 0) lookAgain();
  }

  /** One look for all who ask while another one goes on. Nobody hears of a read that failed, so it is tried again here. */
  function lookAgain(): void {
    if (looking > 0) lookOwed = true;
    else void untilStored({ machine, closing }, () => runner.catchUp()).catch(() => undefined);
  }

  function startChange({ plan, start, trace }: NewExecution): { change: Change; started(): void } {
    const planHash = store.rememberPlan(plan);
    // In the order of the canonical text.
    const { authorIds, executionId, journalId, parent, ...rest } = start;
    const at = clock.now();
    const decidedBy = core === null ? {} : { core };
    const named = { authorIds, ...decidedBy, executionId, journalId, parent, planHash };
    const input: StartInput = { at, ...named, ...rest, type: 'start' };
    const step: Step = { input, decision: decide(plan, null, input) };
    const { change, newEffects } = changeOf(plan, null, 0, [step], trace);
    const holder = members.processId;
    const seen = looks;
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
        if (looking > 0 || looks !== seen) return lookAgain();
        store.remember(start.executionId, loaded);
        begin(holder, loaded, newEffects);
      },
    };
  }

  const runner: Runner = {
    submit(executionId, input) {
      if (waiting >= MAX_WAITING_INPUTS) {
        return Promise.reject(new FirebreakError('overloaded', 'Too many inputs wait for their executions'));
      }
      waiting += 1;
      return new Promise((resolve, reject) => {
        const letters = mailboxes.get(executionId) ?? [];
        letters.push({ input, resolve, reject });
        mailboxes.set(executionId, letters);
        drain(executionId);
      });
    },
    startChange,
    async start(execution) {
      const { change, started } = startChange(execution);
      const result = await committer.submit(change);
      const recorded = points.at('start.recorded');
      if (recorded !== undefined) await recorded;
      if (result.status === 'applied') started();
      // Stale: it has been started before, from the same cause. That is what was wanted.
    },
    async tick() {
      const due = await journal.dueTimers(clock.now(), TIMERS_PER_TICK);
      const read = points.at('timers.read');
      if (read !== undefined) await read;
      await Promise.all(
        due.map(({ execution, name, generation }) => runner.submit(execution, { type: 'timer', name, generation })),
      );
      return due.length;
    },
    async takeOver() {
      goingOn += 1;
      try {
        for (let count = CLAIMED_AT_ONCE; count === CLAIMED_AT_ONCE;) count = await oneByOne(inherit);
        for (const id of executionsOf([...inherited.values()])) await inTurn(id, () => goOn(id));
        const others = [...inherited.values()].filter(({ name }) => name.startsWith(NEWS_PREFIX));
        for (const { execution, name } of others) inherited.delete(keyOf(execution, name));
        return others;
      } finally {
        goingOn -= 1;
      }
    },
    async catchUp() {
      goingOn += 1;
      looking += 1;
      try {
        const holder = members.processId;
        const held = await oneByOne(() => members.held(HELD_AT_ONCE));
        const names = new Set(held.map(({ execution, name }) => keyOf(execution, name)));
        for (const executionId of executionsOf(held)) {
          await inTurn(executionId, () => goOn(executionId));
          // An answer that was recorded between the look and what follows from it would be asked for a second time.
          await alone(executionId, async () => {
            // Another process may hold other effects of the same execution, and may have got further with it.
            const loaded = await store.load(executionId);
            for (const effect of effectsOf(loaded.plan, loaded.state)) {
              const key = keyOf(executionId, effect.name);
              const begun = inherited.has(key) || launcher.isUnderWay(executionId, effect.name);
              if (names.has(key) && !begun && members.processId === holder) launcher.launch(loaded, effect);
            }
          });
        }
      } finally {
        goingOn -= 1;
        looking -= 1;
        looks += 1;
        if (lookOwed && looking === 0) {
          lookOwed = false;
          lookAgain();
        }
      }
    },
    get waiting() {
      return waiting;
    },
    get idle() {
      const taking = mailboxes.size > 0 || busy.size > 0 || goingOn > 0;
      return !taking && launcher.inFlight === 0 && !committer.busy;
    },
  };

  /**
   * Asks what is held and what may be taken over one after the other: what was claimed and is not known here yet would
   * pass for what this process holds and has never begun.
   */
  function oneByOne<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const answer = asked.then(ask);
    asked = answer.catch(() => undefined);
    return answer;
  }

  /** Answers with how many effects were taken over. */
  async function inherit(): Promise<number> {
    const before = members.processId;
    const claimed = await members.claim(CLAIMED_AT_ONCE);
    const holder = members.processId;
    if (claimed.length > 0) await points.at('takeover.claimed');
    for (const { unbegun, ...queued } of claimed) {
      // Another one meanwhile: under which of both names it was claimed cannot be told, nor what became of it since.
      const sure = unbegun === true && before === holder ? { unbegun } : {};
      inherited.set(keyOf(queued.execution, queued.name), { ...queued, ...sure, holder });
    }
    return claimed.length;
  }

  /** What has just been committed here is begun by who committed it; then it is this one's turn. */
  async function inTurn(executionId: string, work: () => Promise<void>): Promise<void> {
    await machine.turn();
    // A commit may take its time: this waits for its end and does not ask again and again.
    while (busy.has(executionId)) await busy.get(executionId);
    await work();
  }

  /** Nothing of the execution is taken up meanwhile; what comes in waits. `work` must hand in nothing for it. */
  async function alone(executionId: string, work: () => Promise<void>): Promise<void> {
    await machine.turn();
    while (busy.has(executionId)) await busy.get(executionId);
    const done = work();
    busy.set(
      executionId,
      done.catch(() => undefined),
    );
    try {
      await done;
    } finally {
      busy.delete(executionId);
      if (mailboxes.has(executionId)) drain(executionId);
    }
  }

  /**
   * Calls that were under way with who is gone are interrupted; everything else may simply be asked again. What cannot
   * be done now, because the store is away or a call of this process is still under way, stays inherited: it may have
   * been sent, so nothing else may begin it.
   */
  async function goOn(executionId: string): Promise<void> {
    const taken = new Set(
      [...inherited.values()].filter(({ execution }) => execution === executionId).map(({ name }) => name),
    );
    if (taken.size === 0) return;
    const loaded = await store.load(executionId);
    const owed = effectsOf(loaded.plan, loaded.state);
    for (const name of taken) {
      // By an input that came meanwhile, it may be owed no more.
      if (!name.startsWith(NEWS_PREFIX) && owed.every((effect) => effect.name !== name))
        inherited.delete(keyOf(executionId, name));
    }
    for (const effect of owed) {
      const key = keyOf(executionId, effect.name);
      if (!taken.has(effect.name) || launcher.isUnderWay(executionId, effect.name)) continue;
      const queued = inherited.get(key);
      // Taken for dead meanwhile, this process has lost it to whoever claims next, itself perhaps.
      if (queued?.holder === members.processId) {
        if (mayHaveBeenSent(effect, queued)) await interrupt(loaded, effect);
        else launcher.launch(loaded, effect);
      }
      inherited.delete(key);
    }
  }

  async function interrupt(loaded: Loaded, effect: AttemptEffect): Promise<void> {
    const { kind, actionId, attempt, generation, timeoutMs } = effect;
    const mayLandUntil = clock.now() + timeoutMs + STRAGGLER_MARGIN_MS;
    const undo = kind === 'undo' ? ({ undo: true } as const) : {};
    const interrupted = { type: 'interrupted', actionId, attempt, generation, mayLandUntil, ...undo } as const;
    const { state } = await runner.submit(loaded.state.id, interrupted);
    await points.at('takeover.interrupted');
    // Where repeating under the same key is safe, it is still the same effect that is owed, so nothing else launches it.
    const again = effectsOf(loaded.plan, state).find(({ name }) => name === effect.name);
    if (again !== undefined) launcher.launch({ ...loaded, state }, again);
  }

  const launcher = launcherOf(runner);
  return runner;
}

/** A read may simply be asked again, and so may what a process that performs nothing has left for others to begin. */
function mayHaveBeenSent(effect: Effect, queued: QueuedEffect | undefined): effect is AttemptEffect {
  return (effect.kind === 'perform' || effect.kind === 'undo') && queued?.unbegun !== true;
}

function executionsOf(queued: readonly QueuedEffect[]): ReadonlySet<string> {
  return new Set(queued.filter(({ name }) => !name.startsWith(NEWS_PREFIX)).map(({ execution }) => execution));
}

function keyOf(execution: string, name: string): string {
  return `${execution}\n${name}`;
}
