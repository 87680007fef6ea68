import { runWorld } from './world/world.ts';

export interface Run {
  readonly from: number;
  readonly seeds: number;
  /** Mishaps and acts of people in each world. */
  readonly steps: number;
  /** Each world a second time: both traces must have the same hash. */
  readonly twice: boolean;
  /** Ends at the first world that fails. */
  readonly stop: boolean;
  readonly show: ((line: string) => void) | null;
  say(line: string): void;
}

/** Runs worlds one after the other and says which of them broke a promise, and how to see it again. */
export async function runSeeds(run: Run): Promise<{ readonly failed: number }> {
  const { from, seeds, steps, say } = run;
  const started = performance.now();
  const totals = new Map<string, number>();
  let failed = 0;
  let lived = 0;
  for (let seed = from; seed < from + seeds && !(run.stop && failed > 0); seed += 1) {
    lived += 1;
    const result = await runWorld({ seed, steps, ...(run.show === null ? {} : { show: run.show }) });
    const counts = { events: result.events, executions: result.executions, records: result.records };
    for (const [name, count] of [...Object.entries({ ...counts, calls: result.calls }), ...result.faults])
      totals.set(name, (totals.get(name) ?? 0) + count);
    const broken = [...result.broken];
    if (run.twice) {
      const { digest } = await runWorld({ seed, steps });
      if (digest !== result.digest) broken.push('determinism: a second run gave another trace');
    }
    if (broken.length === 0) continue;
    failed += 1;
    say(`seed ${seed} FAILED: ${broken.slice(0, 4).join('; ')}`);
    say(`  again: npm run simulate -- --seed ${seed} --steps ${steps} --trace`);
  }
  const seconds = (performance.now() - started) / 1_000;
  say([...totals].map(([name, count]) => `${name} ${count}`).join(', '));
  say(`${lived} seeds, ${failed} failed, ${seconds.toFixed(1)} s, ${(lived / seconds).toFixed(1)} seeds/s`);
  return { failed };
}
