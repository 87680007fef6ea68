import type { Json } from '../../platform/canonical-json.ts';
import { detectorStateKey, type Change, type JournalReader } from '../../journal/journal.ts';
import type { DetectionContext, Rule } from '../detections/detector.ts';
import type { StoredState } from '../detections/registry.ts';
import { observeBatch, runDetectors, type DetectionResult } from '../detections/run.ts';
import type { AcceptedEvent } from '../events/event.ts';
import type { StateCache } from './state-cache.ts';

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
  readonly writes: NonNullable<Change['detectorStates']>;
}

/** Runs all rules over a batch: loads the states of the touched keys, and answers what is to be written back. */
export async function detect(
  journal: Pick<JournalReader, 'chosenStateCount'>,
  states: StateCache,
  fresh: readonly AcceptedEvent[],
  rules: readonly Rule[],
  context: DetectionContext,
  now: number,
): Promise<Detected> {
  const events = fresh.map(({ event }) => event);
  const { observed, keys } = observeBatch(events, rules, context);
  const stored = await states.load(keys.map(({ ruleId, key }) => ({ rule: ruleId, key })));
  const result = runDetectors({
    events,
    rules,
    context,
    observed,
    // Only what `writes` below stored comes back.
    loadState: (ruleId, key) => (stored.get(detectorStateKey(ruleId, key))?.body as StoredState | undefined) ?? null,
    receivedAt: now,
    chosenKeysStored: await journal.chosenStateCount(),
  });
  const writes = result.states.map(({ ruleId, key, state, chosen }) => ({
    rule: ruleId,
    key,
    expectedVersion: stored.get(detectorStateKey(ruleId, key))?.version ?? 0,
    chosen,
    touchedAt: now - (now % TOUCH_STEP_MS),
    body: state as unknown as Json, // plain data by its type
  }));
  return { result, writes };
}
