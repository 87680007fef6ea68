import { z } from 'zod';
import type { Client } from './api-client.ts';
import type { Scenario, TrafficFile, TrafficLine } from './scenario.ts';

/** Events of one batch over all files, about: large for history, small for the day, so that it can be watched. */
const HISTORY_BATCH = 2_000;
const DAY_BATCH = 250;

const REPLY = z.looseObject({
  accepted: z.int(),
  duplicate: z.int(),
  rejected: z.int(),
  rejections: z.array(z.unknown()),
});

/** A stretch of event time. */
export interface Slice {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Attacks whose events lie in it. */
  readonly attacks: readonly string[];
}

/**
 * Cuts the traffic into slices of event time. No cut falls into an attack: business time jumps when nothing is left
 * to do, so an attack that arrived in two halves would be judged by its first half and minutes later by the rest.
 */
export function slicesOf(scenario: Scenario): Slice[] {
  const lines = scenario.files.flatMap((file) => file.lines).sort((a, b) => a.time - b.time);
  const inAttack = (time: number): boolean =>
    scenario.labels.scenarios.some(({ from, to }) => from < time && time <= to);
  const slices: Slice[] = [];
  let first = 0;
  while (first < lines.length) {
    const from = lines[first]?.time ?? 0;
    let next = first + (from < scenario.dayStart ? HISTORY_BATCH : DAY_BATCH);
    let to = lines[next]?.time ?? Number.POSITIVE_INFINITY;
    // History and day do not share a slice.
    if (from < scenario.dayStart && to > scenario.dayStart) to = scenario.dayStart;
    while (Number.isFinite(to) && inAttack(to)) {
      next += 1;
      to = lines[next]?.time ?? Number.POSITIVE_INFINITY;
    }
    const end = lines.findIndex((line, index) => index >= first && line.time >= to);
    const last = end === -1 ? lines.length : end;
    slices.push({ from, to, attacks: attacksIn(lines.slice(first, last)) });
    first = last;
  }
  return slices;
}

function attacksIn(lines: readonly TrafficLine[]): string[] {
  return [...new Set(lines.flatMap(({ attack }) => (attack === null ? [] : [attack])))].sort();
}

export interface ReplayReport {
  readonly accepted: number;
  readonly duplicate: number;
}

/**
 * Sends every slice in event-time order, one request for each source. `onSlice` hears of each before it is sent.
 * `withhold` names an attack whose events are kept back. @throws Error when an event is refused.
 */
export async function replayTraffic(
  scenario: Scenario,
  sources: ReadonlyMap<string, Client>,
  withhold: string | null,
  onSlice: (slice: Slice) => void,
): Promise<ReplayReport> {
  let accepted = 0;
  let duplicate = 0;
  for (const slice of slicesOf(scenario)) {
    onSlice(slice);
    for (const file of scenario.files) {
      const lines = linesOf(file, slice, withhold);
      const client = sources.get(file.source);
      if (lines.length === 0 || client === undefined) continue;
      const reply = await client.postLines(`/api/events?format=${file.format}`, lines, REPLY);
      if (reply.rejected > 0)
        throw new Error(`${file.name}: ${reply.rejected} refused: ${JSON.stringify(reply.rejections[0])}`);
      accepted += reply.accepted;
      duplicate += reply.duplicate;
    }
  }
  return { accepted, duplicate };
}

function linesOf(file: TrafficFile, slice: Slice, withhold: string | null): string[] {
  return file.lines
    .filter(({ time, attack }) => time >= slice.from && time < slice.to && (attack === null || attack !== withhold))
    .map(({ line }) => line);
}
