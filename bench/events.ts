import { z } from 'zod';
import type { Workshop } from './children.ts';
import { insertEvents } from './database-events.ts';
import { eventRows, eventWrite, type EventRows } from './event-rows.ts';
import { poster, runSlice, tallyOf } from './load.ts';
import { cpuMsOf, pause, rounded } from './measure.ts';
import { oktaBatch } from './okta-events.ts';
import type { BenchOptions } from './options.ts';
import { startProduct, type Product } from './product.ts';
import { commitRows } from './rows.ts';
import { openStorage, type Storage } from './storage.ts';

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
export async function benchEvents(workshop: Workshop, options: BenchOptions): Promise<Record<string, unknown>> {
  const { program, profileDir, db } = options;
  const storage = await openStorage(workshop, db);
  const startAt = Date.now() - BEGIN_BEFORE_MS;
  const levels = [];
  for (const connections of CONNECTIONS) {
    // Each begins with an empty journal: what is stored already makes it slower.
    const place = await storage.newPlace();
    const product = await startProduct(workshop, { program, profileDir, targetUrl: null, keys: 12, place });
    levels.push(await runLevel(product, storage, startAt, connections, options));
    await product.service.stop();
  }
  const prepared = eventRows(
    Array.from({ length: ROW_BATCHES }, (_, index) => oktaBatch(index * BATCH, BATCH, startAt)),
    SOURCE,
  );
  const bare = await writeBare(storage, prepared);
  const rows = db === 'sqlite' ? commitRows(await storage.referencePlace(), prepared.commits) : null;
  return {
    bench: 'events',
    db,
    valid: true,
    batch: BATCH,
    bytesPerEventSent: Math.round(oktaBatch(0, BATCH, startAt).length / BATCH),
    findings: prepared.findings,
    rows: rows === null ? null : referenceFigures(rows),
    bare: referenceFigures(bare),
    levels: levels.map((level) => ({
      ...level,
      ratioToBare: rounded(level.eventsPerSecond / rateOf(bare), 3),
      ratioToRows: rows === null ? null : rounded(level.eventsPerSecond / rateOf(rows), 3),
    })),
    postgres: storage.about,
  };
}

interface Written {
  readonly seconds: number;
  readonly cpuMs: number;
}

async function writeBare(storage: Storage, { bare }: EventRows): Promise<Written> {
  const place = await storage.referencePlace();
  if (storage.kind === 'postgres') return insertEvents(place, bare);
  return commitRows(
    place,
    bare.map((batch) => batch.map(eventWrite)),
  );
}

function rateOf({ seconds }: Written): number {
  return (ROW_BATCHES * BATCH) / seconds;
}

function referenceFigures(written: Written): Record<string, number> {
  return {
    eventsPerSecond: rounded(rateOf(written), 0),
    cpuMsPerEvent: rounded(written.cpuMs / (ROW_BATCHES * BATCH), 4),
  };
}

async function runLevel(
  { service, keys, watch: openWatch }: Product,
  storage: Storage,
  startAt: number,
  connections: number,
  { seconds, warmup }: BenchOptions,
) {
  const watch = await openWatch();
  const { post, close } = poster(service.url, connections);
  const supply = batchSupply(startAt);
  supply.prepare(PREPARED_BATCHES);
  const bytesBefore = await watch.bytes();
  const cpu: (number | null)[] = [];
  const databaseCpu: (number | null)[] = [];
  let sent = 0;
  const slice = await runSlice({
    connections,
    warmupMs: warmup * 1_000,
    measuredMs: seconds * 1_000,
    onEdge() {
      cpu.push(cpuMsOf(service.pid));
      databaseCpu.push(storage.cpuMs());
    },
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
  const bytes = (await watch.bytes()) - bytesBefore;
  await watch.close();
  await close();
  const tally = tallyOf([slice]);
  const perEvent = ([begin = null, end = null]: readonly (number | null)[]): number | null =>
    begin === null || end === null ? null : rounded((end - begin) / Math.max(1, tally.count * BATCH), 4);
  return {
    connections,
    eventsPerSecond: rounded(tally.perSecond * BATCH, 0),
    ...tally.completed,
    cpuMsPerEvent: perEvent(cpu),
    databaseCpuMsPerEvent: perEvent(databaseCpu),
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
