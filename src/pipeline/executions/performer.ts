import { attemptSignals } from './attempt-signals.ts';
import { callTarget, type CallPorts } from './call-target.ts';
import type { AttemptEffect, Effect } from './core/demands.ts';
import type { Loaded } from './execution-store.ts';
import type { NewInput } from './core/inputs.ts';
import { keyedMutex } from './keyed-mutex.ts';
import type { Launcher, Runner } from './runner.ts';
import { slots } from './slots.ts';
import { untilStored } from './until-stored.ts';

export interface PerformerPorts extends CallPorts {
  /** Starts the child executions of a fan-out action; must be repeatable. */
  spawn(loaded: Loaded, actionId: string): Promise<void>;
  /** Tells the incident that an execution ended; must be repeatable. */
  tellIncident(incidentId: string, executionId: string, status: string, containedAt: number | null): Promise<void>;
  /** Executions with an effect under way at the same time; the others queue. */
  readonly maxConcurrentExecutions: number;
  /** Told of effects that failed in a way only a bug explains. */
  onBug(thrown: unknown, effect: Effect): void;
}

/**
 * Performs effects. Only called for effects whose demand is on disk; every answer becomes an input. It decides
 * nothing: what an answer means is the business of `decide`.
 */
export function createPerformer(ports: PerformerPorts): (runner: Runner) => Launcher {
  return (runner) => {
    const targets = keyedMutex();
    const executions = slots(ports.maxConcurrentExecutions);
    const signals = attemptSignals(ports.closing);
    /** Effects under way, by execution and name. */
    const underWay = new Map<string, number>();

    async function run(loaded: Loaded, effect: Effect): Promise<void> {
      const executionId = loaded.state.id;
      switch (effect.kind) {
        case 'spawn': {
          const children = Object.keys(loaded.state.actions[effect.actionId]?.children ?? {}).length;
          await untilStored(ports.closing, () => ports.spawn(loaded, effect.actionId));
          return hand(executionId, { type: 'spawned', actionId: effect.actionId, children });
        }
        case 'compensate-children':
          return compensateChildren(loaded, effect.actionId);
        case 'report':
          return report(executionId, effect);
        default:
          return attempt(executionId, effect);
      }
    }

    async function attempt(executionId: string, effect: AttemptEffect): Promise<void> {
      const { actionId, attempt: number, generation } = effect;
      const answer = { actionId, attempt: number, generation };
      const once = async (): Promise<void> =>
        hand(executionId, { ...answer, ...(await callTarget(ports, signals, executionId, effect)) });
      // The lock is kept until the answer is on disk, so that the next one on this target sees the hold.
      if (effect.holds === null) return once();
      return targets.run(`${effect.connector}|${effect.target.type}|${effect.target.id}`, once);
    }

    async function report(executionId: string, effect: Extract<Effect, { kind: 'report' }>): Promise<void> {
      const { parent, status, containedAt } = effect;
      if (parent === null)
        await untilStored(ports.closing, () => ports.tellIncident(effect.incidentId, executionId, status, containedAt));
      else
        await hand(parent.executionId, {
          type: 'child',
          actionId: parent.actionId,
          childId: executionId,
          status,
          containedAt,
        });
      return hand(executionId, { type: 'reported', status });
    }

    async function compensateChildren(loaded: Loaded, actionId: string): Promise<void> {
      const reason = loaded.state.compensation?.reason ?? 'the parent is undone';
      const by = { type: 'engine', id: loaded.state.id } as const;
      const children = Object.keys(loaded.state.actions[actionId]?.children ?? {});
      await Promise.all(children.map((child) => hand(child, { type: 'compensate', by, reason })));
    }

    /** Offers an answer until the journal has taken it: an outcome that is known must not be lost to a full disk. */
    async function hand(executionId: string, input: NewInput): Promise<void> {
      await untilStored(ports.closing, () => runner.submit(executionId, input));
    }

    return {
      get inFlight() {
        return underWay.size;
      },
      isUnderWay: (executionId, name) => underWay.has(nameOf(executionId, name)),
      launch(loaded, effect) {
        const name = nameOf(loaded.state.id, effect.name);
        underWay.set(name, (underWay.get(name) ?? 0) + 1);
        void executions
          .within(loaded.state.id, () => run(loaded, effect))
          .catch((thrown: unknown) => {
            if (!ports.closing.aborted) ports.onBug(thrown, effect);
          })
          .finally(() => {
            const left = (underWay.get(name) ?? 1) - 1;
            if (left > 0) underWay.set(name, left);
            else underWay.delete(name);
          });
      },
    };
  };
}

function nameOf(executionId: string, effectName: string): string {
  return `${executionId}\n${effectName}`;
}
