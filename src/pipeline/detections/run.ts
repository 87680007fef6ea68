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
  /** New states, key by key. A key that failed is not among them: its state stays as it is. */
  readonly states: readonly TouchedState[];
  /** Sorted by (rule, key). Apply by finding id: `opened` for a known id is a repeat. */
  readonly changes: readonly FindingChange[];
  /** What could not be observed, by rule; then what could not be judged, by (rule, key). */
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

/** What the detectors see in these events, and the keys whose states have to be loaded, each once. */
export function observeBatch(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
): { readonly observed: ObservedBatch; readonly keys: readonly string[] } {
  const observed = gather(events, rules, context, DETECTORS);
  const keys: string[] = [];
  for (const { key } of observed.groups) if (key !== keys[keys.length - 1]) keys.push(key);
  return { observed, keys };
}

/** The states that a batch asks for and leaves behind, each once, key by key. */
export function touchedKeys(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
): readonly DetectorKey[] {
  return observeBatch(events, rules, context).observed.groups.map(({ rule, key }) => ({ ruleId: rule.ruleId, key }));
}

/**
 * Runs every rule over a batch of events. Pure: the caller loads the states before and stores them after, in the
 * transaction that stores the events. A detector that throws costs its own event or key, nothing else.
 */
export function runDetectors(
  input: DetectionInput,
  detectors: ReadonlyMap<string, RegisteredDetector> = DETECTORS,
): DetectionResult {
  const observed = input.observed ?? gather(input.events, input.rules, input.context, detectors);
  const errors: DetectorError[] = [];
  const states: TouchedState[] = [];
  const found: { readonly group: Group; readonly changes: readonly FindingChange[] }[] = [];
  const refused: Group[] = [];
  let [dropped, late, chosenKeys] = [0, 0, input.chosenKeysStored];
  // Which keys no room is left for must not depend on which event came first.
  const isRoom = chosenKeys + observed.groups.length <= MAX_CHOSEN_KEYS;
  for (const group of isRoom ? observed.groups : [...observed.groups].sort(byRuleAndKey)) {
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
      if (evaluation.changes.length > 0) found.push({ group, changes: evaluation.changes });
      dropped += evaluation.dropped;
      late += evaluation.late;
    } catch (thrown) {
      errors.push({ ruleId: rule.ruleId, key, events: observations.map(refOf), message: errorText(thrown) });
    }
  }
  const changes = found.sort((a, b) => byRuleAndKey(a.group, b.group)).flatMap((each) => each.changes);
  changes.push(...poolChanges(refused, input.receivedAt));
  errors.sort((a, b) => compareText(a.ruleId, b.ruleId) || compareText(a.key ?? '', b.key ?? ''));
  return { states, changes, errors: [...observed.errors, ...errors], dropped, late };
}

interface Group {
  readonly rule: Rule;
  readonly key: string;
  readonly detector: RegisteredDetector;
  readonly chosen: boolean;
  /** Sorted by (time, id). */
  readonly observations: BaseObservation[];
}

/**
 * What the rules see, grouped by key and rule: the keys in the order in which they first appear, of each the rules that
 * see it. Event by event and not rule by rule: what the rules read of an event is worked out once, and is still at hand.
 */
function gather(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
  detectors: ReadonlyMap<string, RegisteredDetector>,
): ObservedBatch {
  const byKey = new Map<string, Group[]>();
  const errors: DetectorError[] = [];
  const watching = watchers(rules, detectors);
  for (const event of events) {
    for (const { rule, detector } of watching) {
      try {
        for (const { key, observation, chosen = false } of detector.observe(event, rule, context)) {
          const groups = byKey.get(key);
          const group = groups?.find((each) => each.rule === rule);
          if (group !== undefined) group.observations.push(observation);
          else {
            const first = { rule, key, detector, chosen, observations: [observation] };
            if (groups === undefined) byKey.set(key, [first]);
            else groups.push(first);
          }
        }
      } catch (thrown) {
        const ref = { source: boundedText(String(event.source)), eventId: boundedText(String(event.id)) };
        errors.push({ ruleId: rule.ruleId, key: null, events: [ref], message: errorText(thrown) });
      }
    }
  }
  const groups = [...byKey.values()].flat();
  for (const { observations } of groups) if (observations.length > 1) observations.sort(compareObservations);
  return { groups, errors: errors.sort((a, b) => compareText(a.ruleId, b.ruleId)) };
}

/** The rules that have a detector, by id. */
function watchers(
  rules: readonly Rule[],
  detectors: ReadonlyMap<string, RegisteredDetector>,
): readonly { readonly rule: Rule; readonly detector: RegisteredDetector }[] {
  return [...rules]
    .sort((a, b) => compareText(a.ruleId, b.ruleId))
    .flatMap((rule) => {
      const detector = detectors.get(rule.ruleType);
      return detector === undefined ? [] : [{ rule, detector }];
    });
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

function byRuleAndKey(a: Group, b: Group): number {
  return compareText(a.rule.ruleId, b.rule.ruleId) || compareText(a.key, b.key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function errorText(thrown: unknown): string {
  return boundedText(messageOf(thrown), MAX_MESSAGE_LENGTH);
}
