import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { openWorkshop, type Workshop } from './children.ts';
import { benchEvents } from './events.ts';
import { benchEvidence } from './evidence.ts';
import { benchExecutionsAtRate } from './execution-rate.ts';
import { benchExecutions } from './executions.ts';
import { machine } from './measure.ts';
import { medianOf } from './median.ts';
import { CannotRunError, type Bench, type BenchOptions, type StoreKind } from './options.ts';
import { PROGRAM } from './product.ts';
import { benchPeople } from './people.ts';
import { benchReaction } from './reaction.ts';
import { reportTable, writeReport } from './report.ts';
import { benchWaiting } from './waiting.ts';

/**
 * `npm run bench -- executions|events|reaction|people|waiting|evidence|report [--db sqlite|postgres] [--json] [--runs N] [--rate N]
 * [--seconds N] [--warmup N] [--count N] [--sizes MiB,MiB] [--settle N] [--program FILE] [--profile DIR]`
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    db: { type: 'string' },
    json: { type: 'boolean', default: false },
    runs: { type: 'string' },
    rate: { type: 'string' },
    count: { type: 'string', default: '100000' },
    sizes: { type: 'string', default: '2048,4096' },
    settle: { type: 'string', default: '60' },
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

const atRate =
  (rate: number): Bench =>
  (workshop, options) =>
    benchExecutionsAtRate(workshop, rate, options);

interface Reported {
  readonly title: string;
  readonly bench: Bench;
  readonly db: StoreKind;
  /** Takes minutes, and its figures hardly differ from run to run. */
  readonly once?: boolean;
}

const REPORTED: readonly Reported[] = [
  { title: 'Executions, SQLite', bench: benchExecutions, db: 'sqlite' },
  { title: 'Executions, PostgreSQL', bench: benchExecutions, db: 'postgres' },
  { title: `Executions at ${REPORTED_RATE}/s, SQLite`, bench: atRate(REPORTED_RATE), db: 'sqlite' },
  { title: 'Accepted event to first action, SQLite', bench: benchReaction, db: 'sqlite' },
  { title: 'Events in batches, SQLite', bench: benchEvents, db: 'sqlite' },
  { title: 'Events in batches, PostgreSQL', bench: benchEvents, db: 'postgres' },
  { title: 'Executions that wait', bench: benchWaiting, db: 'sqlite', once: true },
];

const open = new Set<Workshop>();
/** Under way after an interruption: what runs is taken away under the bench, whose error then says nothing. */
const interrupted: { closing: Promise<unknown> | null } = { closing: null };
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted.closing ??= Promise.allSettled([...open].map((workshop) => workshop.close()));
    void interrupted.closing.then(() => process.exit(130));
  });
}
try {
  await main(positionals[0] ?? '');
} catch (thrown) {
  if (interrupted.closing === null) process.stderr.write(`bench: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
await interrupted.closing;
if (interrupted.closing !== null) process.exitCode = 130;
// Sockets that are kept alive would hold the process for a while.
process.exit();

async function main(name: string): Promise<void> {
  const options = {
    seconds: positive('seconds', values.seconds, 600),
    warmup: positive('warmup', values.warmup, 600),
    count: Math.round(positive('count', values.count, 1_000_000)),
    program: values.program,
    profileDir: values.profile ?? null,
    sizesMiB: values.sizes.split(',').map((size) => Math.ceil(positive('sizes', size, 102_400))),
    settle: positive('settle', values.settle, 600),
    db: storeKind(values.db),
  };
  const runs =
    values.runs === undefined ? (name === 'report' ? REPORTED_RUNS : 1) : Math.ceil(positive('runs', values.runs, 99));
  const about = {
    machine: machine(),
    startedAt: new Date().toISOString(),
    seconds: options.seconds,
    runs,
    loadBefore: loadavg()[0] ?? 0,
  };
  if (name === 'report') {
    if (values.db !== undefined) throw new Error('a report measures both kinds of journal: leave --db out');
    const results: Record<string, unknown>[] = [];
    for (const reported of REPORTED) results.push(await reportedRun(reported, runs, options));
    const report = { ...about, results };
    process.stdout.write(`${reportTable(report)}\nwritten to ${await writeReport(report)}\n`);
    return;
  }
  const result = { ...(await medianRun(benchOf(name), runs, options)), ...about };
  process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
}

function benchOf(name: string): Bench {
  if (values.rate !== undefined && name !== 'executions') throw new Error('--rate is for executions only');
  switch (name) {
    case 'executions':
      return values.rate === undefined ? benchExecutions : atRate(positive('rate', values.rate, 5_000));
    case 'events':
      return benchEvents;
    case 'reaction':
      return benchReaction;
    case 'people':
      return benchPeople;
    case 'waiting':
      return benchWaiting;
    case 'evidence':
      return benchEvidence;
    default:
      throw new Error(
        'say which one: npm run bench -- executions | events | reaction | people | waiting | evidence | report [--json]',
      );
  }
}

/** Every run in a workshop of its own: nothing of one is left for the next. */
async function medianRun(bench: Bench, runs: number, options: BenchOptions): Promise<Record<string, unknown>> {
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

/** One that cannot run, or fails, does not take the figures of the others along; a failure shows in the exit code too. */
async function reportedRun(
  { title, bench, db, once = false }: Reported,
  runs: number,
  options: BenchOptions,
): Promise<Record<string, unknown>> {
  process.stderr.write(`bench: ${title}\n`);
  try {
    return await medianRun(bench, once ? 1 : runs, { ...options, db });
  } catch (thrown) {
    if (interrupted.closing !== null) throw thrown;
    const reason = messageOf(thrown);
    process.stderr.write(`bench: ${title}: ${reason}\n`);
    if (!(thrown instanceof CannotRunError)) process.exitCode = 1;
    return { bench: 'none', title, reason };
  }
}

function storeKind(text: string | undefined): StoreKind {
  if (text === undefined || text === 'sqlite' || text === 'postgres') return text ?? 'sqlite';
  throw new Error('--db must be sqlite or postgres');
}

function positive(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= most) return value;
  throw new Error(`--${name} must be a number above 0 and up to ${most}`);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
