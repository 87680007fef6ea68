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
 */
export function remember<Observation extends BaseObservation>(
  held: readonly Observation[],
  added: readonly Observation[],
  capacityOf: (observation: Observation) => Capacity,
): Remembered<Observation> {
  const byId = new Map<string, Observation>();
  for (const observation of held) byId.set(observationId(observation), observation);
  let duplicates = 0;
  for (const observation of added) {
    const id = observationId(observation);
    if (byId.has(id)) duplicates += 1;
    else byId.set(id, observation);
  }
  const sorted = [...byId.values()].sort(compareObservations);
  const counts = new Map<string, number>();
  const kept = sorted.filter((observation) => takes(observation, capacityOf(observation), counts));
  return { observations: kept, dropped: sorted.length - kept.length, duplicates };
}

function takes(observation: BaseObservation, capacity: Capacity, counts: Map<string, number>): boolean {
  const lane = `${bucketStart(observation.time)}/${capacity.lane}`;
  const slot = `${lane}/${capacity.slot}`;
  const inLane = counts.get(lane) ?? 0;
  const inSlot = counts.get(slot) ?? 0;
  if (inLane >= capacity.laneLimit || inSlot >= capacity.slotLimit) return false;
  counts.set(lane, inLane + 1);
  counts.set(slot, inSlot + 1);
  return true;
}
