import { changeOf } from '../../src/pipeline/executions/change.ts';
import { decide } from '../../src/pipeline/executions/core/decide.ts';
import { effectsOf, timersOf, type AttemptEffect, type HeldTimer } from '../../src/pipeline/executions/core/demands.ts';
import type { Input, NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { STRAGGLER_MARGIN_MS } from '../../src/pipeline/executions/straggler.ts';
import type { StoredView } from '../../src/journal/journal.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { HORIZON_MS, START_AT, startOf, type Setting } from './setting.ts';
import { newCell } from './target.ts';
import type { Inherited, World } from './state.ts';

/** What the runner does around `decide`, as far as this world needs it: one input at a time, whole or not at all. */

export function firstWorld(plan: Plan, setting: Setting): World {
  let world: World = {
    now: START_AT,
    executions: [],
    holds: [],
    jobs: [],
    inherited: [],
    cell: newCell(setting.original),
    writes: [],
    spent: { faults: 0, deaths: 0, acts: 0 },
  };
  for (let index = 0; index < setting.executions; index += 1) world = commit(plan, world, index, null, startOf(index));
  return world;
}

/** The world after an input of an execution was taken up. */
export function take(plan: Plan, world: World, execution: number, input: NewInput): World {
  const before = world.executions[execution];
  if (before === undefined) throw new Error(`no execution ${execution}`);
  return commit(plan, world, execution, before, { ...input, at: world.now });
}

function commit(plan: Plan, world: World, execution: number, before: ExecutionState | null, input: Input): World {
  const decision = decide(plan, before, input);
  const { change } = changeOf(plan, before, 0, [{ input, decision }], undefined);
  const executions = [...world.executions];
  executions[execution] = decision.state;
  let { holds } = world;
  for (const { kind, id, at, body } of change.views ?? []) {
    if (kind !== 'hold') continue;
    const others = holds.filter((hold) => hold.id !== id);
    holds = body === null ? others : [...others, { id, version: 1, at, body }].sort(newestFirst);
  }
  return { ...world, executions, holds };
}

function newestFirst(left: StoredView, right: StoredView): number {
  return right.at - left.at || (left.id < right.id ? 1 : -1);
}

/** What an execution owes; in this world these are calls only. */
export function owed(plan: Plan, state: ExecutionState): readonly AttemptEffect[] {
  return effectsOf(plan, state).map((effect) => {
    if ('attempt' in effect) return effect;
    throw new Error(`nobody asked for ${effect.kind}`);
  });
}

/** Timers that can be due in this world. */
export function timers(plan: Plan, world: World): readonly (HeldTimer & { readonly execution: number })[] {
  return world.executions.flatMap((state, execution) =>
    timersOf(plan, state)
      .filter(({ due }) => due < START_AT + HORIZON_MS)
      .map((timer) => ({ ...timer, execution })),
  );
}

/** Somebody takes over what a dead process held: calls count as sent, reads are simply owed (`goOn` of the runner). */
export function takeOver(plan: Plan, world: World, taken: Inherited): World {
  const inherited = world.inherited.filter((each) => each !== taken);
  const state = world.executions[taken.execution];
  const effect = state && owed(plan, state).find(({ name }) => name === taken.name);
  const next = { ...world, inherited };
  if (effect === undefined || (effect.kind !== 'perform' && effect.kind !== 'undo')) return next;
  const { actionId, attempt, generation, timeoutMs } = effect;
  return take(plan, next, taken.execution, {
    type: 'interrupted',
    actionId,
    attempt,
    generation,
    mayLandUntil: world.now + timeoutMs + STRAGGLER_MARGIN_MS,
    ...(effect.kind === 'undo' ? { undo: true } : {}),
  });
}
