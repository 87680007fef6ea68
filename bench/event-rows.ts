import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../src/platform/canonical-json.ts';
import type { AcceptedEvent } from '../src/pipeline/events/event.ts';
import { normaliseEvent } from '../src/pipeline/events/normalise-event.ts';
import { parseBatch } from '../src/pipeline/events/parse-batch.ts';
import { egressContext } from '../src/pipeline/detections/egress.ts';
import type { StoredState } from '../src/pipeline/detections/registry.ts';
import { runDetectors } from '../src/pipeline/detections/run.ts';
import { rulesInForce } from '../src/pipeline/intake/rules-in-force.ts';
import type { Write } from './rows.ts';

/** What a run would write, batch by batch. */
export interface EventRows {
  /** The reference *rows*: events, the record of each batch, and every detector state the batch touches. */
  readonly commits: Write[][];
  /** The reference *bare*: the rows of the events and nothing else. */
  readonly bare: Write[][];
  readonly findings: number;
}

/** Takes batches in with the product's pure functions and answers what each commit would write; no event is judged twice. */
export function eventRows(batches: readonly Buffer[], source: string): EventRows {
  const states = new Map<string, StoredState>();
  const { rules } = rulesInForce([]);
  let findings = 0;
  const bare: Write[][] = [];
  const commits = batches.map((body, index) => {
    const receivedAt = Date.now();
    const accepted = eventsOf(body, source, receivedAt);
    const result = runDetectors({
      events: accepted.map(({ event }) => event),
      rules,
      context: egressContext([], receivedAt),
      loadState: (ruleId, key) => states.get(`${ruleId}\n${key}`) ?? null,
      receivedAt,
      chosenKeysStored: 0,
    });
    for (const { ruleId, key, state } of result.states) states.set(`${ruleId}\n${key}`, state);
    findings += result.changes.length;
    const events = accepted.map(({ event, raw }): Write => ({
      statement: 'event',
      values: [event.source, event.id, event.time, event.rawHash, JSON.stringify(event), Buffer.from(raw)],
    }));
    bare.push(events);
    return [
      ...recordWrites(`ingest/${source}`, index + 1, accepted.length),
      ...events,
      ...result.states.map(({ ruleId, key, chosen, state }): Write => ({
        statement: 'state',
        values: [ruleId, key, Number(chosen), 0, canonicalJson(state)],
      })),
    ];
  });
  return { commits, bare, findings };
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
