import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { RESULT, tableOf } from './report-table.ts';

/** The results of all benches, as a file for later and as a table for people. */

const REPORT = z.looseObject({
  machine: z.looseObject({ node: z.string(), cpu: z.string(), cores: z.int(), memoryGiB: z.number() }),
  startedAt: z.string(),
  seconds: z.number(),
  runs: z.number(),
  loadBefore: z.number(),
  results: z.array(RESULT),
});

/** The table that README shows, and where its figures come from. @throws Error when a result has another shape. */
export function reportTable(given: Record<string, unknown>): string {
  const { machine, startedAt, seconds, runs, loadBefore, results } = REPORT.parse(given);
  const about =
    `${runs === 1 ? 'One run' : `Medians of ${runs} runs`} of ${seconds} s (what waits: one run), ${startedAt.slice(0, 10)}, commit ${commitNow()}, ` +
    `${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}; ` +
    `load average before: ${loadBefore.toFixed(1)}.`;
  return `${tableOf(results)}\n\n${about}\n`;
}

/** Writes `bench/results/<date>-<commit>.json` as all files of the project are formatted, and answers with its path. */
export async function writeReport(report: Record<string, unknown>): Promise<string> {
  const { startedAt } = REPORT.parse(report);
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}${startedAt.slice(0, 10)}-${commitNow()}.json`;
  const text = JSON.stringify({ commit: commitNow(), ...report }, null, 2);
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'json' }));
  return file;
}

/** What was measured: the commit, marked when there is more in the tree than it holds. */
function commitNow(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? '-changed' : ''}`;
}
