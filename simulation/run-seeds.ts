import { runWorld } from './world/world.ts';

/** Worlds one after the other, in this process. */
export interface Run {
  readonly from: number;
  readonly seeds: number;
  /** Mishaps and acts of people in each world. */
  readonly steps: number;
  /** Each world a second time: both traces must have the same hash. */
  readonly twice: boolean;
  /** Ends at the first world that fails. */
  readonly stop: boolean;
}

/** A world that broke a promise, and which. */
export interface Failure {
  readonly seed: number;
  readonly broken: readonly string[];
}

/** What became of them. Plain JSON: it travels from one process to another. */
export interface Lived {
  readonly seeds: number;
  readonly failures: readonly Failure[];
  /** Events, records, calls and mishaps, by name. */
  readonly totals: Readonly<Record<string, number>>;
}

/** Lives the worlds of a run. Never throws for what the engine does. */
export async function liveSeeds(run: Run, show: ((line: string) => void) | null): Promise<Lived> {
  const totals = new Map<string, number>();
  const failures: Failure[] = [];
  let lived = 0;
  for (let seed = run.from; seed < run.from + run.seeds && !(run.stop && failures.length > 0); seed += 1) {
    lived += 1;
    const { steps } = run;
    const result = await runWorld({ seed, steps, ...(show === null ? {} : { show }) });
    const { events, executions, records, calls } = result;
    for (const [name, count] of [...Object.entries({ events, executions, records, calls }), ...result.faults])
      totals.set(name, (totals.get(name) ?? 0) + count);
    const broken = [...result.broken];
    if (run.twice) {
      // What was judged once need not be judged again: a trace with the same hash has the same records and effects.
      const { digest } = await runWorld({ seed, steps, judged: broken.length > 0 });
      if (digest !== result.digest) broken.push('determinism: a second run gave another trace');
    }
    if (broken.length > 0) failures.push({ seed, broken });
  }
  return { seeds: lived, failures, totals: Object.fromEntries(totals) };
}
