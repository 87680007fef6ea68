import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { openWorkshop, type Workshop } from './children.ts';
import { benchEvents } from './events.ts';
import { benchExecutions, benchExecutionsAtRate, type ExecutionOptions } from './executions.ts';
import { machine } from './measure.ts';
import { medianOf } from './median.ts';
import { PROGRAM } from './product.ts';
import { benchReaction } from './reaction.ts';
import { reportTable, writeReport } from './report.ts';
import { benchWaiting } from './waiting.ts';

/**
 * `npm run bench -- executions|events|reaction|waiting|report [--json] [--runs N] [--rate N] [--seconds N] [--warmup N]
 * [--program FILE] [--profile DIR]`
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string' },
    rate: { type: 'string' },
    count: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '6' },
    warmup: { type: 'string', default: '2' },
    program: { type: 'string', default: PROGRAM },
    profile: { type: 'string' },
  },
});

/** The rate of the report, executions in a second. */
const REPORTED_RATE = 500;
/** Runs of the report unless another number is asked for: one busy minute of the machine does not decide then. */
const REPORTED_RUNS = 5;

type Bench = (
  workshop: Workshop,
  options: ExecutionOptions & { readonly count: number },
) => Promise<Record<string, unknown>>;

const atRate =
  (rate: number): Bench =>
  (workshop, options) =>
    benchExecutionsAtRate(workshop, rate, options);

const BENCHES: ReadonlyMap<string, readonly Bench[]> = new Map([
  ['events', [benchEvents]],
  ['executions', [values.rate === undefined ? benchExecutions : atRate(positive('rate', values.rate, 5_000))]],
  ['reaction', [benchReaction]],
  ['waiting', [benchWaiting]],
  ['report', [benchExecutions, atRate(REPORTED_RATE), benchReaction, benchEvents]],
]);

/** Every run in a workshop of its own: nothing of one is left for the next. */
async function medianRun(bench: Bench, runs: number, options: Parameters<Bench>[1]): Promise<Record<string, unknown>> {
  const results: Record<string, unknown>[] = [];
  for (let run = 0; run < runs; run += 1) {
    const workshop = openWorkshop();
    open.add(workshop);
    try {
      results.push(await bench(workshop, options));
    } finally {
      await workshop.close();
      open.delete(workshop);
    }
  }
  return medianOf(results);
}

const open = new Set<Workshop>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all([...open].map((workshop) => workshop.close())).finally(() => process.exit(130));
  });
}
try {
  const [name = ''] = positionals;
  const benches = BENCHES.get(name);
  if (benches === undefined) {
    throw new Error('say which one: npm run bench -- executions | events | reaction | waiting | report [--json]');
  }
  const options = {
    seconds: positive('seconds', values.seconds, 600),
    warmup: positive('warmup', values.warmup, 600),
    count: Math.round(positive('count', values.count, 1_000_000)),
    program: values.program,
    profileDir: values.profile ?? null,
  };
  const runs = values.runs === undefined ? (name === 'report' ? REPORTED_RUNS : 1) : positive('runs', values.runs, 99);
  const startedAt = new Date().toISOString();
  const loadBefore = loadavg()[0] ?? 0;
  const about = () => ({ machine: machine(), startedAt, seconds: options.seconds, runs, loadBefore });
  const results: Record<string, unknown>[] = [];
  for (const bench of benches) results.push(await medianRun(bench, runs, options));
  if (name === 'report') {
    const report = { ...about(), results };
    process.stdout.write(`${reportTable(report)}\nwritten to ${writeReport(report)}\n`);
  } else {
    const result = { ...results[0], ...about() };
    process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
  }
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
// Sockets that are kept alive would hold the process for a while.
process.exit();

function positive(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= most) return value;
  throw new Error(`--${name} must be a number above 0 and up to ${most}`);
}
