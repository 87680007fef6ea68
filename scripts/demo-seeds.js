// The demo for ten seeds (or those named: `npm run demo:seeds -- 11 12`), one after the other, from the compiled
// program. Prints one line for each and ends with 1 when any of them did not hold.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One run takes about 7 s; far more is a hang. */
const LIMIT_MS = 300_000;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const given = process.argv.slice(2);
const seeds = given.length > 0 ? given : ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'];

let failed = 0;
for (const seed of seeds) {
  const started = performance.now();
  const args = [MAIN, 'demo', '--once', '--json', '--seed', seed];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: LIMIT_MS });
  const good = run.status === 0 && run.stdout.split('\n').filter((line) => line !== '').length === 4;
  if (!good) failed += 1;
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  process.stdout.write(`seed ${seed}: ${good ? 'holds' : 'DOES NOT HOLD'} (exit code ${run.status}, ${seconds} s)\n`);
  if (!good) process.stdout.write(`${run.stdout}${run.stderr}\n`);
}
process.stdout.write(`${seeds.length - failed} of ${seeds.length} seeds hold\n`);
process.exitCode = failed === 0 ? 0 : 1;
