import { join } from 'node:path';
import { z } from 'zod';
import type { Workshop } from './children.ts';
import { eventRows } from './event-rows.ts';
import type { ExecutionOptions } from './executions.ts';
import { watchJournal } from './journal-watch.ts';
import { poster, runSlice, tallyOf } from './load.ts';
import { cpuMsOf, pause, rounded } from './measure.ts';
import { oktaBatch } from './okta-events.ts';
import { startProduct, type Product } from './product.ts';
import { commitRows } from './rows.ts';

const CONNECTIONS = [1, 4] as const;
const BATCH = 500;
/** Batches that are made before a slice begins; more are made on the way when the server is faster. */
const PREPARED_BATCHES = 120;
/** Batches whose rows are prepared for the references *rows* and *bare*. */
const ROW_BATCHES = 60;
/** Events begin this long before now, in ms: none of them may lie in the future. */
const BEGIN_BEFORE_MS = 48 * 3_600_000;
const SOURCE = 'okta:bench';
const PATH = `/api/events?format=okta&source=${encodeURIComponent(SOURCE)}`;
/** The log keeper places records within this time, in ms; sizes are read after it. */
const KEEPER_MS = 600;

const TAKEN = z.looseObject({ data: z.looseObject({ accepted: z.int(), duplicate: z.int(), rejected: z.int() }) });

/** Events accepted and detected per second. @throws Error when one was not accepted. */
export async function benchEvents(workshop: Workshop, options: ExecutionOptions): Promise<Record<string, unknown>> {
  const { program, profileDir } = options;
  const startAt = Date.now() - BEGIN_BEFORE_MS;
  const levels = [];
  for (const connections of CONNECTIONS) {
    // Each begins with an empty journal: what is stored already makes it slower.
    const product = await startProduct(workshop, { program, profileDir, targetUrl: null, keys: 12 });
    levels.push(await runLevel(product, startAt, connections, options));
    await product.service.stop();
  }
  const prepared = eventRows(
    Array.from({ length: ROW_BATCHES }, (_, index) => oktaBatch(index * BATCH, BATCH, startAt)),
    SOURCE,
  );
  const rows = commitRows(join(workshop.directory(), 'rows.sqlite'), prepared.commits);
  const bare = commitRows(join(workshop.directory(), 'bare.sqlite'), prepared.bare);
  const rowsPerSecond = (ROW_BATCHES * BATCH) / rows.seconds;
  const barePerSecond = (ROW_BATCHES * BATCH) / bare.seconds;
  return {
    bench: 'events',
    valid: true,
    batch: BATCH,
    bytesPerEventSent: Math.round(oktaBatch(0, BATCH, startAt).length / BATCH),
    findings: prepared.findings,
    rows: { eventsPerSecond: rounded(rowsPerSecond, 0), cpuMsPerEvent: rounded(rows.cpuMs / (ROW_BATCHES * BATCH), 4) },
    bare: { eventsPerSecond: rounded(barePerSecond, 0), cpuMsPerEvent: rounded(bare.cpuMs / (ROW_BATCHES * BATCH), 4) },
    levels: levels.map((level) => ({
      ...level,
      ratioToBare: rounded(level.eventsPerSecond / barePerSecond, 3),
      ratioToRows: rounded(level.eventsPerSecond / rowsPerSecond, 3),
    })),
  };
}

async function runLevel(
  { service, keys, dataDir }: Product,
  startAt: number,
  connections: number,
  { seconds, warmup }: ExecutionOptions,
) {
  const watch = watchJournal(join(dataDir, 'journal.sqlite'));
  const { post, close } = poster(service.url, connections);
  const supply = batchSupply(startAt);
  supply.prepare(PREPARED_BATCHES);
  const bytesBefore = watch.bytes();
  const cpu: (number | null)[] = [];
  let sent = 0;
  const slice = await runSlice({
    connections,
    warmupMs: warmup * 1_000,
    measuredMs: seconds * 1_000,
    onEdge: () => void cpu.push(cpuMsOf(service.pid)),
    async turn() {
      const body = supply.next();
      const start = performance.now();
      sent += 1;
      const text = await post(PATH, keys[sent % keys.length] ?? '', 'application/x-ndjson', body);
      const completedMs = performance.now() - start;
      const { accepted } = TAKEN.parse(JSON.parse(text)).data;
      if (accepted !== BATCH) throw new Error(`${accepted} of ${BATCH} events were accepted: ${text.slice(0, 500)}`);
      return { acceptedMs: completedMs, completedMs };
    },
  });
  await pause(KEEPER_MS);
  const bytes = watch.bytes() - bytesBefore;
  watch.close();
  await close();
  const tally = tallyOf([slice]);
  const [begin = null, end = null] = cpu;
  const cpuMs = begin === null || end === null ? null : end - begin;
  return {
    connections,
    eventsPerSecond: rounded(tally.perSecond * BATCH, 0),
    ...tally.completed,
    cpuMsPerEvent: cpuMs === null ? null : rounded(cpuMs / (tally.count * BATCH), 4),
    bytesPerEvent: Math.round(bytes / (sent * BATCH)),
    measuredEvents: tally.count * BATCH,
  };
}

interface BatchSupply {
  prepare(count: number): void;
  next(): Buffer;
}

/** Batches of consecutive events, made ahead so that making them is not measured. */
function batchSupply(startAt: number): BatchSupply {
  let made = 0;
  const ready: Buffer[] = [];
  const make = (): Buffer => {
    made += 1;
    return oktaBatch((made - 1) * BATCH, BATCH, startAt);
  };
  return {
    prepare(count) {
      while (ready.length < count) ready.push(make());
    },
    next: () => ready.shift() ?? make(),
  };
}
