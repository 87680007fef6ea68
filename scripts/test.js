/*
 * The one test command. Without arguments: build, format, lint, layers, dead code, then every test, with a table of
 * minutes for each area at the end. `--quick` leaves out what starts processes. `-- PATH ...` runs these tests only.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const quick = process.argv.includes('--quick');
const times = [];
let failedSteps = 0;

/** Programs are run from the installed packages, not through npx, so that nothing is ever fetched here. */
function step(name, script, args) {
  const from = performance.now();
  const { status } = spawnSync(process.execPath, [join('node_modules', ...script.split('/')), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  times.push([name, performance.now() - from]);
  if (status === 0) return;
  failedSteps += 1;
  process.stdout.write(`\n${name}: FAILED\n\n`);
}

const build = () => {
  const from = performance.now();
  const { status } = spawnSync(process.execPath, ['scripts/build.js'], { cwd: root, stdio: 'inherit' });
  times.push(['build', performance.now() - from]);
  if (status !== 0) failedSteps += 1;
};

build();
if (paths.length === 0) {
  step('types', 'typescript/bin/tsc', ['-p', 'tsconfig.json']);
  step('format', 'prettier/bin/prettier.cjs', ['--check', '--cache', '--log-level', 'warn', '.']);
  step('lint', 'oxlint/bin/oxlint', ['--type-aware', '--deny-warnings', '.']);
  step('layers', 'dependency-cruiser/bin/dependency-cruise.mjs', ['src', '--config', '.dependency-cruiser.cjs']);
  step('dead code', 'knip/bin/knip.js', []);
}

const folder = mkdtempSync(join(tmpdir(), 'firebreak-results-'));
const output = join(folder, 'results.json');
/** What starts processes, plays whole days, runs thousands of worlds, or takes more than five seconds by itself. */
const SLOW = [
  'tests/{bench,crash,failure,interleavings,power-cut,recovery,replicas,ssh,torture,vaults}/**',
  'src/journal/postgres/**',
  'tests/{retention,upgrade}/**',
  'tests/simulation/{explore,planted,processes,simulation}.test.ts',
  'tests/pages/browser.test.ts',
  'tests/{guides,passkeys}/**',
  'tests/api/{exemptions,expiring,external-approval,openapi}.test.ts',
  'tests/{audit/tampering,executions/holding,intake/order,security/roles}.test.ts',
  'src/{journal/sqlite/store-thread,pipeline/detections/order}.test.ts',
  'tests/approvals/together.test.ts',
  'tests/approvals/matrix/{checks,served}.test.ts',
  'tests/audit/{mutations,witness,witnessed-server}.test.ts',
  'src/pipeline/evidence/bundles/bundles.test.ts',
  'tests/architecture/layers.test.ts',
  'tests/intake/order-over-http.test.ts',
  'tests/demo/**/*.e2e.test.ts',
];
const selection = quick ? SLOW.flatMap((pattern) => ['--exclude', pattern]) : [];
step('tests', 'vitest/vitest.mjs', [
  'run',
  ...selection,
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${output}`,
  ...paths,
]);
const results = readResults(output);
rmSync(folder, { recursive: true, force: true });

/** `src/pipeline/events/x.test.ts` belongs to `events`, `tests/crash/x.test.ts` to `crash`. */
function areaOf(file) {
  const parts = relative(root, file).split(sep);
  if (parts[0] === 'src' && parts[1] === 'pipeline') return parts[2] ?? 'pipeline';
  return (parts.length > 2 ? parts[1] : parts[0]) ?? 'other';
}

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { testResults: [], numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
  }
}

const areas = new Map();
for (const { name, startTime, endTime, assertionResults } of results.testResults) {
  const area = areas.get(areaOf(name)) ?? { ms: 0, tests: 0 };
  areas.set(areaOf(name), { ms: area.ms + endTime - startTime, tests: area.tests + assertionResults.length });
}

const minutes = (ms) => (ms / 60_000).toFixed(2).padStart(8);
process.stdout.write('\narea                  minutes   tests\n');
for (const [name, ms] of times) process.stdout.write(`${name.padEnd(20)} ${minutes(ms)}\n`);
for (const [name, { ms, tests }] of [...areas].sort((left, right) => right[1].ms - left[1].ms)) {
  process.stdout.write(`  ${name.padEnd(18)} ${minutes(ms)} ${String(tests).padStart(7)}\n`);
}

const suites = results.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
).length;
const failed =
  results.numFailedTests +
  suites +
  (results.numFailedTests + suites === 0 ? failedSteps : Math.max(0, failedSteps - 1));
const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
process.stdout.write(`\n${results.numPassedTests} passed, ${failed} failed${skipped}\n`);
process.exit(failed === 0 && failedSteps === 0 ? 0 : 1);
