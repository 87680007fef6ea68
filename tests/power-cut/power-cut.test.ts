import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { drawFrom } from '../../torture/draw.ts';
import type { Edit } from '../../torture/plants.ts';
import { DIST, openPrograms } from '../../torture/programs.ts';
import { compiled } from '../support/killable.ts';
import { cutPower, type Findings } from './cuts.ts';
import { openLives } from './life.ts';
import { PLANTS, SHORT_LOG } from './plants.ts';
import { compilePreload, type Lie } from './preload.ts';

/**
 * The compiled server, whose disk loses its power while it works: everything that it told anybody must be in what is left
 * of its files. A kill alone never tests this, because the operating system still writes what a dead process has written.
 *
 * FIREBREAK_POWER_CUT_LIVES and FIREBREAK_POWER_CUT_SEED make it longer, and another one.
 */

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-power-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const preload = compilePreload(scratch);
const skip = compiled ? preload.skip : 'dist/main.js is missing (npm run build)';
if (skip !== null) {
  process.stderr.write(`SKIPPED: no power is cut, because ${skip}\n`);
  // Hooks of tests that are all skipped do not run.
  rmSync(scratch, { recursive: true });
}

const SEED = Number(process.env['FIREBREAK_POWER_CUT_SEED'] ?? 7);
const LIVES = Number(process.env['FIREBREAK_POWER_CUT_LIVES'] ?? 2);
/** On a machine that is busy with other things a life takes many times as long. */
const PATIENCE_MS = 120_000;

interface Trial {
  readonly lives: number;
  /** Moments of each life at which power is cut, and directories that are made of each. */
  readonly moments: number;
  readonly images: number;
  readonly lie: Lie | null;
  readonly edits: readonly Edit[];
}

/** One life after the other, each on what a power cut left of the one before. Every other one ends by being asked to. */
async function endure({ lives: count, moments, images, lie, edits }: Trial): Promise<readonly Findings[]> {
  const draw = drawFrom(SEED);
  const programs = openPrograms(DIST, edits);
  try {
    const lives = await openLives({ programs, preload, draw: draw.branch(), lie });
    const all: Findings[] = [];
    let directory = join(programs.directory, 'data');
    for (let life = 0; life < count; life += 1) {
      const end = life % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
      const lived = await lives.live({ directory, acknowledgements: draw.integer(30, 60), end });
      const cutting = { moments, images, draw, scratch: join(programs.directory, `cuts-${life}`) };
      const found = await cutPower(lived, cutting);
      all.push(found);
      lived.ledger.nextLife();
      directory = found.next;
    }
    await lives.close();
    return all;
  } finally {
    programs.killAll();
    programs.remove();
  }
}

/** Said whatever the outcome: figures are judged, and a seed is what makes a failure come again. */
function report(name: string, all: readonly Findings[]): void {
  const sum = (of: (found: Findings) => number): number => all.reduce((total, found) => total + of(found), 0);
  const calls = (type: string): number => sum((found) => found.calls.get(type) ?? 0);
  const figures = {
    seed: SEED,
    lives: all.length,
    writes: calls('write'),
    syncs: calls('sync begin'),
    rewinds: sum((found) => found.rewinds),
    images: sum((found) => found.images),
    told: sum((found) => found.told),
    lookedFor: sum((found) => found.lookedFor),
    lost: sum((found) => found.lost.length),
    broken: sum((found) => found.broken.length),
  };
  process.stderr.write(`power cut: ${name}: ${JSON.stringify(figures)}\n`);
}

describe.skipIf(skip !== null)('a power cut', () => {
  it(
    'loses nothing that anybody was told, and leaves a journal that opens, verifies and replays',
    async () => {
      const all = await endure({ lives: LIVES, moments: 6, images: 3, lie: null, edits: [SHORT_LOG] });
      report('the server', all);
      for (const { lost, broken, unseen, calls, rewinds, told } of all) {
        expect({ lost, broken, unseen }, `seed ${SEED}`).toEqual({ lost: [], broken: [], unseen: [] });
        expect(told).toBeGreaterThan(30);
        expect(calls.get('sync end') ?? 0).toBeGreaterThan(10);
        expect(rewinds).toBeGreaterThan(10);
      }
    },
    PATIENCE_MS * Math.max(1, LIVES),
  );

  it.each(PLANTS)(
    'is what finds $name',
    async ({ name, lie, edits }) => {
      const all = await endure({ lives: 1, moments: 4, images: 1, lie, edits });
      report(name, all);
      // A journal that is gone as a whole has keys of persons beside it that are not its own: nothing is looked for in it then.
      const found = all.flatMap(({ lost, broken }) => [...lost, ...broken]);
      expect(found.length, `seed ${SEED}`).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});
