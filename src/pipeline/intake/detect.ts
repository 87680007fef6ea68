import type { Change } from '../../journal/journal.ts';
import type { FindingChange } from '../detections/detector.ts';
import { observeBatch, runDetectors, type DetectionResult } from '../detections/run.ts';
import type { AcceptedEvent } from '../events/event.ts';
import type { Judging, MemoryKeeper, PlannedMove } from './memory-keeper.ts';

/** Times of last use are kept by the hour, so that their index moves once an hour and not with every event. */
const TOUCH_STEP_MS = 3_600_000;

/** How often states that nothing uses any more are looked for, in ms of business time. */
const FORGET_EVERY_MS = 3_600_000;

/**
 * How long a state is kept after its last use, in ms. Of what an attacker can make up (addresses, devices): the 7 days
 * that the shared-address guard looks back, and one. Of people: a year and a month, so that somebody who signs in once
 * a year is not new.
 */
const CHOSEN_KEPT_MS = 8 * 24 * 3_600_000;
const PERSON_KEPT_MS = 396 * 24 * 3_600_000;

/** What of the states can be forgotten now; nothing when that was looked for within the last hour. */
export function forgettable(now: number, lastLook: number): NonNullable<Change['forgottenStates']> {
  if (now - lastLook < FORGET_EVERY_MS) return [];
  return [
    { chosen: true, before: now - CHOSEN_KEPT_MS },
    { chosen: false, before: now - PERSON_KEPT_MS },
  ];
}

export interface Detected {
  readonly result: DetectionResult;
  /** Findings of earlier batches that the journal does not hold. */
  readonly owed: readonly FindingChange[];
  readonly move: PlannedMove;
}

/** Runs all rules over a batch, and answers what it adds to the commit. */
export async function detect(
  keeper: MemoryKeeper,
  fresh: readonly AcceptedEvent[],
  { rules, context }: Judging,
  now: number,
): Promise<Detected> {
  const events = fresh.map(({ event }) => event);
  const { memory, owed } = await keeper.ready({ rules, context });
  const { observed, keys } = observeBatch(events, rules, context);
  await keeper.load(memory, keys);
  const result = runDetectors({
    events,
    rules,
    context,
    observed,
    loadState: memory.reader(rules),
    receivedAt: now,
    chosenKeysStored: await keeper.chosenKeys(memory),
  });
  return { result, owed, move: keeper.plan(memory, result, events.length, now - (now % TOUCH_STEP_MS)) };
}
