import type { BaseObservation, Capacity } from './detector.ts';
import { compareObservations, observationId } from './observation.ts';

/** Width of the buckets that memory is capped by and leaves in, in ms. */
export const BUCKET_MS = 5 * 60_000;

/** The start of the bucket that `time` falls into. */
export function bucketStart(time: number): number {
  return Math.floor(time / BUCKET_MS) * BUCKET_MS;
}

export interface Remembered<Observation> {
  /** Sorted, without duplicates, capped. */
  readonly observations: readonly Observation[];
  /** How many of `added` (or of those held, displaced by earlier ones) the caps dropped. */
  readonly dropped: number;
  /** How many of `added` were already held. */
  readonly duplicates: number;
}

/**
 * Puts `added` into memory. What stays is a function of the set of observations: of each lane and slot of a bucket
 * the first by (time, id). (Keeping the first of a union and keeping the first of what was kept before are the same.)
 *
 * Only the buckets from that of the oldest new observation on can change, so only those are looked at: what is
 * touched at every batch (an office's address) holds hundreds of observations in older ones.
 *
 * @param held sorted and capped: what an earlier call kept.
 */
export function remember<Observation extends BaseObservation>(
  held: readonly Observation[],
  added: readonly Observation[],
  capacityOf: (observation: Observation) => Capacity,
): Remembered<Observation> {
  if (added.length === 0) return { observations: held, dropped: 0, duplicates: 0 };
  let from = Number.POSITIVE_INFINITY;
  for (const { time } of added) if (time < from) from = time;
  const untouched = countBefore(held, bucketStart(from));
  const [only] = added;
  // Nearly every key of an ordinary day: one observation in a bucket of its own, which no cap can refuse.
  if (only !== undefined && added.length === 1 && untouched === held.length) {
    const { laneLimit, slotLimit } = capacityOf(only);
    if (laneLimit > 0 && slotLimit > 0) return { observations: [...held, only], dropped: 0, duplicates: 0 };
  }
  const byId = new Map<string, Observation>();
  for (let index = untouched; index < held.length; index += 1) {
    const observation = held[index];
    if (observation !== undefined) byId.set(observationId(observation), observation);
  }
  let duplicates = 0;
  for (const observation of added) {
    const id = observationId(observation);
    if (byId.has(id)) duplicates += 1;
    else byId.set(id, observation);
  }
  const sorted = [...byId.values()];
  if (sorted.length > 1) sorted.sort(compareObservations);
  const kept = held.slice(0, untouched);
  const before = kept.length;
  const counts: LaneCount[] = [];
  for (const observation of sorted) if (takes(observation, capacityOf(observation), counts)) kept.push(observation);
  return { observations: kept, dropped: sorted.length - (kept.length - before), duplicates };
}

/** How many of `sorted` are older than `time`. */
function countBefore(sorted: readonly BaseObservation[], time: number): number {
  let index = sorted.length;
  while (index > 0 && (sorted[index - 1]?.time ?? 0) >= time) index -= 1;
  return index;
}

/** What was kept so far of one lane of one bucket. */
interface LaneCount {
  readonly bucket: number;
  readonly lane: string;
  readonly slots: Map<string, number>;
  kept: number;
}

/** `counts` holds the few lanes of a few buckets: looking through it is cheaper than making a key for each observation. */
function takes(observation: BaseObservation, capacity: Capacity, counts: LaneCount[]): boolean {
  const bucket = bucketStart(observation.time);
  let count = counts.findLast((each) => each.bucket === bucket && each.lane === capacity.lane);
  if (count === undefined) {
    count = { bucket, lane: capacity.lane, slots: new Map(), kept: 0 };
    counts.push(count);
  }
  const inSlot = count.slots.get(capacity.slot) ?? 0;
  if (count.kept >= capacity.laneLimit || inSlot >= capacity.slotLimit) return false;
  count.kept += 1;
  count.slots.set(capacity.slot, inSlot + 1);
  return true;
}
