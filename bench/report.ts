import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The results of all benches, as a file for later and as a table for people. */

const LATENCY = z.looseObject({ p50Ms: z.number(), p95Ms: z.number() });
const EXECUTIONS = z.looseObject({
  bench: z.literal('executions'),
  valid: z.boolean(),
  levels: z.array(
    z.looseObject({
      connections: z.int(),
      executionsPerSecond: z.number(),
      ratioToBare: z.number(),
      p95Ms: z.number(),
      cpuMsPerExecution: z.number().nullable(),
      bytesPerExecution: z.number(),
    }),
  ),
});
const AT_RATE = z.looseObject({
  bench: z.literal('executions at a fixed rate'),
  rate: z.number(),
  accepted: LATENCY,
  completed: LATENCY,
});
const REACTION = z.looseObject({
  bench: z.literal('reaction'),
  incidentsPerSecond: z.number(),
  fromAccepted: LATENCY,
  fromSending: LATENCY,
});
const EVENTS = z.looseObject({
  bench: z.literal('events'),
  levels: z.array(
    z.looseObject({ connections: z.int(), eventsPerSecond: z.number(), ratioToBare: z.number(), p95Ms: z.number() }),
  ),
});
const REPORT = z.looseObject({
  machine: z.looseObject({ node: z.string(), cpu: z.string(), cores: z.int(), memoryGiB: z.number() }),
  startedAt: z.string(),
  runs: z.number(),
  loadBefore: z.number(),
  results: z.tuple([EXECUTIONS, AT_RATE, REACTION, EVENTS]),
});

/** The table that README shows. @throws Error when a result has another shape. */
export function reportTable(given: Record<string, unknown>): string {
  const { machine, startedAt, runs, loadBefore, results } = REPORT.parse(given);
  const [executions, atRate, reaction, events] = results;
  const rows = [
    ...executions.levels.map((level) => [
      `Executions, ${level.connections} at once${executions.valid ? '' : ' (disturbed)'}`,
      `${level.executionsPerSecond}/s, p95 ${level.p95Ms} ms, ${level.cpuMsPerExecution ?? '?'} ms CPU, ${level.bytesPerExecution} bytes`,
      `${level.ratioToBare} of *bare*`,
    ]),
    [
      `Executions at ${atRate.rate}/s`,
      `accepted p95 ${atRate.accepted.p95Ms} ms, completed p95 ${atRate.completed.p95Ms} ms`,
      '',
    ],
    [
      `Event to first action, ${reaction.incidentsPerSecond} incidents/s`,
      `p95 ${reaction.fromAccepted.p95Ms} ms after it was accepted, ${reaction.fromSending.p95Ms} ms after it was sent`,
      '',
    ],
    ...events.levels.map((level) => [
      `Events in batches, ${level.connections} connections`,
      `${level.eventsPerSecond}/s, p95 ${level.p95Ms} ms a batch`,
      `${level.ratioToBare} of the bare insert`,
    ]),
  ];
  const about =
    `Medians of ${runs} runs, ${startedAt.slice(0, 10)}, commit ${commitNow()}, ${machine.cores} cores of ${machine.cpu}, ` +
    `${machine.memoryGiB} GiB, Node ${machine.node}; load average before: ${loadBefore.toFixed(1)}.`;
  const lines = rows.map(([what, figures, ratio]) => `| ${what} | ${figures} | ${ratio} |`);
  return [`| What | Measured | Against the reference |`, `| --- | --- | --- |`, ...lines, '', about, ''].join('\n');
}

/** Writes `bench/results/<date>-<commit>.json`, and answers with its path. */
export function writeReport(report: Record<string, unknown>): string {
  const { startedAt } = REPORT.parse(report);
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}${startedAt.slice(0, 10)}-${commitNow()}.json`;
  writeFileSync(file, `${JSON.stringify({ commit: commitNow(), ...report }, null, 2)}\n`);
  return file;
}

/** What was measured: the commit, marked when there is more in the tree than it holds. */
function commitNow(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? '-changed' : ''}`;
}
