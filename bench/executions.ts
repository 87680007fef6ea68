import { join } from 'node:path';
import { ownProgram, type Workshop } from './children.ts';
import { executionRows, type PreparedExecutions } from './execution-rows.ts';
import type { JournalWatch } from './journal-watch.ts';
import { runSlice, tallyOf, type SliceResult, type Tally } from './load.ts';
import { cpuMsOf, pause, rounded } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { post, startProduct, type Product } from './product.ts';
import { commitRows } from './rows.ts';
import { openStorage, type Storage } from './storage.ts';
import { checkEffects, nextNumber, PLAYBOOK, productVariant, referenceVariant, type Variant } from './variants.ts';

/** How many POSTs are under way at once. */
const LEVELS = [10, 50] as const;
/** Each variant runs this often at each level, in turns, so that a busy minute of the machine meets all of them. */
const ROUNDS = 2;
/** Below this share of *none*, *bare* was disturbed or is no reference, and the run says nothing. In a file only. */
const LEAST_BARE_TO_NONE = 0.85;
/** Executions whose rows are prepared for the reference *rows*. */
const PREPARED_EXECUTIONS = 1_500;
/** The log keeper places records within this time, in ms; sizes are read after it. */
const KEEPER_MS = 600;

/** Runs the whole comparison. @throws Error when an execution did not end as COMPLETED or a call was lost or repeated. */
export async function benchExecutions(workshop: Workshop, options: BenchOptions): Promise<Record<string, unknown>> {
  const { program, profileDir, db } = options;
  const storage = await openStorage(workshop, db);
  const place = await storage.newPlace();
  const productStub = await workshop.start(ownProgram('stub.ts'));
  const referenceStub = await workshop.start(ownProgram('stub.ts'));
  const product = await startProduct(workshop, { program, profileDir, targetUrl: productStub.url, keys: 20, place });
  await post(product.service.url, '/api/incident-playbooks', product.keys[0] ?? '', PLAYBOOK);
  const handler = [...ownProgram('reference-handler.ts'), referenceStub.url];
  const bare = await workshop.start([...handler, await storage.referencePlace()]);
  const none = await workshop.start(handler);
  const watch = await product.watch();
  const ended: string[] = [];
  const variants = [
    productVariant(product, watch, ended),
    referenceVariant('bare', bare),
    referenceVariant('none', none),
  ];
  const run: Run = { variants, watch, storage, ended };
  const levels = [];
  for (const connections of LEVELS) levels.push(await runLevel(run, connections, options));
  await checkEffects(product, productStub.url, ended);
  await watch.close();
  await product.service.stop();
  const prepared = await preparedRows(product, storage, ended.at(-1) ?? '');
  return {
    bench: 'executions',
    db,
    valid: levels.every(({ valid }) => valid),
    executions: ended.length,
    recordBytesPerAction: prepared?.recordBytesPerAction ?? null,
    levels: levels.map(({ figures, productRate }) => ({
      ...figures,
      ...besideRows(workshop, prepared, figures.connections, productRate),
    })),
    postgres: storage.about,
  };
}

/** What all levels have in common. */
interface Run {
  readonly variants: readonly Variant[];
  readonly watch: JournalWatch;
  readonly storage: Storage;
  /** Ids of the product's executions that have ended. */
  readonly ended: readonly string[];
}

async function preparedRows(
  { dataDir }: Product,
  { kind }: Storage,
  executionId: string,
): Promise<PreparedExecutions | null> {
  if (kind !== 'sqlite') return null;
  return executionRows(join(dataDir, 'journal.sqlite'), executionId, PREPARED_EXECUTIONS);
}

function besideRows(
  workshop: Workshop,
  prepared: PreparedExecutions | null,
  connections: number,
  productRate: number,
): Record<string, unknown> {
  if (prepared === null) return { ratioToRows: null, rows: null };
  const rows = commitRows(join(workshop.directory(), 'rows.sqlite'), prepared.commits(connections));
  const rowsPerSecond = PREPARED_EXECUTIONS / rows.seconds;
  return {
    ratioToRows: rounded(productRate / rowsPerSecond, 3),
    rows: {
      executionsPerSecond: rounded(rowsPerSecond, 0),
      cpuMsPerExecution: rounded(rows.cpuMs / PREPARED_EXECUTIONS, 3),
    },
  };
}

/** What was measured of one variant, over all of its slices. */
interface Measured {
  readonly slices: readonly SliceResult[];
  /** Of the server, and of the database's own processes; null where that cannot be told. */
  readonly cpuMs: number | null;
  readonly databaseCpuMs: number | null;
}

const NOTHING: Measured = { slices: [], cpuMs: 0, databaseCpuMs: 0 };

async function runLevel({ variants, watch, storage, ended }: Run, connections: number, options: BenchOptions) {
  const bytesBefore = await watch.bytes();
  const endedBefore = ended.length;
  const measured = new Map<string, Measured>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const variant of variants) {
      const before = measured.get(variant.name) ?? NOTHING;
      const slice = await oneSlice(variant, storage, connections, round, options);
      measured.set(variant.name, {
        slices: [...before.slices, ...slice.slices],
        cpuMs: sum(before.cpuMs, slice.cpuMs),
        databaseCpuMs: sum(before.databaseCpuMs, slice.databaseCpuMs),
      });
      await pause(KEEPER_MS);
    }
  }
  const bytes = (await watch.bytes()) - bytesBefore;
  const figuresOf = (name: Variant['name']): Figures => perExecution(measured.get(name) ?? NOTHING);
  const [product, bare, none] = [figuresOf('product'), figuresOf('bare'), figuresOf('none')];
  const bareToNone = bare.tally.perSecond / none.tally.perSecond;
  const figures = {
    connections,
    executionsPerSecond: rounded(product.tally.perSecond, 0),
    ratioToBare: rounded(product.tally.perSecond / bare.tally.perSecond, 3),
    ...product.tally.completed,
    accepted: product.tally.accepted,
    cpuMsPerExecution: product.cpuMs,
    databaseCpuMsPerExecution: product.databaseCpuMs,
    bytesPerExecution: Math.round(bytes / (ended.length - endedBefore)),
    measuredExecutions: product.tally.count,
    bare: referenceFigures(bare),
    none: referenceFigures({ ...none, databaseCpuMs: null }),
    bareToNone: rounded(bareToNone, 3),
  };
  // A commit over a connection costs *bare* much more than one into a file, whether it is disturbed or not.
  const valid = storage.kind !== 'sqlite' || bareToNone >= LEAST_BARE_TO_NONE;
  return { figures, productRate: product.tally.perSecond, valid };
}

interface Figures {
  readonly tally: Tally;
  readonly cpuMs: number | null;
  readonly databaseCpuMs: number | null;
}

function perExecution({ slices, cpuMs, databaseCpuMs }: Measured): Figures {
  const tally = tallyOf(slices);
  const each = (ms: number | null): number | null => (ms === null ? null : rounded(ms / Math.max(1, tally.count), 3));
  return { tally, cpuMs: each(cpuMs), databaseCpuMs: each(databaseCpuMs) };
}

function referenceFigures({ tally, cpuMs, databaseCpuMs }: Figures): Record<string, unknown> {
  return {
    executionsPerSecond: rounded(tally.perSecond, 0),
    ...tally.completed,
    cpuMsPerExecution: cpuMs,
    databaseCpuMsPerExecution: databaseCpuMs,
  };
}

async function oneSlice(
  variant: Variant,
  storage: Storage,
  connections: number,
  round: number,
  { seconds, warmup }: BenchOptions,
): Promise<Measured> {
  const cpu: (number | null)[] = [];
  const databaseCpu: (number | null)[] = [];
  const slice = await runSlice({
    connections,
    warmupMs: (round === 0 ? warmup : warmup / 4) * 1_000,
    measuredMs: (seconds * 1_000) / ROUNDS,
    turn: () => variant.turn(nextNumber()),
    onEdge() {
      cpu.push(cpuMsOf(variant.pid));
      databaseCpu.push(storage.cpuMs());
    },
  });
  return { slices: [slice], cpuMs: between(cpu), databaseCpuMs: between(databaseCpu) };
}

/** From the first edge to the second. */
function between([begin = null, end = null]: readonly (number | null)[]): number | null {
  return begin === null || end === null ? null : end - begin;
}

function sum(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}
