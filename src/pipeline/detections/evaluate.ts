import { derivedId } from '../../platform/hash.ts';
import { DISORDER_TOLERANCE_MS, MAX_CLOCK_SKEW_MS } from '../../platform/limits.ts';
import { changesOf } from './changes.ts';
import type { BaseObservation, Detector, Finding, FindingChange, FindingDraft, Rule } from './detector.ts';
import { bucketStart, remember } from './memory.ts';
import { compareObservations } from './observation.ts';
import { integerCondition, ruleVersion } from './rules.ts';

/**
 * The engine: it decides nothing about attacks, only when an observation is in memory, when it becomes history, and
 * what a batch changed about the findings.
 *
 * Memory holds everything from `watermark - retention` on. `find` sees all of it at every batch, so the order of
 * arrival leaves no trace; what leaves memory is folded into the baseline in (time, id) order. Nothing that arrives
 * within the tolerance can still be older than what has left, so batches leave no trace either.
 */

/** What is stored for one (rule, key) between batches. Plain data, safe for canonical JSON. */
export interface DetectorState<Observation, Baseline> {
  readonly detectorVersion: number;
  readonly ruleVersion: string;
  /** No event older than this can still arrive in time; null before the first event with a time of its own. */
  readonly watermark: number | null;
  /** The same for events whose time is only when we received them. Not part of the watermark. */
  readonly ingestMark: number | null;
  readonly baseline: Baseline;
  /** Sorted by (time, id). */
  readonly observations: readonly Observation[];
  /**
   * Findings whose newest evidence is still in memory, sorted by id; older ones cannot change any more. Each stands on
   * an observation in memory, so the caps of memory bound them too.
   */
  readonly findings: readonly Finding[];
  /** Observations that the caps of memory dropped, over the life of this key. */
  readonly dropped: number;
}

export interface Evaluation<Observation, Baseline> {
  readonly state: DetectorState<Observation, Baseline>;
  readonly changes: readonly FindingChange[];
  /** Observations the caps dropped in this batch. */
  readonly dropped: number;
  /** Observations that came later than memory reaches: judged with this batch only, never history. */
  readonly late: number;
}

/**
 * Takes in the new observations of one key. `receivedAt` is when the batch arrived, ms since 1970: it keeps the
 * watermark from following a clock that runs ahead. A function of its arguments; it throws only what `find` throws.
 */
export function evaluateBatch<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
  rule: Rule,
  key: string,
  stored: DetectorState<Observation, Baseline> | null,
  newObservations: readonly Observation[],
  receivedAt: number,
): Evaluation<Observation, Baseline> {
  const state = usableState(detector, rule, stored);
  const retentionMs = detector.retentionMs(rule);
  const quiet = quietEvaluation(detector, rule, key, state, newObservations, receivedAt, retentionMs);
  if (quiet !== null) return quiet;
  const oldest = memoryStart(state, retentionMs);
  const isLate = newObservations.some(({ time }) => time < oldest);
  const late = isLate ? newObservations.filter(({ time }) => time < oldest).sort(compareObservations) : NONE;
  const timely = isLate ? newObservations.filter(({ time }) => time >= oldest) : newObservations;
  const memory = remember(state.observations, timely, detector.capacity);
  const found = findAll(detector, rule, key, state, memory.observations, late, oldest);
  const nothing = state.findings.length === 0 && found.length === 0;
  const { findings, changes } = nothing ? NOTHING : changesOf(state.findings, found, oldest);
  const marks = marksAfter(state, timely, receivedAt);
  const start = memoryStart(marks, retentionMs);
  const left = countUntil(memory.observations, start);
  const { baseline } = state;
  return {
    state: {
      detectorVersion: state.detectorVersion,
      ruleVersion: state.ruleVersion,
      watermark: marks.watermark,
      ingestMark: marks.ingestMark,
      // What has left memory is folded into the baseline; findings that cannot change any more are let go of.
      baseline: left === 0 ? baseline : detector.learn(baseline, memory.observations.slice(0, left), rule),
      observations: left === 0 ? memory.observations : memory.observations.slice(left),
      findings: findings.length === 0 ? findings : findings.filter((finding) => finding.lastTime >= start),
      dropped: state.dropped + memory.dropped,
    },
    changes,
    dropped: memory.dropped,
    late: late.length,
  };
}

const NONE: readonly never[] = [];
const NOTHING: { readonly findings: readonly Finding[]; readonly changes: readonly FindingChange[] } = {
  findings: NONE,
  changes: NONE,
};

/**
 * The answer of `evaluateBatch` for nearly every key of an ordinary day, without what it does for the others: one new
 * observation that is newer than everything known, in a bucket of its own, and nothing is found, as before. Such an
 * observation is never late, never a duplicate and never refused by a cap. Null where any of that does not hold.
 * (This took the time of judging a batch to a third.)
 */
function quietEvaluation<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
  rule: Rule,
  key: string,
  state: DetectorState<Observation, Baseline>,
  newObservations: readonly Observation[],
  receivedAt: number,
  retentionMs: number,
): Evaluation<Observation, Baseline> | null {
  const [only] = newObservations;
  if (only === undefined || newObservations.length > 1 || only.ingest) return null;
  if (state.findings.length > 0 || state.ingestMark !== null) return null;
  const held = state.observations;
  const newest = held[held.length - 1];
  if (newest !== undefined && newest.time >= bucketStart(only.time)) return null;
  const watermark = watermarkOf(only.time, receivedAt);
  // Behind what moved the watermark and was not kept, or a clock that runs ahead.
  if (state.watermark !== null && watermark <= state.watermark) return null;
  const observations = held.length === 0 ? newObservations : [...held, only];
  if (detector.find(key, observations, state.baseline, rule).length > 0) return null;
  const left = countUntil(observations, bucketStart(watermark - retentionMs));
  return {
    state: {
      detectorVersion: state.detectorVersion,
      ruleVersion: state.ruleVersion,
      watermark,
      ingestMark: null,
      baseline: left === 0 ? state.baseline : detector.learn(state.baseline, observations.slice(0, left), rule),
      observations: left === 0 ? observations : observations.slice(left),
      findings: state.findings,
      dropped: state.dropped,
    },
    changes: NONE,
    dropped: 0,
    late: 0,
  };
}

/** What stands now by all that is in memory, and by what came too late for it. */
function findAll<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
  rule: Rule,
  key: string,
  state: DetectorState<Observation, Baseline>,
  observations: readonly Observation[],
  late: readonly Observation[],
  oldest: number,
): readonly Finding[] {
  const found = detector.find(key, observations, state.baseline, rule);
  if (found.length === 0 && late.length === 0) return NONE;
  const leastConfidence = integerCondition(rule, 'minSignificance');
  const drafts = [
    // A series that the baseline still holds may be found again after it became final.
    ...found.filter((draft) => draft.lastTime >= oldest),
    ...lateDrafts(detector, rule, key, late, state.baseline),
  ].filter((draft) => draft.confidence >= leastConfidence);
  return drafts.map((draft) => identified(draft, rule, key, state));
}

/** The id of a finding: it says nothing about arrival. */
export function findingId(rule: Rule, version: string, key: string, anchor: string): string {
  return derivedId('fnd', rule.ruleId, version, key, anchor);
}

/** One that is known keeps its id, also where the rule had another name then. */
function identified(
  draft: FindingDraft,
  rule: Rule,
  key: string,
  { ruleVersion: version, findings }: Pick<DetectorState<never, never>, 'ruleVersion' | 'findings'>,
): Finding {
  const known = findings.find(({ anchor }) => anchor === draft.anchor);
  const id = known?.id ?? findingId(rule, version, key, draft.anchor);
  return { ...draft, id, ruleId: rule.ruleId, key, superseded: false };
}

/**
 * Another rule version judges differently: known findings become final and the history stays. Another detector
 * version may not understand the baseline: the key starts again from what is in memory elsewhere, that is, empty.
 */
function usableState<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
  rule: Rule,
  stored: DetectorState<Observation, Baseline> | null,
): DetectorState<Observation, Baseline> {
  const version = ruleVersion(rule, detector.version);
  if (stored !== null && stored.ruleVersion === version) return stored;
  if (stored !== null && stored.detectorVersion === detector.version) {
    return { ...stored, ruleVersion: version, findings: [] };
  }
  return {
    detectorVersion: detector.version,
    ruleVersion: version,
    watermark: stored?.watermark ?? null,
    ingestMark: stored?.ingestMark ?? null,
    baseline: detector.emptyBaseline,
    observations: NONE,
    findings: NONE,
    dropped: stored?.dropped ?? 0,
  };
}

interface Marks {
  readonly watermark: number | null;
  readonly ingestMark: number | null;
}

/**
 * Where memory begins: in whole buckets, so that a cap never sees half of one. An event without a time of its own
 * moves it too (it happened when we received it), or a source without times would fill memory without end.
 * A finding whose newest evidence is older is final: what it stands on has left.
 */
function memoryStart({ watermark, ingestMark }: Marks, retentionMs: number): number {
  if (watermark === null && ingestMark === null) return Number.MIN_SAFE_INTEGER;
  return bucketStart(Math.max(watermark ?? 0, ingestMark ?? 0) - retentionMs);
}

/** What came too late for memory is judged by itself: a source that was away delivers whole windows at once. */
function lateDrafts<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
  rule: Rule,
  key: string,
  late: readonly Observation[],
  baseline: Baseline,
): readonly FindingDraft[] {
  if (late.length === 0) return [];
  const kept = remember([], late, detector.capacity).observations;
  return detector.find(key, kept, detector.withoutWindow(baseline), rule);
}

function marksAfter(state: Marks, observations: readonly BaseObservation[], receivedAt: number): Marks {
  let { watermark, ingestMark } = state;
  for (const { time, ingest } of observations) {
    const mark = watermarkOf(time, receivedAt);
    if (ingest) ingestMark = Math.max(ingestMark ?? mark, mark);
    else watermark = Math.max(watermark ?? mark, mark);
  }
  return { watermark, ingestMark };
}

/** Nothing older than this can still arrive in time, once an event of `time` is here. */
function watermarkOf(time: number, receivedAt: number): number {
  return Math.min(time, receivedAt + MAX_CLOCK_SKEW_MS) - DISORDER_TOLERANCE_MS;
}

/** How many of `sorted`, counted from its beginning, are older than `time`. */
function countUntil(sorted: readonly BaseObservation[], time: number): number {
  let count = 0;
  while (count < sorted.length && (sorted[count]?.time ?? 0) < time) count += 1;
  return count;
}
