import { join } from 'node:path';
import { z } from 'zod';
import { ownProgram, type Service, type Workshop } from './children.ts';
import { executionRows } from './execution-rows.ts';
import { watchJournal, type JournalWatch } from './journal-watch.ts';
import { poster, runRate, runSlice, tallyOf, type SliceResult, type Tally, type Turn } from './load.ts';
import { cpuMsOf, pause, rounded } from './measure.ts';
import { post, startProduct, type Product } from './product.ts';
import { commitRows } from './rows.ts';

/** How many POSTs are under way at once. */
const LEVELS = [10, 50] as const;
/** Each variant runs this often at each level, in turns, so that a busy minute of the machine meets all of them. */
const ROUNDS = 2;
/** Below this share of *none*, *bare* was disturbed or is no reference, and the run says nothing. */
const LEAST_BARE_TO_NONE = 0.85;
/** Executions whose rows are prepared for the reference *rows*. */
const PREPARED_EXECUTIONS = 1_500;
/** Executions that are looked at over the API at the end. */
const SAMPLE = 20;
/** The log keeper places records within this time, in ms; sizes are read after it. */
const KEEPER_MS = 600;
const CALLS_PER_EXECUTION = 4;
const TRIGGER = '/api/incident-playbooks/executions/trigger';

export interface ExecutionOptions {
  readonly seconds: number;
  readonly warmup: number;
  readonly program: string;
  readonly profileDir: string | null;
}

/** One of the three servers that can be driven: the product, *bare*, *none*. */
interface Variant {
  readonly name: 'product' | 'bare' | 'none';
  readonly pid: number;
  turn(number: number): Promise<Turn>;
}

/** Four notices in three stages (two, one, one), each read back: what may run without a person being asked. */
export const PLAYBOOK = {
  playbookId: 'playbook_bench',
  name: 'Bench',
  playbookType: 'CUSTOM',
  severity: 'HIGH',
  actions: [
    ['first', 1],
    ['second', 1],
    ['third', 2],
    ['fourth', 3],
  ].map(([actionId, stage]) => ({
    actionId,
    actionType: 'USER_NOTIFICATION',
    stage,
    parameters: { title: 'Unusual activity', message: `Step ${String(actionId)}`, sendEmail: true },
  })),
};

const STARTED = z.looseObject({ data: z.looseObject({ id: z.string() }) });
const COUNTS = z.object({ posts: z.int(), reads: z.int(), distinctKeys: z.int() });
const SHOWN = z.looseObject({ data: z.looseObject({ status: z.string() }) });

/** Runs the whole comparison. @throws Error when an execution did not end as COMPLETED or a call was lost or repeated. */
export async function benchExecutions(workshop: Workshop, options: ExecutionOptions): Promise<Record<string, unknown>> {
  const productStub = await workshop.start(ownProgram('stub.ts'));
  const referenceStub = await workshop.start(ownProgram('stub.ts'));
  const { program, profileDir } = options;
  const product = await startProduct(workshop, { program, profileDir, targetUrl: productStub.url, keys: 20 });
  const [firstKey = ''] = product.keys;
  await post(product.service.url, '/api/incident-playbooks', firstKey, PLAYBOOK);
  const bareFile = join(workshop.directory(), 'bare.sqlite');
  const bare = await workshop.start([...ownProgram('reference-handler.ts'), referenceStub.url, bareFile]);
  const none = await workshop.start([...ownProgram('reference-handler.ts'), referenceStub.url]);
  const journalFile = join(product.dataDir, 'journal.sqlite');
  const watch = watchJournal(journalFile);
  const ended: string[] = [];
  const variants = [
    productVariant(product, watch, ended),
    referenceVariant('bare', bare),
    referenceVariant('none', none),
  ];
  const levels = [];
  for (const connections of LEVELS) levels.push(await runLevel(variants, connections, watch, ended, options));
  await checkEffects(product, productStub.url, ended);
  watch.close();
  await product.service.stop();
  const prepared = await executionRows(journalFile, ended.at(-1) ?? '', PREPARED_EXECUTIONS);
  return {
    bench: 'executions',
    valid: levels.every(({ valid }) => valid),
    executions: ended.length,
    levels: levels.map(({ figures, productRate }, index) => {
      const rows = commitRows(join(workshop.directory(), 'rows.sqlite'), prepared.commits(LEVELS[index] ?? 1));
      const rowsPerSecond = PREPARED_EXECUTIONS / rows.seconds;
      return {
        ...figures,
        ratioToRows: rounded(productRate / rowsPerSecond, 3),
        rows: {
          executionsPerSecond: rounded(rowsPerSecond, 0),
          cpuMsPerExecution: rounded(rows.cpuMs / PREPARED_EXECUTIONS, 3),
        },
      };
    }),
  };
}

async function runLevel(
  variants: readonly Variant[],
  connections: number,
  watch: JournalWatch,
  ended: readonly string[],
  options: ExecutionOptions,
) {
  const bytesBefore = watch.bytes();
  const endedBefore = ended.length;
  const runs = new Map<string, { slices: SliceResult[]; cpuMs: number | null }>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const variant of variants) {
      const run = runs.get(variant.name) ?? { slices: [], cpuMs: 0 };
      const { slice, cpuMs } = await oneSlice(variant, connections, round, options);
      runs.set(variant.name, {
        slices: [...run.slices, slice],
        cpuMs: run.cpuMs === null || cpuMs === null ? null : run.cpuMs + cpuMs,
      });
      await pause(KEEPER_MS);
    }
  }
  const bytes = watch.bytes() - bytesBefore;
  const figuresOf = (name: Variant['name']): { tally: Tally; cpuMs: number | null } => {
    const { slices, cpuMs } = runs.get(name) ?? { slices: [], cpuMs: null };
    const tally = tallyOf(slices);
    return { tally, cpuMs: cpuMs === null ? null : rounded(cpuMs / Math.max(1, tally.count), 3) };
  };
  const [product, bare, none] = [figuresOf('product'), figuresOf('bare'), figuresOf('none')];
  const bareToNone = bare.tally.perSecond / none.tally.perSecond;
  const figures = {
    connections,
    executionsPerSecond: rounded(product.tally.perSecond, 0),
    ratioToBare: rounded(product.tally.perSecond / bare.tally.perSecond, 3),
    ...product.tally.completed,
    accepted: product.tally.accepted,
    cpuMsPerExecution: product.cpuMs,
    bytesPerExecution: Math.round(bytes / (ended.length - endedBefore)),
    measuredExecutions: product.tally.count,
    bare: referenceFigures(bare),
    none: referenceFigures(none),
    bareToNone: rounded(bareToNone, 3),
  };
  return { figures, productRate: product.tally.perSecond, valid: bareToNone >= LEAST_BARE_TO_NONE };
}

function referenceFigures({ tally, cpuMs }: { tally: Tally; cpuMs: number | null }): Record<string, unknown> {
  return { executionsPerSecond: rounded(tally.perSecond, 0), ...tally.completed, cpuMsPerExecution: cpuMs };
}

async function oneSlice(
  variant: Variant,
  connections: number,
  round: number,
  { seconds, warmup }: ExecutionOptions,
): Promise<{ slice: SliceResult; cpuMs: number | null }> {
  const cpu: (number | null)[] = [];
  const slice = await runSlice({
    connections,
    warmupMs: (round === 0 ? warmup : warmup / 4) * 1_000,
    measuredMs: (seconds * 1_000) / ROUNDS,
    turn: () => variant.turn(nextNumber()),
    onEdge: () => void cpu.push(cpuMsOf(variant.pid)),
  });
  const [begin = null, end = null] = cpu;
  return { slice, cpuMs: begin === null || end === null ? null : end - begin };
}

let number = 0;
function nextNumber(): number {
  number += 1;
  return number;
}

/** At a fixed rate instead of as fast as it goes: how long until it is accepted, and until it is complete. */
export async function benchExecutionsAtRate(
  workshop: Workshop,
  rate: number,
  options: ExecutionOptions,
): Promise<Record<string, unknown>> {
  const { seconds, warmup, program, profileDir } = options;
  const stub = await workshop.start(ownProgram('stub.ts'));
  const product = await startProduct(workshop, { program, profileDir, targetUrl: stub.url, keys: 20 });
  await post(product.service.url, '/api/incident-playbooks', product.keys[0] ?? '', PLAYBOOK);
  const watch = watchJournal(join(product.dataDir, 'journal.sqlite'));
  const ended: string[] = [];
  const { turn } = productVariant(product, watch, ended);
  const cpu: (number | null)[] = [];
  const slice = await runRate({
    rate,
    warmupMs: warmup * 1_000,
    measuredMs: seconds * 1_000,
    async turn(dueAt) {
      const lateMs = performance.now() - dueAt;
      const { acceptedMs, completedMs } = await turn(nextNumber());
      return { acceptedMs: acceptedMs + lateMs, completedMs: completedMs + lateMs };
    },
    onEdge: () => void cpu.push(cpuMsOf(product.service.pid)),
  });
  await checkEffects(product, stub.url, ended);
  watch.close();
  await product.service.stop();
  const { count, accepted, completed } = tallyOf([slice]);
  const [begin = null, end = null] = cpu;
  return {
    bench: 'executions at a fixed rate',
    valid: true,
    rate,
    executions: count,
    accepted,
    completed,
    cpuMsPerExecution: begin === null || end === null ? null : rounded((end - begin) / Math.max(1, count), 3),
  };
}

/** The body of each POST: a person of their own, so that every execution has an incident of its own. */
function orderOf(turn: number): string {
  return JSON.stringify({
    playbookId: PLAYBOOK.playbookId,
    userId: `user-${turn}@example.org`,
    triggerEvent: { reason: 'bench' },
  });
}

function productVariant({ service, keys }: Product, watch: JournalWatch, ended: string[]): Variant {
  const { post: send } = poster(service.url, 64);
  return {
    name: 'product',
    pid: service.pid,
    async turn(turn) {
      const start = performance.now();
      const text = await send(TRIGGER, keys[turn % keys.length] ?? '', 'application/json', orderOf(turn));
      const acceptedMs = performance.now() - start;
      const { id } = STARTED.parse(JSON.parse(text)).data;
      await watch.ended(id);
      ended.push(id);
      return { acceptedMs, completedMs: performance.now() - start };
    },
  };
}

function referenceVariant(name: 'bare' | 'none', service: Service): Variant {
  const { post: send } = poster(service.url, 64);
  return {
    name,
    pid: service.pid,
    async turn(turn) {
      const start = performance.now();
      STARTED.parse(JSON.parse(await send('/run', 'bench', 'application/json', orderOf(turn))));
      const completedMs = performance.now() - start;
      return { acceptedMs: completedMs, completedMs };
    },
  };
}

/** Fast and wrong is not fast: every call came once, and a sample of executions says COMPLETED over the API. */
async function checkEffects({ service, keys }: Product, stubUrl: string, ended: readonly string[]): Promise<void> {
  const counts = COUNTS.parse(await (await fetch(`${stubUrl}/counts`)).json());
  const expected = ended.length * CALLS_PER_EXECUTION;
  if (counts.posts !== expected || counts.distinctKeys !== expected || counts.reads !== expected) {
    throw new Error(`${ended.length} executions should make ${expected} calls, the stub saw ${JSON.stringify(counts)}`);
  }
  const step = Math.max(1, Math.floor(ended.length / SAMPLE));
  for (let index = 0; index < ended.length; index += step) {
    const headers = { authorization: `Bearer ${keys[0] ?? ''}` };
    const reply = await fetch(`${service.url}/api/incident-playbooks/executions/${ended[index] ?? ''}`, { headers });
    const { status } = SHOWN.parse(await reply.json()).data;
    if (status !== 'COMPLETED') throw new Error(`execution ${ended[index] ?? ''} is ${status}`);
  }
}
