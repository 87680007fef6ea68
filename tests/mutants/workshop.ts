import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';

/**
 * Tests that can kill a mutant: all that run the core in their own process. Not those that start processes from dist/,
 * kill them, or live thousands of worlds.
 */
const TESTS = [
  'src/{api,archive,journal,pipeline}/**/*.test.ts',
  'tests/{api,audit,determinism,executions,intake,retention,security}/**/*.test.ts',
  'tests/simulation/{conformance,regressions}.test.ts',
];
const NOT_TESTS = [
  'src/journal/postgres/**',
  'tests/audit/{mutations,running,witness,witnessed-server}.test.ts',
  'tests/intake/order-over-http.test.ts',
];

/** What a copy of the repository needs to run its tests. */
const PARTS = [
  'bench',
  'docs',
  'scripts',
  'simulation',
  'src',
  'tests',
  'tools',
  'torture',
  'package.json',
  'tsconfig.json',
];

/** A copy of the repository in which mutants can be tried. */
export interface Workshop {
  readonly folder: string;
  close(): void;
}

/** In a new folder that `close` removes, or in `kept`, where what was found out before is found again. */
export function openWorkshop(root: string, kept: string | undefined): Workshop {
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'firebreak-mutants-'));
  mkdirSync(folder, { recursive: true });
  for (const part of PARTS) cpSync(join(root, part), join(folder, part), { recursive: true });
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'vitest.config.ts'), CONFIG);
  return { folder, close: () => (kept === undefined ? rmSync(folder, { recursive: true, force: true }) : undefined) };
}

/** The files are run in the order in which they are named, one at a time, each in a process of its own. */
const CONFIG = `
import { defineConfig } from 'vitest/config';
const order = (process.env.MUTANTS_ORDER ?? '').split(',');
class InOrder {
  shard(files) { return files; }
  sort(files) {
    const place = ({ moduleId }) => order.findIndex((file) => moduleId.endsWith(file));
    return [...files].sort((left, right) => place(left) - place(right));
  }
}
export default defineConfig({
  cacheDir: '.vite',
  test: {
    include: ${JSON.stringify(TESTS)},
    exclude: ${JSON.stringify(['**/node_modules/**', ...NOT_TESTS])},
    setupFiles: ['tests/mutants/coverage.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 1,
    sequence: { sequencer: InOrder },
    experimental: { fsModuleCache: true },
  },
});
`;

const REPORT = z.object({
  testResults: z.array(z.object({ name: z.string(), status: z.string(), startTime: z.number(), endTime: z.number() })),
});
const REACHED = z.object({ testPath: z.string(), ids: z.array(z.string()) });

/** A test file, what it costs, and the ids of the mutants it reaches. */
const TEST_FILE = z.object({ file: z.string(), ms: z.number(), reaches: z.array(z.string()) });
export type TestFile = Readonly<z.infer<typeof TEST_FILE>>;

/**
 * Runs every test once without a mutant, but for those of which it is known already. What fails here could kill nothing,
 * and is left out and named.
 */
export async function survey(workshop: Workshop): Promise<readonly TestFile[]> {
  const kept = join(workshop.folder, 'survey-done.json');
  const known = existsSync(kept) ? z.array(TEST_FILE).parse(JSON.parse(readFileSync(kept, 'utf8'))) : [];
  const reached = join(workshop.folder, '.reached');
  rmSync(reached, { recursive: true, force: true });
  mkdirSync(reached);
  const output = join(workshop.folder, 'survey.json');
  const without = known.flatMap(({ file }) => ['--exclude', file]);
  const report = ['--reporter=json', `--outputFile=${output}`, '--passWithNoTests'];
  await vitest(workshop, [...report, ...without], { MUTANTS_COVERAGE: reached }, SURVEY_LIMIT_MS);
  const reaches = new Map(
    readdirSync(reached).map((name) => {
      const { testPath, ids } = REACHED.parse(JSON.parse(readFileSync(join(reached, name), 'utf8')));
      return [testPath, ids];
    }),
  );
  const { testResults } = REPORT.parse(JSON.parse(readFileSync(output, 'utf8')));
  const passed = testResults.filter(({ status }) => status === 'passed');
  const failed = testResults
    .filter(({ status }) => status !== 'passed')
    .map(({ name }) => relative(workshop.folder, name));
  if (failed.length > 0) process.stdout.write(`Left out, because they fail without a mutant: ${failed.join(', ')}\n`);
  const tests = [
    ...known,
    ...passed.map(({ name, startTime, endTime }) => ({
      file: relative(workshop.folder, name),
      ms: Math.round(endTime - startTime),
      reaches: reaches.get(name) ?? [],
    })),
  ];
  writeFileSync(kept, JSON.stringify(tests));
  return tests;
}

/** All tests once, one after the other, counting: half an hour is several times what they take. */
const SURVEY_LIMIT_MS = 1_800_000;

export type Outcome = 'passed' | 'failed' | 'timeout';

/** Runs these test files with the mutant active, up to the first failure. */
export function tryMutant(workshop: Workshop, id: string, files: readonly string[], limitMs: number): Promise<Outcome> {
  const environment = { __STRYKER_ACTIVE_MUTANT__: id, MUTANTS_ORDER: files.join(',') };
  // Unit tests keep nothing between them: one process for all saves most of the time.
  const together = files.every((file) => file.startsWith('src/pipeline/')) ? ['--no-isolate'] : [];
  return vitest(workshop, ['--bail=1', '--reporter=dot', ...together, ...files], environment, limitMs);
}

/** Ends the process and all that it started when the time is over: a mutant may never come back. */
function vitest(
  { folder }: Workshop,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<Outcome> {
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: 'ignore',
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, limitMs);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(limit);
      resolve(late ? 'timeout' : code === 0 ? 'passed' : 'failed');
    });
  });
}
