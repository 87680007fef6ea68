import { NO_CRASH_POINTS } from '../../platform/crash-points.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Limiter } from '../guards/limiter.ts';
import { createAsker, type AskerPorts } from './asker.ts';
import { attemptSignals } from './attempt-signals.ts';
import { callTarget, isPaused, requireStillHeld, type CallPorts } from './call-target.ts';
import { HoldLost } from './hold-lost.ts';
import { KeptBack } from './kept-back.ts';
import { endsAHold } from './released.ts';
import { readBackOf, type AskEffect, type AttemptEffect, type Effect } from './core/demands.ts';
import type { Loaded } from './execution-store.ts';
import type { NewInput } from './core/inputs.ts';
import type { Launcher } from './launcher.ts';
import type { Runner } from './runner.ts';
import { slots } from './slots.ts';
import { STRAGGLER_MARGIN_MS } from './straggler.ts';
import { untilStored } from './until-stored.ts';

/**
 * Effects of this process that are kept in memory; the others wait in their queue on disk, so that a flood of
 * executions costs disk and not memory.
 */
export const MAX_LAUNCHED = 5_000;

/**
 * Calls about one target at the same time that hold nothing there (messages, reads of an answer): one account must not
 * use up the places of all. Calls that hold something run one after the other anyway.
 */
const MAX_CALLS_PER_TARGET = 4;

export interface PerformerPorts extends CallPorts, Pick<AskerPorts, 'approvers'> {
  readonly clock: CallPorts['clock'] & AskerPorts['clock'];
  /** Has an action counted by the limiter of its type; must be repeatable. */
  reserve: Limiter['reserve'];
  /** Starts the child executions of a fan-out action; must be repeatable. */
  spawn(loaded: Loaded, actionId: string): Promise<void>;
  /** Tells the incident that an execution ended; must be repeatable. */
  tellIncident(incidentId: string, executionId: string, status: string, containedAt: number | null): Promise<void>;
  /** Executions with an effect under way at the same time; the others queue. */
  readonly maxConcurrentExecutions: number;
  /** Calls of one connector at the same time: what its system takes without answering that it is too much. */
  readonly maxCallsPerConnector: number;
  /** Told of effects that failed in a way only a bug explains. */
  onBug(thrown: unknown, effect: Effect): void;
}

/**
 * Performs effects. Only called for effects whose demand is on disk; every answer becomes an input. It decides
 * nothing: what an answer means is the business of `decide`.
 *
 * A call that was answered is read back at once, and what the target said and what it shows are one input: a read changes
 * nothing, so it need not wait until the answer is on disk, and half as many records say the same. A process that dies
 * between the two leaves a call whose answer is lost, which is read back like any other.
 */
export function createPerformer(ports: PerformerPorts): (runner: Runner) => Launcher {
  const { points = NO_CRASH_POINTS } = ports;
  return (runner) => {
    const executions = slots(ports.maxConcurrentExecutions);
    const connectors = keyedSemaphore(ports.maxCallsPerConnector);
    const targets = keyedSemaphore(MAX_CALLS_PER_TARGET);
    let lookOwed = false;
    const asker = createAsker(ports, {
      hand,
      lookAgain: () => void untilStored(ports, () => runner.catchUp()).catch(() => undefined),
    });
    const signals = attemptSignals(ports.closing, ports.machine);
    /** Effects under way, by execution and name. */
    const underWay = new Map<string, number>();

    async function run(loaded: Loaded, effect: Exclude<Effect, AskEffect>, holder: string): Promise<void> {
      const begun = points.at('effect.begun');
      if (begun !== undefined) await begun;
      const executionId = loaded.state.id;
      switch (effect.kind) {
        case 'spawn': {
          const children = Object.keys(loaded.state.actions[effect.actionId]?.children ?? {}).length;
          await untilStored(ports, () => ports.spawn(loaded, effect.actionId));
          await points.at('children.started');
          return hand(executionId, { type: 'spawned', actionId: effect.actionId, children });
        }
        case 'cancel-children':
          return cancelChildren(loaded, effect.actionId);
        case 'compensate-children':
          return compensateChildren(loaded, effect.actionId);
        case 'report':
          return report(executionId, effect);
        case 'reserve':
          return reserve(executionId, effect);
        case 'resume':
          return resume(executionId, effect);
        default:
          return attempt(executionId, effect, holder);
      }
    }

    async function attempt(executionId: string, effect: AttemptEffect, holder: string): Promise<void> {
      const { actionId, attempt: number, generation, connector } = effect;
      const changes = effect.kind === 'perform' || effect.kind === 'undo';
      // Before it waits for its target: what is kept back must not stand in the way of reads.
      if (changes && (await isPaused(ports))) return keepBack(executionId, effect, new KeptBack(false));
      const answer = { actionId, attempt: number, generation, ...turnOf(effect) };
      const call = (asked: AttemptEffect) =>
        connectors.run(connector, async () => {
          const said = await callTarget(ports, signals, { executionId, effect: asked, holder });
          const answered = points.at(`${asked.kind}.answered`);
          if (answered !== undefined) await answered;
          // What was done is a fact whoever says it; what was seen may be over, and whoever holds it now looks again.
          if (said.type !== 'performed' && said.type !== 'undone') await requireStillHeld(ports, holder);
          return said;
        });
      const once = async (): Promise<void> => {
        const said = await call(effect).catch((thrown: unknown) => {
          if (thrown instanceof KeptBack) return thrown;
          throw thrown;
        });
        if (said instanceof KeptBack) return keepBack(executionId, effect, said);
        if (said.type !== 'performed' || !('outcome' in said.result) || !effect.readBack) {
          return hand(executionId, { ...answer, ...said });
        }
        const readBack = readBackOf(effect, said.result.outcome);
        // A read that could not be begun, because the process ends or nobody knows whether it still holds this, is owed.
        const read = await call(readBack).catch(() => null);
        if (read?.type !== 'verified') return hand(executionId, { ...answer, ...said });
        return hand(executionId, { ...answer, read: read.result, ...said });
      };
      const target = `${connector}|${effect.target.type}|${effect.target.id}`;
      const { declaration } = ports.handlerFor(effect.actionType, connector) ?? {};
      if (effect.holds === null && !endsAHold(effect, declaration)) return targets.run(target, once);
      // The lock is kept until the answer is on disk, so that the next one on this target sees the hold.
      // The lock may not be had because the store is away; `once` itself never ends by that.
      return untilStored(ports, () => ports.members.withTarget(target, once));
    }

    /** What was cut off between two requests is read back like what a stop of the process cuts off. */
    function keepBack(executionId: string, effect: AttemptEffect, { begun }: KeptBack): Promise<void> {
      const { actionId, attempt: number, generation, turn, timeoutMs } = effect;
      const undo = effect.kind === 'undo' ? ({ undo: true } as const) : {};
      const kept = { actionId, attempt: number, generation, ...undo };
      if (!begun) return hand(executionId, { ...kept, type: 'paused', turn });
      const mayLandUntil = ports.clock.now() + timeoutMs + STRAGGLER_MARGIN_MS;
      return hand(executionId, { ...kept, type: 'interrupted', mayLandUntil });
    }

    async function reserve(executionId: string, effect: Extract<Effect, { kind: 'reserve' }>): Promise<void> {
      const { actionId, countedAs, actionType, count, perHour, approved, turn } = effect;
      const asked = { executionId, countedAs, actionType, count, perHour, approved };
      const { granted, used } = await untilStored(ports, () => ports.reserve(asked));
      return hand(executionId, { type: 'reserved', actionId, turn, granted, used, perHour });
    }

    /** Still paused: it stays owed, and is looked for when people resume. */
    async function resume(executionId: string, { actionId, turn }: Extract<Effect, { kind: 'resume' }>): Promise<void> {
      if (!(await isPaused(ports))) await hand(executionId, { type: 'resumed', actionId, turn });
    }

    async function report(executionId: string, effect: Extract<Effect, { kind: 'report' }>): Promise<void> {
      const { parent, status, end, containedAt } = effect;
      if (parent === null)
        await untilStored(ports, () => ports.tellIncident(effect.incidentId, executionId, status, containedAt));
      else
        await hand(parent.executionId, {
          type: 'child',
          actionId: parent.actionId,
          childId: executionId,
          status,
          containedAt,
        });
      const told = points.at('end.told');
      if (told !== undefined) await told;
      return hand(executionId, { type: 'reported', status, ...(end === 1 ? {} : { end }) });
    }

    /** Those that run begin nothing new; what is under way at a target is awaited. */
    async function cancelChildren(loaded: Loaded, actionId: string): Promise<void> {
      const reason = loaded.state.cancel?.reason ?? 'the parent was stopped';
      const by = { type: 'engine', id: loaded.state.id } as const;
      const children = Object.entries(loaded.state.actions[actionId]?.children ?? {});
      const running = children.filter(([, { status }]) => status === null);
      await Promise.all(running.map(([child]) => hand(child, { type: 'cancel', by, compensate: false, reason })));
    }

    async function compensateChildren(loaded: Loaded, actionId: string): Promise<void> {
      const reason = loaded.state.compensation?.reason ?? 'the parent is undone';
      const by = { type: 'engine', id: loaded.state.id } as const;
      const children = Object.keys(loaded.state.actions[actionId]?.children ?? {});
      await Promise.all(children.map((child) => hand(child, { type: 'compensate', by, reason })));
    }

    /** Offers an answer until the journal has taken it: an outcome that is known must not be lost to a full disk. */
    async function hand(executionId: string, ...inputs: readonly NewInput[]): Promise<void> {
      await untilStored(ports, () => Promise.all(inputs.map((input) => runner.submit(executionId, input))));
    }

    function over(name: string): void {
      const left = (underWay.get(name) ?? 1) - 1;
      if (left > 0) underWay.set(name, left);
      else underWay.delete(name);
      if (!lookOwed || underWay.size > MAX_LAUNCHED >> 1) return;
      lookOwed = false;
      void untilStored(ports, () => runner.catchUp()).catch(() => {
        lookOwed = true;
      });
    }

    return {
      get inFlight() {
        return underWay.size + asker.inFlight;
      },
      isUnderWay: (executionId, name) => underWay.has(nameOf(executionId, name)) || asker.isUnderWay(executionId, name),
      launch(loaded, effect) {
        // Whoever is slow to answer must not take the places of what contains.
        if (effect.kind === 'ask') return asker.launch(loaded.state.id, effect);
        // Thousands of these may wait: on disk, and not in the place of reads.
        if (effect.kind === 'resume' && ports.pause.standing() === 'paused') return;
        if (underWay.size >= MAX_LAUNCHED) {
          lookOwed = true;
          return;
        }
        const name = nameOf(loaded.state.id, effect.name);
        const holder = ports.members.processId;
        underWay.set(name, (underWay.get(name) ?? 0) + 1);
        // To stop must not wait behind what is to be stopped.
        const isAtOnce = effect.kind === 'cancel-children';
        void (
          isAtOnce ? run(loaded, effect, holder) : executions.within(loaded.state.id, () => run(loaded, effect, holder))
        )
          .catch((thrown: unknown) => {
            // Who holds it now performs it: another process, or this one, which only could not be sure of it in time.
            if (thrown instanceof HoldLost) lookOwed = true;
            else if (!ports.closing.aborted) ports.onBug(thrown, effect);
          })
          .finally(() => over(name));
      },
    };
  };
}

/** Where an answer has to say which look it is of. */
function turnOf({ kind, turn }: AttemptEffect): { readonly turn?: number } {
  const tells = kind === 'verify' || kind === 'check' || (kind === 'observe' && turn > 0);
  return tells ? { turn } : {};
}

function nameOf(executionId: string, effectName: string): string {
  return `${executionId}\n${effectName}`;
}
