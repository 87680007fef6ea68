import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PLANTED_BUGS } from './bugs.ts';
import type { PlantedBug } from './planted-bug.ts';
import { plantedCopy } from './copy.ts';

/** How long one bug is hunted at most, in s. */
const MAX_SECONDS = 600;

/** What the hunt for one bug gave. */
export interface Catch {
  readonly bug: PlantedBug;
  /** The rule that was broken, or null when nothing was noticed. */
  readonly rule: string | null;
  readonly seeds: number;
  readonly seconds: number;
}

/** Runs worlds with a bug in them until one of them is noticed. */
export async function hunt(bug: PlantedBug, seeds: number, processes: number): Promise<Catch> {
  const copy = plantedCopy(bug);
  const from = performance.now();
  try {
    const line = await firstFailure(copy.folder, seeds, processes);
    const found = /^seed (\d+) FAILED: ([a-z ]+):/.exec(line ?? '');
    const seconds = (performance.now() - from) / 1_000;
    if (found === null) return { bug, rule: null, seeds, seconds };
    return { bug, rule: found[2] ?? '', seeds: Number(found[1]), seconds };
  } finally {
    copy.remove();
  }
}

function firstFailure(folder: string, seeds: number, processes: number): Promise<string | null> {
  const options = ['--stop', '--from', '1', '--seeds', String(seeds), '--processes', String(processes)];
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulation/main.ts', ...options], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const timeout = setTimeout(() => child.kill('SIGKILL'), MAX_SECONDS * 1_000);
  let line: string | null = null;
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (line === null && text.includes(' FAILED: ')) line = text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timeout);
      resolve(line);
    });
  });
}

/** What is called the unit suite here: the tests that lie beside the sources the bugs are in. */
const UNIT_SUITE = ['src/pipeline/executions', 'src/pipeline/approvals', 'src/journal/group-commit.test.ts'];

/** Whether the unit suite passes with the bug in place, run in a copy. */
function passesUnitSuite(bug: PlantedBug): Promise<boolean> {
  const copy = plantedCopy(bug);
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=1', ...UNIT_SUITE];
  const child = spawn(process.execPath, vitest, { cwd: copy.folder, stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      copy.remove();
      resolve(code === 0);
    });
  });
}

export interface Hunt {
  /** Worlds for each bug at most. */
  readonly seeds: number;
  readonly processes: number;
  /** One bug by its name, or all. */
  readonly only: string | null;
  /** Says for each bug whether the unit suite passes with it. */
  readonly units: boolean;
  say(line: string): void;
}

/** Hunts each bug, prints the table, and answers whether at least 95 % were found. */
export async function huntAll({ seeds, processes, only, units, say }: Hunt): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => only === null || only === name);
  let found = 0;
  say(`| kind | planted bug | found by | seeds | seconds |${units ? ' unit suite |' : ''}`);
  say(`|---|---|---|---:|---:|${units ? '---|' : ''}`);
  for (const each of bugs) {
    const { rule, seeds: needed, seconds } = await hunt(each, seeds, processes);
    if (rule !== null) found += 1;
    const suite = units ? ` ${(await passesUnitSuite(each)) ? 'passes' : 'fails'} |` : '';
    say(`| ${each.kind} | ${each.name} | ${rule ?? 'NOT FOUND'} | ${needed} | ${seconds.toFixed(1)} |${suite}`);
  }
  say(`\n${found} of ${bugs.length} planted bugs found`);
  return bugs.length > 0 && found >= bugs.length * 0.95;
}
