import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../src/platform/canonical-json.ts';
import type { AcceptedEvent } from '../src/pipeline/events/event.ts';
import { normaliseEvent } from '../src/pipeline/events/normalise-event.ts';
import { parseBatch } from '../src/pipeline/events/parse-batch.ts';
import { egressContext } from '../src/pipeline/detections/egress.ts';
import { runDetectors } from '../src/pipeline/detections/run.ts';
import { DetectorMemory, type MemoryWrites } from '../src/pipeline/intake/detector-memory.ts';
import { rulesInForce } from '../src/pipeline/intake/rules-in-force.ts';
import type { Write } from './rows.ts';

/** The columns of one event: source, id, time, raw_hash, body, raw. */
export type EventValues = readonly [string, string, number, string, string, Buffer];

/** What a run would write, batch by batch. */
export interface EventRows {
  /** The reference *rows*: everything that the product's commits of these batches hold, in a file. */
  readonly commits: Write[][];
  /** The reference *bare*: the rows of the events and nothing else. */
  readonly bare: EventValues[][];
  readonly findings: number;
}

/** Times of last use are kept by the hour. */
const TOUCH_STEP_MS = 3_600_000;

/**
 * Takes batches in with the product's pure functions and its detector memory, and answers what each commit would write
 * where one process takes events in: detector states follow behind, many keys at once.
 */
export function eventRows(batches: readonly Buffer[], source: string): EventRows {
  const memory = new DetectorMemory(0);
  const { rules } = rulesInForce([]);
  let findings = 0;
  const bare: EventValues[][] = [];
  const commits = batches.map((body, index) => {
    const receivedAt = Date.now();
    const accepted = eventsOf(body, source, receivedAt);
    const result = runDetectors({
      events: accepted.map(({ event }) => event),
      rules,
      context: egressContext([], receivedAt),
      loadState: memory.reader(rules),
      receivedAt,
      chosenKeysStored: 0,
    });
    findings += result.changes.length;
    const states = memory.nextWrites(accepted.length, result.states.length);
    memory.written(states);
    memory.moved(result.states, index + 1, receivedAt - (receivedAt % TOUCH_STEP_MS));
    const events = accepted.map(({ event, raw }): EventValues => {
      return [event.source, event.id, event.time, event.rawHash, JSON.stringify(event), Buffer.from(raw)];
    });
    bare.push(events);
    return [
      ...recordWrites(`ingest/${source}`, index + 1, accepted.length),
      ...events.map(eventWrite),
      { statement: 'arrival' as const, values: [index + 1] },
      ...stateWrites(states),
    ];
  });
  return { commits, bare, findings };
}

/** The same as what `commitRows` takes. */
export function eventWrite(values: EventValues): Write {
  return { statement: 'event', values };
}

function stateWrites({ writes }: MemoryWrites): Write[] {
  return writes.map(({ rule, key, chosen, touchedAt, body }) => ({
    statement: 'state',
    values: [rule, key, Number(chosen), touchedAt, JSON.stringify(body)],
  }));
}

function eventsOf(body: Buffer, source: string, receivedAt: number): AcceptedEvent[] {
  return parseBatch(body, 'ndjson').members.map(({ position, bytes, json }) => {
    const origin = { format: 'okta', source, receivedAt, deliveryId: `bench:${position}` } as const;
    const normalised = normaliseEvent({ bytes, json }, origin);
    if (!normalised.ok) throw new Error(`event ${position} is not ordinary: ${normalised.reason}`);
    return { event: normalised.event, raw: bytes };
  });
}

/** The record that says what was accepted, of the size that it has in the product, and its leaf. */
function recordWrites(stream: string, seq: number, count: number): Write[] {
  const hash = randomBytes(32).toString('hex');
  const data = { count, dropped: 0, late: 0, root: hash };
  const trace = { correlationId: hash.slice(0, 32), traceId: hash.slice(0, 32) };
  const record = { at: 1_700_000_000_000, data, prev: hash, seq, stream, trace, type: 'events.accepted', v: 1 };
  return [
    { statement: 'stream', values: [stream, seq, hash] },
    { statement: 'record', values: [stream, seq, canonicalJson(record), randomBytes(32)] },
    { statement: 'leaf', values: [1, seq, randomBytes(32)] },
  ];
}
