import type { Clock } from '../../platform/clock.ts';
import type { CrashPoints } from '../../platform/crash-points.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Machine } from '../../platform/machine.ts';
import type { Membership, QueuedEffect } from '../../journal/membership.ts';
import { isNews } from './change.ts';
import { effectsOf, type AttemptEffect, type Effect } from './core/demands.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';
import type { Launcher } from './launcher.ts';
import type { Mailboxes } from './mailboxes.ts';
import { STRAGGLER_MARGIN_MS } from './straggler.ts';
import type { StuckExecutions } from './stuck.ts';
import { isTell } from './tells.ts';
import { isPassing, untilStored } from './until-stored.ts';

/** Held effects that are looked at to find some that were not begun: twice as many as are ever under way. */
const HELD_AT_ONCE = 10_000;

/** Effects taken over at once. */
const CLAIMED_AT_ONCE = 500;

/** Effects that this process holds without having begun them: of processes that are gone, and its own. */
export interface Inheritance {
  /**
   * Takes over what nobody living holds, at the start of a process and whenever another one is gone, and goes on with
   * it. Answers with the queue entries taken over that are not effects of an execution's state.
   */
  takeOver(): Promise<readonly QueuedEffect[]>;
  /**
   * Begins, and tells, what this process holds and has not begun: after a commit that took place although it was reported as
   * failed, and after there was more than memory may hold. Nothing of that was ever sent: an effect begins after its
   * commit is known, and stays under way until its answer is. Answers with what else it holds, as `takeOver` does.
   */
  catchUp(): Promise<readonly QueuedEffect[]>;
  /** `catchUp`, tried until it could read; one look for all who ask while another one goes on. */
  lookAgain(): void;
  /** Looks that are over. */
  readonly looks: number;
  /** Whether a look goes on. */
  readonly isLooking: boolean;
  /** Whether something is being gone on with. */
  readonly isGoingOn: boolean;
}

export interface InheritancePorts {
  readonly members: Pick<Membership, 'claim' | 'held' | 'processId'>;
  readonly machine: Machine;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly points: CrashPoints;
  readonly mailboxes: Mailboxes;
  launcher(): Launcher;
  /** Told of executions that cannot be gone on with. */
  readonly stuck: Pick<StuckExecutions, 'failed' | 'succeeded'>;
  /** Tells people what queue entries ask for; the same entry makes one notice, however often it is handed in. */
  tell(execution: string, names: readonly string[]): void;
}

/** Goes on with what was left, by this process or by others that are gone. */
export function createInheritance(ports: InheritancePorts): Inheritance {
  const { members, machine, store, clock, closing, points, mailboxes, launcher, stuck } = ports;
  const inherited = createInherited();
  /** The last question about what is held or may be taken over. */
  let asked: Promise<unknown> = Promise.resolve();
  /** Who takes over and who looks up what is held may come to the same execution at the same time. */
  const turns = keyedSemaphore(1);
  /** Executions that failed, until their time has come again. */
  const leftAlone = new Set<string>();
  let goingOn = 0;
  let looking = 0;
  let looks = 0;
  let lookOwed = false;

  const inheritance: Inheritance = {
    async takeOver() {
      goingOn += 1;
      try {
        for (let count = CLAIMED_AT_ONCE; count === CLAIMED_AT_ONCE;) count = await oneByOne(inherit);
        for (const id of effectNamesOf(inherited.all()).keys()) await apart(id, () => goOn(id));
        const others = inherited.all().filter(({ name }) => isNews(name));
        for (const { execution, name } of others) inherited.drop(execution, name);
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
        for (const { execution, name } of held) if (isTell(name)) ports.tell(execution, [name]);
        for (const [executionId, names] of effectNamesOf(held))
          await apart(executionId, () => beginHeld(executionId, names, holder));
        return held.filter(({ name }) => isNews(name) && !isTell(name));
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
    lookAgain,
    get looks() {
      return looks;
    },
    get isLooking() {
      return looking > 0;
    },
    get isGoingOn() {
      return goingOn > 0;
    },
  };

  /** Goes on with what was taken over of an execution, and begins what is held of it and was not begun. */
  async function beginHeld(executionId: string, names: ReadonlySet<string>, holder: string): Promise<void> {
    await goOn(executionId);
    // An answer that was recorded between the look and what follows from it would be asked for a second time.
    await mailboxes.alone(executionId, async () => {
      // Another process may hold other effects of the same execution, and may have got further with it.
      const loaded = await loadOwing(executionId, names);
      for (const effect of effectsOf(loaded.plan, loaded.state)) {
        const taken = inherited.find(executionId, effect.name) !== undefined;
        const begun = taken || launcher().isUnderWay(executionId, effect.name);
        if (names.has(effect.name) && !begun && members.processId === holder) launcher().launch(loaded, effect);
      }
    });
  }

  /**
   * An execution that cannot be gone on with, because a record of it cannot be read, say, keeps no other back. What is owed of it
   * stays where it is, and it is looked at again later: not at every look, of which there are ten in a second.
   */
  async function apart(executionId: string, work: () => Promise<void>): Promise<void> {
    if (leftAlone.has(executionId)) return;
    try {
      await work();
      stuck.succeeded(executionId);
    } catch (thrown) {
      if (isPassing(thrown) || closing.aborted) throw thrown;
      leftAlone.add(executionId);
      machine.after(stuck.failed(executionId, thrown), () => {
        leftAlone.delete(executionId);
        if (!closing.aborted) lookAgain();
      });
    }
  }

  /**
   * What was committed after it had been reported as failed may be newer than what is remembered: then something is held that the
   * remembered state does not owe, and it is read again.
   */
  async function loadOwing(executionId: string, held: ReadonlySet<string>): Promise<Loaded> {
    const loaded = await store.load(executionId);
    const owed = new Set(effectsOf(loaded.plan, loaded.state).map(({ name }) => name));
    const isNewer = [...held].some((name) => !owed.has(name));
    if (!isNewer) return loaded;
    store.forget(executionId);
    return store.load(executionId);
  }

  /** Nobody hears of a read that failed, so it is tried again here. */
  function lookAgain(): void {
    if (looking > 0) lookOwed = true;
    else void untilStored({ machine, closing }, () => inheritance.catchUp()).catch(() => undefined);
  }

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
      inherited.add({ ...queued, ...sure, holder });
    }
    return claimed.length;
  }

  /** One after the other with each execution: what the first one goes on with is known to the second. */
  function goOn(executionId: string): Promise<void> {
    return turns.run(executionId, () => mailboxes.inTurn(executionId, () => goOnWithTaken(executionId)));
  }

  /**
   * Calls that were under way with who is gone are interrupted; everything else may simply be asked again. What cannot
   * be done now, because the store is away or a call of this process is still under way, stays inherited: it may have
   * been sent, so nothing else may begin it.
   */
  async function goOnWithTaken(executionId: string): Promise<void> {
    const taken = inherited.namesOf(executionId);
    if (taken.size === 0) return;
    const loaded = await store.load(executionId);
    const owed = effectsOf(loaded.plan, loaded.state);
    for (const name of taken) {
      // By an input that came meanwhile, it may be owed no more.
      if (!isNews(name) && owed.every((effect) => effect.name !== name)) inherited.drop(executionId, name);
    }
    for (const effect of owed) {
      if (!taken.has(effect.name) || launcher().isUnderWay(executionId, effect.name)) continue;
      const queued = inherited.find(executionId, effect.name);
      // Taken for dead meanwhile, this process has lost it to whoever claims next, itself perhaps.
      if (queued?.holder === members.processId) {
        if (mayHaveBeenSent(effect, queued)) await interrupt(loaded, effect);
        else launcher().launch(loaded, effect);
      }
      inherited.drop(executionId, effect.name);
    }
  }

  async function interrupt(loaded: Loaded, effect: AttemptEffect): Promise<void> {
    const { kind, actionId, attempt, generation, timeoutMs } = effect;
    const mayLandUntil = clock.now() + timeoutMs + STRAGGLER_MARGIN_MS;
    const undo = kind === 'undo' ? ({ undo: true } as const) : {};
    const interrupted = { type: 'interrupted', actionId, attempt, generation, mayLandUntil, ...undo } as const;
    const { state } = await mailboxes.submit(loaded.state.id, interrupted);
    await points.at('takeover.interrupted');
    // Where repeating under the same key is safe, it is still the same effect that is owed, so nothing else launches it.
    const again = effectsOf(loaded.plan, state).find(({ name }) => name === effect.name);
    if (again !== undefined) launcher().launch({ ...loaded, state }, again);
  }

  return inheritance;
}

/** A read may simply be asked again, and so may what a process that performs nothing has left for others to begin. */
function mayHaveBeenSent(effect: Effect, queued: QueuedEffect | undefined): effect is AttemptEffect {
  return (effect.kind === 'perform' || effect.kind === 'undo') && queued?.unbegun !== true;
}

/** The effects of each execution, by their names; news are not of its state. */
function effectNamesOf(queued: readonly QueuedEffect[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  for (const { execution, name } of queued) {
    if (isNews(name)) continue;
    const known = names.get(execution);
    if (known === undefined) names.set(execution, new Set([name]));
    else known.add(name);
  }
  return names;
}

/** A queue entry that was taken over, and who this process was when it took it. */
interface Inherited extends QueuedEffect {
  readonly holder: string;
}

/** What was taken over and not gone on with yet. What there is of one execution is found without looking at others. */
function createInherited() {
  const byExecution = new Map<string, Map<string, Inherited>>();
  return {
    add(entry: Inherited): void {
      const known = byExecution.get(entry.execution);
      if (known === undefined) byExecution.set(entry.execution, new Map([[entry.name, entry]]));
      else known.set(entry.name, entry);
    },
    find: (execution: string, name: string): Inherited | undefined => byExecution.get(execution)?.get(name),
    /** As it is now: what is taken over later is not in it. */
    namesOf: (execution: string): ReadonlySet<string> => new Set(byExecution.get(execution)?.keys()),
    all: (): readonly Inherited[] => [...byExecution.values()].flatMap((known) => [...known.values()]),
    drop(execution: string, name: string): void {
      const known = byExecution.get(execution);
      known?.delete(name);
      if (known?.size === 0) byExecution.delete(execution);
    },
  };
}
