import { firstWorld } from './engine.ts';
import { createPrinter } from './fingerprint.ts';
import { brokenAtRest, brokenBy, brokenIn, endOf, isAtRest, type Broken } from './promises.ts';
import { keyNames, planOf, type Setting } from './setting.ts';
import type { World } from './state.ts';
import { stepsOf, type Step } from './steps.ts';

/** What an exploration found. */
export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** States in which nothing is owed, due or under way. */
  readonly atRest: number;
  /** How the executions stood then, and in how many of those states. */
  readonly ends: ReadonlyMap<string, number>;
  /** The first promise that was broken, with a shortest way to it, one step a line; null: every one was kept. */
  readonly broken: (Broken & { readonly path: readonly string[] }) | null;
  /** False when there were more states than the setting allows. */
  readonly complete: boolean;
}

/** Every state that the setting allows, nearest first. Ends at the first broken promise. */
export async function explore(setting: Setting): Promise<Explored> {
  const plan = planOf(setting);
  const rules = { plan, setting };
  const printer = createPrinter(keyNames(setting.executions, setting.acts + 1), setting.ttlMs);
  const known = new Map<string, number>();
  const parents: number[] = [];
  const labels: string[] = [];
  const resting: number[] = [];
  const ends = new Map<string, number>();
  /** Steps that need no fault, death or person, backwards: from where each state is reached. */
  const calmFrom: number[] = [];
  const calmTo: number[] = [];
  let transitions = 0;

  function pathTo(state: number): string[] {
    const path: string[] = [];
    for (let at = state; at > 0; at = parents[at] ?? 0) path.push(labels[at] ?? '');
    return path.reverse();
  }

  function result(broken: (Broken & { path: readonly string[] }) | null, complete = true): Explored {
    return { states: known.size, transitions, atRest: resting.length, ends, broken, complete };
  }

  /** The number of a state, and whether it is new. */
  function note(world: World, from: number, label: string): readonly [number, boolean] {
    const print = printer.print(world);
    const seen = known.get(print);
    if (seen !== undefined) return [seen, false];
    const state = known.size;
    known.set(print, state);
    parents.push(from);
    labels.push(label);
    return [state, true];
  }

  function judge(world: World, state: number): Broken | null {
    const broken = brokenIn(world);
    if (broken !== null || !isAtRest(plan, world)) return broken;
    resting.push(state);
    const end = endOf(world);
    ends.set(end, (ends.get(end) ?? 0) + 1);
    return brokenAtRest(world, setting);
  }

  const start = firstWorld(plan, setting);
  note(start, 0, '');
  let frontier: (readonly [number, World])[] = [[0, start]];
  while (frontier.length > 0) {
    const next: (readonly [number, World])[] = [];
    for (const [state, world] of frontier) {
      const steps: readonly Step[] = await stepsOf(rules, world);
      for (const step of steps) {
        transitions += 1;
        const onTheWay = brokenBy(world, step, setting);
        if (onTheWay !== null) return result({ ...onTheWay, path: [...pathTo(state), step.label] });
        const [to, isNew] = note(step.to, state, step.label);
        if (step.calm && to !== state) {
          calmFrom.push(state);
          calmTo.push(to);
        }
        if (!isNew) continue;
        const broken = judge(step.to, to);
        if (broken !== null) return result({ ...broken, path: pathTo(to) });
        next.push([to, step.to]);
      }
    }
    if (known.size > setting.maxStates) return result(null, false);
    frontier = next;
  }
  const stuck = firstWithoutRest(known.size, resting, calmFrom, calmTo);
  if (stuck === null) return result(null);
  return result({ rule: 'stuck', what: 'from here nothing leads to rest', path: pathTo(stuck) });
}

/** The nearest state from which no calm steps lead to rest, or null. */
function firstWithoutRest(
  states: number,
  resting: readonly number[],
  from: readonly number[],
  to: readonly number[],
): number | null {
  // The steps into each state lie one after the other: counted first, then put in their places.
  const starts = new Int32Array(states + 1);
  for (const state of to) starts[state + 1] = (starts[state + 1] ?? 0) + 1;
  for (let state = 0; state < states; state += 1) starts[state + 1] = (starts[state + 1] ?? 0) + (starts[state] ?? 0);
  const places = starts.slice();
  const origins = new Int32Array(to.length);
  for (const [index, state] of to.entries()) {
    const place = places[state] ?? 0;
    origins[place] = from[index] ?? 0;
    places[state] = place + 1;
  }
  const rests = new Uint8Array(states);
  const waiting = [...resting];
  for (const state of resting) rests[state] = 1;
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    for (let index = starts[state] ?? 0; index < (starts[state + 1] ?? 0); index += 1) {
      const origin = origins[index] ?? 0;
      if (rests[origin] === 1) continue;
      rests[origin] = 1;
      waiting.push(origin);
    }
  }
  const stuck = rests.indexOf(0);
  return stuck < 0 ? null : stuck;
}
