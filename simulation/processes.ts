import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { liveSeeds, type Lived, type Run } from './run-seeds.ts';
import type { Tally } from './tally.ts';

/** Seeds that a process is given at once: about a second of work, so that none waits long for the last one. */
const BLOCK = 25;
/** How long a block may take, in ms: some hundred times what it needs. Beyond it a world turns in a circle. */
const MAX_BLOCK_MS = 300_000;
/** How often it is said where a run stands, in ms. */
const REPORT_EVERY_MS = 60_000;

/** Lives the worlds of a run here, one after the other. */
export async function liveHere(
  run: Run,
  tally: Tally,
  show: ((line: string) => void) | null,
  warn: (line: string) => void,
): Promise<void> {
  let reported = performance.now();
  for (let from = run.from; from < run.from + run.seeds && !(run.stop && tally.failed > 0); from += BLOCK) {
    tally.add(await liveSeeds({ ...run, from, seeds: Math.min(BLOCK, run.from + run.seeds - from) }, show));
    if (performance.now() - reported < REPORT_EVERY_MS) continue;
    reported = performance.now();
    warn(tally.progress());
  }
}

interface Worker {
  readonly child: ChildProcess;
  block: Run | null;
  /** When it was given that block, in ms of machine time. */
  since: number;
  /** Blocks that it came to the end of. */
  blocks: number;
}

/**
 * Lives the worlds of a run in several processes, each seed whole in one of them. A process that ends, or does not come
 * to the end of a block, costs that block and counts as a failure; the others go on.
 * @param warn told every minute where the run stands, and from which seed it could be taken up again.
 */
export function liveInProcesses(
  run: Run,
  processes: number,
  tally: Tally,
  warn: (line: string) => void,
): Promise<void> {
  const workers = new Set<Worker>();
  let next = run.from;
  let finished = false;
  const end = run.from + run.seeds;

  const isOver = (): boolean => next >= end || (run.stop && tally.failed > 0);
  const standing = (): string => {
    const first = Math.min(next, ...[...workers].map(({ block }) => block?.from ?? next));
    return `${tally.progress()}; go on later with --from ${first} --seeds ${end - first}`;
  };

  return new Promise((resolve) => {
    const timer = setInterval(() => {
      warn(standing());
      for (const { child, since } of workers) if (performance.now() - since > MAX_BLOCK_MS) child.kill('SIGKILL');
    }, REPORT_EVERY_MS);
    const interrupted = (): void => {
      warn(standing());
      tally.fail('interrupted');
      finish();
    };
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted);

    function finish(): void {
      finished = true;
      clearInterval(timer);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      for (const { child } of workers) child.kill('SIGKILL');
      resolve();
    }

    function give(worker: Worker): void {
      if (isOver()) {
        workers.delete(worker);
        worker.child.disconnect();
        // A failure that ends the run ends the blocks of the others, too.
        if (workers.size === 0 || next < end) finish();
        return;
      }
      worker.block = { ...run, from: next, seeds: Math.min(BLOCK, end - next) };
      worker.since = performance.now();
      next += worker.block.seeds;
      worker.child.send(worker.block);
    }

    function hire(): void {
      const child = fork(fileURLToPath(new URL('./main.ts', import.meta.url)), ['--worker']);
      const worker: Worker = { child, block: null, since: performance.now(), blocks: 0 };
      workers.add(worker);
      child.on('message', (lived: Lived) => {
        if (finished) return;
        worker.blocks += 1;
        tally.add(lived);
        give(worker);
      });
      child.on('exit', (code, signal) => {
        if (finished || !workers.delete(worker)) return;
        const { from, seeds } = worker.block ?? { from: next, seeds: 0 };
        tally.fail(`the process of seeds ${from} to ${from + seeds - 1} ended (${signal ?? code})`);
        // One that never came to an end of a block would not the next time either.
        if (!isOver() && worker.blocks > 0) hire();
        else if (workers.size === 0) finish();
      });
      give(worker);
    }

    for (let count = 0; count < processes; count += 1) hire();
  });
}

/** The other side: lives the blocks that it is sent, until nobody sends any more. */
export function liveBlocks(): void {
  // Errors are thrown in great number and nobody reads where: their traces cost a part of the time.
  Error.stackTraceLimit = 0;
  process.on('disconnect', () => process.exit());
  process.on('message', (block: Run) => {
    void liveSeeds(block, null).then((lived) => process.send?.(lived));
  });
}
