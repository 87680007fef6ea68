import { z } from 'zod';
import type { StoreKind } from './options.ts';

/** The figures of a report beside the bars of the project's issue on speed, as a table for people. */

const LATENCY = z.looseObject({ p50Ms: z.number(), p95Ms: z.number() });
const DB = z.enum(['sqlite', 'postgres']);
const EXECUTIONS = z.looseObject({
  bench: z.literal('executions'),
  db: DB,
  valid: z.boolean(),
  recordBytesPerAction: z.number().nullable(),
  levels: z.array(
    z.looseObject({
      connections: z.int(),
      executionsPerSecond: z.number(),
      ratioToBare: z.number(),
      p95Ms: z.number(),
      cpuMsPerExecution: z.number().nullable(),
      databaseCpuMsPerExecution: z.number().nullable(),
      bytesPerExecution: z.number(),
    }),
  ),
});
const AT_RATE = z.looseObject({
  bench: z.literal('executions at a fixed rate'),
  db: DB,
  rate: z.number(),
  accepted: LATENCY,
  completed: LATENCY,
});
const REACTION = z.looseObject({
  bench: z.literal('reaction'),
  db: DB,
  incidentsPerSecond: z.number(),
  fromAccepted: LATENCY,
  fromSending: LATENCY,
});
const EVENTS = z.looseObject({
  bench: z.literal('events'),
  db: DB,
  levels: z.array(
    z.looseObject({
      connections: z.int(),
      eventsPerSecond: z.number(),
      ratioToBare: z.number(),
      p95Ms: z.number(),
      cpuMsPerEvent: z.number().nullable(),
    }),
  ),
});
const WAITING = z.looseObject({
  bench: z.literal('waiting'),
  db: DB,
  waiting: z.int(),
  due: z.int(),
  full: z.looseObject({ startToReadyMs: z.number(), idleCpuMs: z.number().nullable() }),
  rssOverEmptyMiB: z.number(),
  dueEndedMs: z.number(),
});
/** A bench without figures, and why. */
const WITHOUT = z.object({ bench: z.literal('none'), title: z.string(), reason: z.string() });

export const RESULT = z.discriminatedUnion('bench', [EXECUTIONS, AT_RATE, REACTION, EVENTS, WAITING, WITHOUT]);

/** One line: what was measured, what the bar is, and whether it is met; null: there is no bar, or no figure. */
interface Line {
  readonly what: string;
  readonly measured: string;
  readonly bar: string;
  readonly met: boolean | null;
}

const NAMES: Readonly<Record<StoreKind, string>> = { sqlite: 'SQLite', postgres: 'PostgreSQL' };
/** Least share of *bare*. */
const EXECUTIONS_RATIO: Readonly<Record<StoreKind, number>> = { sqlite: 0.5, postgres: 0.3 };
const EVENTS_RATIO: Readonly<Record<StoreKind, number>> = { sqlite: 0.4, postgres: 0.3 };
const MOST_EXECUTION_BYTES = 12_000;
const MOST_ACTION_BYTES = 2_000;
/** At a fixed rate of 500 a second, p95 in ms. */
const MOST_ACCEPTED_MS = 8;
const MOST_COMPLETED_MS = 25;
const MOST_REACTION_MS = 25;
/** With 100,000 that wait, and 1,000 that are due. */
const MOST_START_MS = 1_000;
const MOST_RESUME_MS = 2_000;
const MOST_WAITING_MIB = 50;
const BARS_WAITING = 100_000;

/** @throws Error when a result has another shape. */
export function tableOf(results: readonly unknown[]): string {
  const lines = results.flatMap((result) => linesOf(RESULT.parse(result)));
  const rows = lines.map(({ what, measured, bar, met }) => `| ${what} | ${measured} | ${bar} | ${word(met)} |`);
  return ['| What | Measured | Bar | Met |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function word(met: boolean | null): string {
  if (met === null) return '';
  return met ? 'yes' : '**no**';
}

function linesOf(result: z.infer<typeof RESULT>): readonly Line[] {
  switch (result.bench) {
    case 'executions':
      return executionLines(result);
    case 'executions at a fixed rate':
      return atRateLines(result);
    case 'reaction':
      return reactionLines(result);
    case 'events':
      return eventLines(result);
    case 'waiting':
      return waitingLines(result);
    case 'none':
      return [{ what: result.title, measured: `not measured: ${inCell(result.reason)}`, bar: '', met: null }];
  }
}

function executionLines({ db, valid, levels, recordBytesPerAction }: z.infer<typeof EXECUTIONS>): readonly Line[] {
  const least = EXECUTIONS_RATIO[db];
  const worst = Math.max(...levels.map(({ bytesPerExecution }) => bytesPerExecution));
  return [
    ...levels.map((level): Line => {
      const cpu = `${level.cpuMsPerExecution ?? '?'} ms CPU`;
      const database = level.databaseCpuMsPerExecution;
      const figures = `${level.executionsPerSecond}/s, p95 ${level.p95Ms} ms, ${cpu}${database === null ? '' : ` and ${database} ms of the database`}`;
      return {
        what: `Executions, ${level.connections} at once, ${NAMES[db]}`,
        measured: `${level.ratioToBare} of *bare* (${figures})${valid ? '' : ', disturbed'}`,
        bar: `${least} or more`,
        // A disturbed run says nothing, neither way.
        met: valid ? level.ratioToBare >= least : null,
      };
    }),
    most(`A whole execution on disk, ${NAMES[db]}`, worst, MOST_EXECUTION_BYTES, 'bytes'),
    ...(recordBytesPerAction === null
      ? []
      : [most('The records of one action', recordBytesPerAction, MOST_ACTION_BYTES, 'bytes')]),
  ];
}

function atRateLines({ db, rate, accepted, completed }: z.infer<typeof AT_RATE>): readonly Line[] {
  const what = `Executions at ${rate}/s, ${NAMES[db]}`;
  return [
    most(`${what}, accepted, p95`, accepted.p95Ms, MOST_ACCEPTED_MS, 'ms'),
    most(`${what}, completed, p95`, completed.p95Ms, MOST_COMPLETED_MS, 'ms'),
  ];
}

function reactionLines({ db, incidentsPerSecond, fromAccepted }: z.infer<typeof REACTION>): readonly Line[] {
  const what = `Accepted event to first action, ${incidentsPerSecond} incidents/s, ${NAMES[db]}, p95`;
  return [most(what, fromAccepted.p95Ms, MOST_REACTION_MS, 'ms')];
}

function eventLines({ db, levels }: z.infer<typeof EVENTS>): readonly Line[] {
  const least = EVENTS_RATIO[db];
  return levels.map(({ connections, eventsPerSecond, ratioToBare, p95Ms, cpuMsPerEvent }) => ({
    what: `Events in batches, ${connections} ${connections === 1 ? 'connection' : 'connections'}, ${NAMES[db]}`,
    measured: `${ratioToBare} of the bare insert (${eventsPerSecond}/s, p95 ${p95Ms} ms a batch, ${cpuMsPerEvent ?? '?'} ms CPU an event)`,
    bar: `${least} or more`,
    met: ratioToBare >= least,
  }));
}

function waitingLines({ waiting, due, full, rssOverEmptyMiB, dueEndedMs }: z.infer<typeof WAITING>): readonly Line[] {
  const many = `${waiting} executions that wait`;
  const lines = [
    most(`Start to ready with ${many}`, full.startToReadyMs, MOST_START_MS, 'ms'),
    most(`${due} of them resumed after the start`, dueEndedMs, MOST_RESUME_MS, 'ms'),
    most(`Memory of ${many}`, rssOverEmptyMiB, MOST_WAITING_MIB, 'MiB'),
    { what: `CPU of ${many}, in 10 s`, measured: `${full.idleCpuMs ?? '?'} ms`, bar: '', met: null },
  ];
  // With fewer than the bars speak of nothing is met.
  return waiting < BARS_WAITING ? lines.map((line) => ({ ...line, met: null })) : lines;
}

function most(what: string, value: number, bar: number, unit: string): Line {
  return { what, measured: `${value} ${unit}`, bar: `${bar} ${unit} or less`, met: value <= bar };
}

/** A reason on one line that does not end the cell. */
function inCell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '/').slice(0, 300);
}
