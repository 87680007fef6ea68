import { setImmediate as immediate } from 'node:timers/promises';
import type { Clock } from '../../platform/clock.ts';
import { FirebreakError, invariant } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { StoreUnavailableError, type Change, type JournalReader, type RecordDraft } from '../../journal/journal.ts';
import type { Plan } from '../playbooks/plan.ts';
import { changeOf, type Advance, type Step } from './change.ts';
import { decide } from './core/decide.ts';
import { effectsOf, type Effect } from './core/demands.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';
import type { Fact } from './core/facts.ts';
import { inArrivalOrder } from './input-order.ts';
import type { Input, NewInput, StartInput } from './core/inputs.ts';
import type { ExecutionState } from './core/state.ts';

/** Tries to apply an input whose execution somebody else advances at the same moment. */
const MAX_STALE_RETRIES = 20;
/** Timers taken up at once. */
const TIMERS_PER_TICK = 500;

/** Hashes of plans that are known to be on disk; beyond that one is written once more than needed. */
const MAX_KNOWN_PLANS = 1_000;

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
  /** After a start of the process: goes on with everything that was under way. Answers how many effects there were. */
  resume(): Promise<number>;
  /**
   * After a commit that took place although it was reported as failed: begins what it owes and nobody has begun.
   * Nothing of that was ever sent: an effect begins after its commit is known, and stays under way until its answer is.
   */
  catchUp(): Promise<void>;
  /** True when no input waits and no effect is under way. */
  readonly idle: boolean;
}

interface Letter {
  readonly input: NewInput;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (thrown: unknown) => void;
}

export interface RunnerPorts {
  readonly journal: Pick<JournalReader, 'dueTimers' | 'queuedEffects'>;
  readonly committer: GroupCommitter;
  readonly store: ExecutionStore;
  readonly clock: Clock;
}

/**
 * The shell around `decide`: collects inputs, commits what they lead to, then lets the effects begin. Records
 * first, effects after. An execution belongs to nobody: a commit checks the expected seq, and who comes second
 * reloads and decides again.
 */
export function createRunner(ports: RunnerPorts, launcherOf: (runner: Runner) => Launcher): Runner {
  const { journal, committer, store, clock } = ports;
  const mailboxes = new Map<string, Letter[]>();
  const plansOnDisk = new Set<string>();
  const busy = new Set<string>();
  let resuming = 0;

  async function drain(executionId: string): Promise<void> {
    if (busy.has(executionId)) return;
    busy.add(executionId);
    try {
      // Answers of the same turn of the loop are taken up together, so that they leave no trace of their race.
      await immediate();
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
    return letters;
  }

  /** A member that cannot be taken up fails alone: the answer of a target must not be lost with a bad request. */
  async function deliver(executionId: string, letters: readonly Letter[]): Promise<void> {
    const ordered = inArrivalOrder(letters, (letter) => letter.input);
    try {
      const { steps, loaded, advance } = await apply(
        executionId,
        ordered.map(({ input }) => input),
      );
      for (const effect of advance.newEffects) launcher.launch(loaded, effect);
      ordered.forEach((letter, index) =>
        letter.resolve({ facts: steps[index]?.decision.facts ?? [], state: loaded.state }),
      );
    } catch (thrown) {
      store.forget(executionId);
      const passing = thrown instanceof StoreUnavailableError || thrown instanceof FirebreakError;
      if (passing || ordered.length === 1) for (const letter of ordered) letter.reject(thrown);
      else for (const letter of ordered) await deliver(executionId, [letter]);
    }
  }

  async function apply(
    executionId: string,
    inputs: readonly NewInput[],
  ): Promise<{ steps: Step[]; loaded: Loaded; advance: Advance }> {
    for (let tries = 0; tries < MAX_STALE_RETRIES; tries += 1) {
      const before = await store.load(executionId);
      const steps = decideAll(before, inputs, clock.now());
      const advance = changeOf(before.plan, before.state, before.seq, steps, before.trace);
      const result = await committer.submit(advance.change);
      if (result.status === 'applied') {
        const state = steps.at(-1)?.decision.state ?? before.state;
        const loaded = { ...before, state, seq: before.seq + steps.length };
        store.remember(executionId, loaded);
        return { steps, loaded, advance };
      }
      store.forget(executionId);
    }
    throw new FirebreakError('overloaded', `execution ${executionId} is advanced by too many at once`);
  }

  function startChange({ plan, start, trace }: NewExecution): { change: Change; started(): void } {
    const planHash = store.rememberPlan(plan);
    const input: StartInput = { ...start, type: 'start', planHash, at: clock.now() };
    const step: Step = { input, decision: decide(plan, null, input) };
    const { change, newEffects } = changeOf(plan, null, 0, [step], trace);
    return {
      // A plan is plain JSON by its type. One that is on disk is not written again: it never changes and never goes.
      change: plansOnDisk.has(planHash)
        ? change
        : { ...change, objects: [{ hash: planHash, body: plan as unknown as never }] },
      started() {
        if (plansOnDisk.size >= MAX_KNOWN_PLANS) plansOnDisk.clear();
        plansOnDisk.add(planHash);
        const loaded: Loaded = { plan, state: step.decision.state, seq: 1, trace };
        store.remember(start.executionId, loaded);
        for (const effect of newEffects) launcher.launch(loaded, effect);
      },
    };
  }

  const runner: Runner = {
    submit(executionId, input) {
      return new Promise((resolve, reject) => {
        const letters = mailboxes.get(executionId) ?? [];
        letters.push({ input, resolve, reject });
        mailboxes.set(executionId, letters);
        void drain(executionId);
      });
    },
    startChange,
    async start(execution) {
      const { change, started } = startChange(execution);
      const result = await committer.submit(change);
      if (result.status === 'applied') started();
      // Stale: it has been started before, from the same cause. That is what was wanted.
    },
    async tick() {
      const due = await journal.dueTimers(clock.now(), TIMERS_PER_TICK);
      await Promise.all(
        due.map(({ execution, name, generation }) => runner.submit(execution, { type: 'timer', name, generation })),
      );
      return due.length;
    },
    async resume() {
      return forEachOwing(resumeOne);
    },
    async catchUp() {
      await forEachOwing(async (executionId) => {
        const loaded = await store.load(executionId);
        for (const effect of effectsOf(loaded.plan, loaded.state)) {
          if (!launcher.isUnderWay(executionId, effect.name)) launcher.launch(loaded, effect);
        }
      });
    },
    get idle() {
      const taking = mailboxes.size > 0 || busy.size > 0 || resuming > 0;
      return !taking && launcher.inFlight === 0 && !committer.busy;
    },
  };

  /** Does something for each execution that owes effects, and answers how many effects there are. */
  async function forEachOwing(work: (executionId: string) => Promise<void>): Promise<number> {
    resuming += 1;
    try {
      const queued = await journal.queuedEffects();
      for (const executionId of new Set(queued.map(({ execution }) => execution))) {
        // What has just been committed is begun by who committed it.
        do await immediate();
        while (busy.has(executionId));
        await work(executionId);
      }
      return queued.length;
    } finally {
      resuming -= 1;
    }
  }

  /** Calls that were under way when the process ended are interrupted; everything else may simply be asked again. */
  async function resumeOne(executionId: string): Promise<void> {
    const loaded = await store.load(executionId);
    for (const effect of effectsOf(loaded.plan, loaded.state)) {
      if (launcher.isUnderWay(executionId, effect.name)) continue; // by an input that came meanwhile
      if (effect.kind !== 'perform') {
        launcher.launch(loaded, effect);
        continue;
      }
      const { actionId, attempt, generation } = effect;
      const { state } = await runner.submit(executionId, { type: 'interrupted', actionId, attempt, generation });
      // Where repeating under the same key is safe, it is still the same effect that is owed, so nothing else launches it.
      const again = effectsOf(loaded.plan, state).find(({ name }) => name === effect.name);
      if (again !== undefined) launcher.launch({ ...loaded, state }, again);
    }
  }

  const launcher = launcherOf(runner);
  return runner;
}

function decideAll(before: Loaded, inputs: readonly NewInput[], at: number): Step[] {
  let state = before.state;
  return inputs.map((input) => {
    const timed: Input = { ...input, at };
    const decision = decide(before.plan, state, timed);
    invariant(decision.facts.length > 0, `an input of type ${input.type} led to no fact`);
    state = decision.state;
    return { input: timed, decision };
  });
}
