import type { Lived, Run } from './run-seeds.ts';

/** Most broken promises that are told of one world: the first is the cause, the others follow from it. */
const MAX_TOLD = 4;

/** Adds up what became of the worlds, and says it. */
export interface Tally {
  readonly failed: number;
  add(lived: Lived): void;
  /** Something that counts as a failure and is no world's: a process that ended, a block that did not. */
  fail(what: string): void;
  /** Where it stands, in one line. */
  progress(): string;
  /** The mishaps, and then one line of figures. */
  end(): void;
}

/** @param now machine time in ms. */
export function createTally(run: Run, say: (line: string) => void, now: () => number): Tally {
  const started = now();
  const totals = new Map<string, number>();
  let seeds = 0;
  let failed = 0;

  const figures = (): string => {
    const seconds = Math.max(0.001, (now() - started) / 1_000);
    const worlds = seeds * (run.twice ? 2 : 1);
    const rates = `${(seeds / seconds).toFixed(1)} seeds/s, ${(worlds / seconds).toFixed(1)} worlds/s`;
    return `${seeds} seeds, ${failed} failed, ${rates}, ${(seconds / 60).toFixed(1)} minutes`;
  };

  return {
    get failed() {
      return failed;
    },
    add(lived) {
      seeds += lived.seeds;
      failed += lived.failures.length;
      for (const [name, count] of Object.entries(lived.totals)) totals.set(name, (totals.get(name) ?? 0) + count);
      for (const { seed, broken } of lived.failures) {
        say(`seed ${seed} FAILED: ${broken.slice(0, MAX_TOLD).join('; ')}`);
        say(`  again: npm run simulate -- --seed ${seed} --steps ${run.steps} --trace`);
      }
    },
    fail(what) {
      failed += 1;
      say(`FAILED: ${what}`);
    },
    progress: () => `${figures()} of ${run.seeds} seeds`,
    end() {
      say([...totals].map(([name, count]) => `${name} ${count}`).join(', '));
      say(figures());
    },
  };
}
