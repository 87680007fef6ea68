import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { coreFiles } from './core-files.ts';
import { draw, isProse } from './draw.ts';
import { installTool, instrument, type Mutant } from './instrument.ts';
import { openWorkshop, survey, tryMutant, type Outcome, type TestFile, type Workshop } from './workshop.ts';

/**
 * `npm run mutants -- [--count 200] [--seed 1] [--out FILE] [--keep FOLDER]`: are the tests of the core good enough to
 * see when it is wrong? Draws mutants of the core (Stryker's, see `instrument.ts`), runs for each the tests that reach
 * it, and lists those that no test saw. One process at a time, in a copy of the tree; 200 take about half an hour on two
 * cores that do nothing else. Ends with 1 below 90 %. With `--keep` the copy stays, and the next run goes on in it: what
 * was killed stays killed, and only new tests are looked at for what they reach. That is for writing tests; it is right
 * only as long as the core does not change.
 */

const ROOT = join(import.meta.dirname, '..', '..');

/** Part of the drawn mutants, without the equivalent ones, that must be killed. */
const BAR = 0.9;

/** Time of one run of tests, or four times what they take without a mutant: one that needs longer counts as killed. */
const LIMIT_MS = 60_000;

/** Tests of one run take at most so long without a mutant. */
const RUN_MS = 12_000;

/** A test file that takes longer is asked last. */
const SLOW_MS = 10_000;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    keep: { type: 'string' },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Trial {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
  /** Test files that were run. */
  readonly asked: number;
}

async function main(): Promise<void> {
  const tool = installTool(join(ROOT, '.cache', 'mutants'));
  const workshop = openWorkshop(ROOT, values.keep);
  try {
    const files = coreFiles(ROOT);
    const all = await instrument(tool, workshop.folder, files);
    const mutants = all.filter((mutant) => !isProse(mutant));
    const sizes = new Map(files.map((file) => [file, statSync(join(ROOT, file)).size]));
    const drawn = draw(mutants, sizes, Number(values.count), Number(values.seed));
    say(
      `${files.length} files, ${all.length} mutants, ${all.length - mutants.length} of them texts for people: left out`,
    );
    const tests = await survey(workshop);
    say(`${tests.length} test files; ${drawn.length} mutants drawn with seed ${values.seed}`);
    const known = killsIn(workshop);
    const quick = await pass(workshop, drawn, known, (mutant) => asked(mutant, tests).filter(isQuick));
    const left = quick.filter(({ outcome }) => outcome === 'passed').map(({ mutant }) => mutant);
    say(`${left.length} were not seen by the unit tests`);
    const thorough = await pass(workshop, left, known, (mutant) =>
      asked(mutant, tests).filter((test) => !isQuick(test)),
    );
    const trials = [...quick.filter(({ outcome }) => outcome !== 'passed'), ...thorough];
    if (values.out !== undefined) writeFileSync(values.out, JSON.stringify(trials, null, 1));
    process.exitCode = conclude(trials) ? 0 : 1;
  } finally {
    workshop.close();
  }
}

function isQuick({ file, ms }: TestFile): boolean {
  return file.startsWith('src/pipeline/') && ms <= SLOW_MS;
}

/** Tests beside the file first, then those that take least. */
function asked(mutant: Mutant, tests: readonly TestFile[]): readonly TestFile[] {
  const folder = mutant.file.slice(0, mutant.file.lastIndexOf('/') + 1);
  const own = mutant.file.replace(/\.ts$/, '.test.ts');
  const distance = ({ file, ms }: TestFile): number =>
    file === own ? 0 : ms > SLOW_MS ? 3 : file.startsWith(folder) ? 1 : 2;
  return tests
    .filter(({ reaches }) => reaches.includes(mutant.id))
    .sort((left, right) => distance(left) - distance(right) || left.ms - right.ms);
}

/** In a folder that is kept: the mutants that were killed there before. Ids mean the same as long as the core does. */
const KILLS = 'kills.json';

function killsIn({ folder }: Workshop): Map<string, Outcome> {
  const file = join(folder, KILLS);
  const kills = z.array(z.tuple([z.string(), z.enum(['failed', 'timeout'])]));
  return new Map(existsSync(file) ? kills.parse(JSON.parse(readFileSync(file, 'utf8'))) : []);
}

async function pass(
  workshop: Workshop,
  mutants: readonly Mutant[],
  known: Map<string, Outcome>,
  testsOf: (mutant: Mutant) => readonly TestFile[],
): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  for (const mutant of mutants) {
    const before = known.get(mutant.id);
    if (before !== undefined) {
      trials.push({ mutant, outcome: before, asked: 0 });
      continue;
    }
    const trial = await tried(workshop, mutant, testsOf(mutant));
    trials.push(trial);
    if (trial.outcome !== 'passed') known.set(mutant.id, trial.outcome);
    writeFileSync(join(workshop.folder, KILLS), JSON.stringify([...known]));
    say(`${trials.length}/${mutants.length} ${trial.outcome.padEnd(7)} ${trial.asked} files  ${textOf(mutant)}`);
  }
  return trials;
}

/** Several test files in one run, until one fails. */
async function tried(workshop: Workshop, mutant: Mutant, tests: readonly TestFile[]): Promise<Trial> {
  let count = 0;
  for (let run = nextRun(tests, 0); run.length > 0; run = nextRun(tests, count)) {
    count += run.length;
    const healthyMs = run.reduce((sum, { ms }) => sum + ms, 0);
    const files = run.map(({ file }) => file);
    const outcome = await tryMutant(workshop, mutant.id, files, Math.max(LIMIT_MS, 4 * healthyMs));
    if (outcome !== 'passed') return { mutant, outcome, asked: count };
  }
  return { mutant, outcome: 'passed', asked: count };
}

function nextRun(tests: readonly TestFile[], from: number): readonly TestFile[] {
  const run: TestFile[] = [];
  let ms = 0;
  for (const test of tests.slice(from)) {
    ms += test.ms;
    if (run.length > 0 && ms > RUN_MS) break;
    run.push(test);
  }
  return run;
}

const KNOWN = z.array(
  z.object({ file: z.string(), context: z.string(), original: z.string(), replacement: z.string(), why: z.string() }),
);

/** Why no test can see this mutant, as somebody has argued in `equivalent.json`; null when nobody has. */
function equivalence(mutant: Mutant): string | null {
  const known = KNOWN.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'equivalent.json'), 'utf8')));
  const { file, context, original, replacement } = mutant;
  const same = known.find(
    (each) =>
      each.file === file && each.context === context && each.original === original && each.replacement === replacement,
  );
  return same?.why ?? null;
}

/** Says what came out; whether enough were killed. */
function conclude(trials: readonly Trial[]): boolean {
  const killed = trials.filter(({ outcome }) => outcome === 'failed').length;
  const late = trials.filter(({ outcome }) => outcome === 'timeout').length;
  const left = trials.filter(({ outcome }) => outcome === 'passed');
  const equivalent = left.filter(({ mutant }) => equivalence(mutant) !== null);
  const survivors = left.filter(({ mutant }) => equivalence(mutant) === null);
  if (equivalent.length > 0) say('\nequivalent');
  for (const { mutant } of equivalent) say(`  ${textOf(mutant)}\n    ${equivalence(mutant)}`);
  if (survivors.length > 0) say('\nsurvived');
  for (const { mutant } of survivors) say(`  ${textOf(mutant)}\n    ${mutant.context}`);
  const counted = trials.length - equivalent.length;
  const share = counted === 0 ? 0 : (killed + late) / counted;
  say(
    `\nmutants ${trials.length} killed ${killed} timeout ${late} equivalent ${equivalent.length} ` +
      `survived ${survivors.length}: ${(100 * share).toFixed(1)} %`,
  );
  return share >= BAR;
}

function textOf({ file, line, column, kind, original, replacement }: Mutant): string {
  const short = (text: string): string => {
    const flat = text.replaceAll(/\s+/g, ' ');
    return flat.length > 60 ? `${flat.slice(0, 57)}...` : flat;
  };
  return `${file}:${line}:${column} ${kind} ${short(original)} -> ${short(replacement)}`;
}

await main();
