import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { exploreAll } from './explore/explore-all.ts';
import { largeSettings, smallSettings } from './explore/settings.ts';
import { huntAll } from './planted/hunt.ts';
import { liveBlocks, liveHere, liveInProcesses } from './processes.ts';
import type { Run } from './run-seeds.ts';
import { createTally } from './tally.ts';
import { FIRST_DISTINCT_SEED } from './world/random.ts';

/*
 * npm run simulate -- --seeds N [--from S] [--steps 60]    N worlds, each twice; both traces must be the same
 * npm run simulate -- --seed S --trace                     one world, told line by line
 * npm run simulate -- --planted [--only NAME] [--units]    hunts the planted bugs and prints the table
 * npm run simulate -- --explore [--large]                  every way through small worlds, see explore/
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    steps: { type: 'string', default: '60' },
    from: { type: 'string', default: String(FIRST_DISTINCT_SEED) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
    processes: { type: 'string' },
    planted: { type: 'boolean', default: false },
    explore: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    zombies: { type: 'boolean', default: false },
    only: { type: 'string' },
    units: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const warn = (line: string): void => void process.stderr.write(`${line}\n`);
const processes = Number(values.processes ?? availableParallelism());

async function simulate(): Promise<boolean> {
  const run: Run = {
    from: Number(values.seed ?? values.from),
    seeds: values.seed === undefined ? Number(values.seeds ?? 1_000) : 1,
    steps: Number(values.steps),
    twice: !values.once && !values.trace,
    stop: values.stop,
  };
  const tally = createTally(run, say, () => performance.now());
  if (processes > 1 && run.seeds > 1 && !values.trace) await liveInProcesses(run, processes, tally, warn);
  else await liveHere(run, tally, values.trace ? say : null, warn);
  tally.end();
  return tally.failed === 0;
}

async function hunt(): Promise<boolean> {
  // As many as ten minutes may take; a hunt ends at the first world that notices something.
  return huntAll({
    seeds: Number(values.seeds ?? 50_000),
    processes,
    only: values.only ?? null,
    units: values.units,
    say,
  });
}

async function exploreSmallWorlds(): Promise<boolean> {
  const change = { zombies: values.zombies };
  const settings = [...smallSettings(change), ...(values.large ? largeSettings(change) : [])].filter(
    ([name]) => values.only === undefined || name.includes(values.only),
  );
  const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;
  const { broken, incomplete } = await exploreAll({ settings, stop: values.stop, say, cpuMs });
  return broken + incomplete === 0 && settings.length > 0;
}

if (values.worker) liveBlocks();
else process.exitCode = (await (values.planted ? hunt() : values.explore ? exploreSmallWorlds() : simulate())) ? 0 : 1;
