import { messageOf } from '../../platform/errors.ts';
import type { Event } from '../events/event.ts';
import type { BaseObservation, DetectionContext, FindingChange, Rule } from './detector.ts';
import { poolFinding } from './key-pool.ts';
import { boundedText, compareObservations, refOf, type EventRef } from './observation.ts';
import { DETECTORS, type RegisteredDetector, type StoredState } from './registry.ts';

/** Names the state of one rule for one key. */
export interface DetectorKey {
  readonly ruleId: string;
  readonly key: string;
}

/** A state to be stored. Rows with `chosen` count against `MAX_CHOSEN_KEYS`. */
export interface TouchedState extends DetectorKey {
  readonly state: StoredState;
  readonly chosen: boolean;
}

/** What a detector could not do (`detector.error`): for a person to see. It never fails the batch. */
export interface DetectorError {
  readonly ruleId: string;
  /** Null when the event could not even be observed. */
  readonly key: string | null;
  /** The events concerned, sorted by (time, id). */
  readonly events: readonly EventRef[];
  readonly message: string;
}

export interface DetectionInput {
  readonly events: readonly Event[];
  readonly rules: readonly Rule[];
  readonly context: DetectionContext;
  /** What `observeBatch` answered for exactly these events, rules and context; absent: it is looked for here. */
  readonly observed?: ObservedBatch;
  /** The stored state, or null when there is none. Asked for the keys of `touchedKeys` only, with the same arguments. */
  loadState(ruleId: string, key: string): StoredState | null;
  /** When the batch was received, ms since 1970. */
  readonly receivedAt: number;
  /** How many states with `chosen` are stored already. */
  readonly chosenKeysStored: number;
}

export interface DetectionResult {
  /** New states, sorted by (rule, key). A key that failed is not among them: its state stays as it is. */
  readonly states: readonly TouchedState[];
  /** In the order of `states`. Apply by finding id: `opened` for a known id is a repeat. */
  readonly changes: readonly FindingChange[];
  readonly errors: readonly DetectorError[];
  /** Observations that the caps of memory dropped, and those that came later than memory reaches. */
  readonly dropped: number;
  readonly late: number;
}

/**
 * Most states whose key an attacker can make up (addresses, devices, user agents) that are kept at once. A company of
 * 20,000 people makes about 120,000 a week; at 2 KiB each this is 600 MB of the journal. Those that nothing touched
 * for a week are deleted by the intake.
 */
export const MAX_CHOSEN_KEYS = 300_000;

/** Longest message of an error that is kept, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 500;

/** What the detectors saw in a batch: `runDetectors` takes it, so that it is looked for once. */
export interface ObservedBatch {
  readonly groups: readonly Group[];
  readonly errors: readonly DetectorError[];
}

/** What the detectors see in these events, and the keys whose states have to be loaded, sorted by (rule, key), each once. */
export function observeBatch(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
): { readonly observed: ObservedBatch; readonly keys: readonly DetectorKey[] } {
  const observed = gather(events, rules, context, DETECTORS);
  return { observed, keys: observed.groups.map(({ rule, key }) => ({ ruleId: rule.ruleId, key })) };
}

/** The keys of `observeBatch` alone. */
export function touchedKeys(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
): readonly DetectorKey[] {
  return observeBatch(events, rules, context).keys;
}

/**
 * Runs every rule over a batch of events. Pure: the caller loads the states before and stores them after, in the
 * transaction that stores the events. A detector that throws costs its own event or key, nothing else.
 */
export function runDetectors(
  input: DetectionInput,
  detectors: ReadonlyMap<string, RegisteredDetector> = DETECTORS,
): DetectionResult {
  const { groups, errors: unseen } = input.observed ?? gather(input.events, input.rules, input.context, detectors);
  const errors = [...unseen];
  const states: TouchedState[] = [];
  const changes: FindingChange[] = [];
  const refused: Group[] = [];
  let [dropped, late, chosenKeys] = [0, 0, input.chosenKeysStored];
  for (const group of groups) {
    const { rule, key, detector, observations, chosen } = group;
    const stored = input.loadState(rule.ruleId, key);
    if (chosen && stored === null && chosenKeys >= MAX_CHOSEN_KEYS) {
      refused.push(group);
      continue;
    }
    try {
      const evaluation = detector.evaluate(rule, key, stored, observations, input.receivedAt);
      if (chosen && stored === null) chosenKeys += 1;
      states.push({ ruleId: rule.ruleId, key, state: evaluation.state, chosen });
      changes.push(...evaluation.changes);
      dropped += evaluation.dropped;
      late += evaluation.late;
    } catch (thrown) {
      errors.push({ ruleId: rule.ruleId, key, events: observations.map(refOf), message: errorText(thrown) });
    }
  }
  changes.push(...poolChanges(refused, input.receivedAt));
  return { states, changes, errors, dropped, late };
}

interface Group {
  readonly rule: Rule;
  readonly key: string;
  readonly detector: RegisteredDetector;
  readonly chosen: boolean;
  /** Sorted by (time, id). */
  readonly observations: BaseObservation[];
}

function gather(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
  detectors: ReadonlyMap<string, RegisteredDetector>,
): ObservedBatch {
  const groups: Group[] = [];
  const errors: DetectorError[] = [];
  for (const rule of [...rules].sort((a, b) => compareText(a.ruleId, b.ruleId))) {
    const detector = detectors.get(rule.ruleType);
    if (detector === undefined) continue;
    const byKey = new Map<string, Group>();
    for (const event of events) {
      try {
        for (const { key, observation, chosen = false } of detector.observe(event, rule, context)) {
          const group = byKey.get(key);
          if (group === undefined) byKey.set(key, { rule, key, detector, chosen, observations: [observation] });
          else group.observations.push(observation);
        }
      } catch (thrown) {
        const ref = { source: boundedText(String(event.source)), eventId: boundedText(String(event.id)) };
        errors.push({ ruleId: rule.ruleId, key: null, events: [ref], message: errorText(thrown) });
      }
    }
    const sorted = [...byKey.values()].sort((a, b) => compareText(a.key, b.key));
    for (const { observations } of sorted) if (observations.length > 1) observations.sort(compareObservations);
    groups.push(...sorted);
  }
  return { groups, errors };
}

/** One finding for each rule whose keys did not fit: what is not watched is said, not hidden. */
function poolChanges(refused: readonly Group[], receivedAt: number): readonly FindingChange[] {
  const ruleIds = [...new Set(refused.map((group) => group.rule.ruleId))];
  return ruleIds.map((ruleId) => {
    const groups = refused.filter((group) => group.rule.ruleId === ruleId);
    const observations = groups.flatMap((group) => group.observations).sort(compareObservations);
    return poolFinding(ruleId, groups.length, observations, receivedAt);
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function errorText(thrown: unknown): string {
  return boundedText(messageOf(thrown), MAX_MESSAGE_LENGTH);
}
