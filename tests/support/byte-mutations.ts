import { LogIndex } from '../../src/pipeline/audit/verify-index.ts';
import { RecordScan } from '../../src/pipeline/audit/verify-records.ts';
import type { Finding } from '../../src/pipeline/audit/verify-finding.ts';
import { randomFrom, type Random } from '../../src/demo/random.ts';
import { generateLog, waitingOf, type GeneratedLog } from './generated-log.ts';

/** Changes single bytes of records and asks the verifier's own scan about the record and the one that follows it. */

/** A log of about `bytes` bytes of records, some 300 bytes each, in streams of about ten. */
export function referenceLog(bytes: number, unsequenced = 0): GeneratedLog {
  const records = Math.ceil(bytes / RECORD_BYTES);
  const streams = Math.max(2, Math.ceil(records / 10));
  return generateLog({ streams, records, batch: 100, unsequenced: Math.min(unsequenced, records - 1) });
}

/** Measured of the log that `generateLog` makes; only the size of the reference log depends on it. */
const RECORD_BYTES = 239;

export interface ByteReport {
  readonly bytes: number;
  readonly mutations: number;
  /** `stream #seq byte`, of the first few changes that were not found, or blamed on another record. */
  readonly missed: readonly string[];
}

/**
 * Changes bytes of the log, each to another value, one at a time, and counts those after which the scan of the record
 * and its successor does not name the record. `every`: all bytes; else so many places, drawn by the seed.
 */
export function mutateBytes(log: GeneratedLog, seed: number, places: number | 'every'): ByteReport {
  const random = randomFrom(seed);
  const total = log.records.reduce((sum, { bytes }) => sum + Buffer.byteLength(bytes), 0);
  const missed: string[] = [];
  let mutations = 0;
  const chosen = places === 'every' ? null : chosenPlaces(random, total, places);
  let start = 0;
  for (const [index, { record, bytes }] of log.records.entries()) {
    const original = Buffer.from(bytes);
    const next = log.records[index + 1];
    const follower = next?.record.stream === record.stream ? next : null;
    const pair = follower === null ? [log.records[index]] : [log.records[index], follower];
    const known = new LogIndex();
    for (const [position, one] of pair.entries()) {
      if (one !== undefined) known.addLeaf({ ...waitingOf(one), position });
    }
    const judge = (changed: Uint8Array): Finding | null => {
      for (let entry = 0; entry < pair.length; entry += 1) known.setStatus(entry, 'missing');
      const scan = new RecordScan(known);
      scan.add({ bytes: changed });
      if (follower !== null) scan.add({ bytes: follower.bytes });
      return scan.finish();
    };
    // Of a stream that is looked at from its middle on, only what came before is reported missing.
    if (judge(original)?.placed === 'position') missed.push(`${record.stream} #${record.seq} unchanged`);
    const changed = Buffer.from(original);
    for (let at = 0; at < original.length; at += 1) {
      if (chosen !== null && !chosen.has(start + at)) continue;
      const before = original[at] ?? 0;
      changed[at] = before ^ random.integer(1, 255);
      const finding = judge(changed);
      const named = finding?.placed === 'position' && finding.name?.seq === record.seq;
      if (!named && missed.length < 10) missed.push(`${record.stream} #${record.seq} byte ${at}`);
      changed[at] = before;
      mutations += 1;
    }
    start += original.length;
  }
  return { bytes: total, mutations, missed };
}

function chosenPlaces(random: Random, total: number, places: number): ReadonlySet<number> {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(places, total)) chosen.add(random.integer(0, total - 1));
  return chosen;
}
