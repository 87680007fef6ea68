import type { Event, Subject } from '../events/event.ts';
import type { PlaybookType, Severity } from '../vocabulary.ts';

/**
 * A detector is a pure function over the set of events of one key (a user, an address ...).
 *
 * It is written so that the order of arrival cannot change what is found: the engine (`evaluate.ts`) keeps the
 * observations of each key sorted by (time, id) and hands all that are still in memory to `find` at every batch.
 * What must not depend on events still to come (history, learning, shared-address guards) is read "as of
 * `observation time - DISORDER_TOLERANCE_MS`" from the same sorted set and the baseline.
 *
 * The law a detector keeps: `find(run A then run B, baseline)` ends with the same findings as `find(run B,
 * learn(baseline, run A))` for what ends in B; and adding an observation may take a finding away or raise it, never
 * lower one that keeps its anchor.
 */
export interface Detector<Observation extends BaseObservation, Baseline> {
  /** Also the rule type it implements. */
  readonly ruleType: PlaybookType;
  readonly version: number;
  /** How long observations stay in memory behind the watermark, in ms, so that late events meet their window. */
  retentionMs(rule: Rule): number;
  /** How many observations are kept: what a flood of events can cost is known beforehand. */
  capacity(observation: Observation): Capacity;
  /** The keys (`user:alice@acme.example`, `ip:203.0.113.7`) this event counts for, and what is kept of it. */
  observe(event: Event, rule: Rule, context: DetectionContext): readonly KeyedObservation<Observation>[];
  readonly emptyBaseline: Baseline;
  /**
   * Folds the observations that leave memory (all of them older than the watermark) into the baseline, in
   * (time, id) order. Each is folded once. Those with `ingest` may stay in a window but never become history.
   */
  learn(baseline: Baseline, observations: readonly Observation[], rule: Rule): Baseline;
  /**
   * The baseline for events that are older than memory: history without any open window, which lies in their future.
   */
  withoutWindow(baseline: Baseline): Baseline;
  /**
   * All findings of this key, from the observations (sorted by time, then id) and the baseline.
   * Must be a function of its arguments alone, and total: it never throws for hostile values.
   */
  find(key: string, observations: readonly Observation[], baseline: Baseline, rule: Rule): readonly FindingDraft[];
}

/** What every observation carries. All members are canonical-JSON safe (integers, strings, booleans, null). */
export interface BaseObservation {
  readonly eventId: string;
  readonly source: string;
  readonly time: number;
  /** True when the time is only when we received it: never history, never moves the watermark. */
  readonly ingest: boolean;
}

export interface KeyedObservation<Observation> {
  readonly key: string;
  readonly observation: Observation;
  /** True when whoever sends events can make up such keys at will (addresses, user agents): they share a pool. */
  readonly chosen?: boolean;
}

/**
 * A cap on memory that does not depend on arrival: time is cut into buckets of five minutes; of one lane of one
 * bucket the first `laneLimit` observations by (time, id) are kept, and of one slot of it the first `slotLimit`.
 */
export interface Capacity {
  /** One of a few fixed names; the limit is the same for each observation of a lane. */
  readonly lane: string;
  readonly laneLimit: number;
  /** Whatever must not crowd out the rest of its lane, for example an account. */
  readonly slot: string;
  readonly slotLimit: number;
}

/** A rule: a detector with its thresholds. Conditions keep the names of the seeds. */
export interface Rule {
  readonly ruleId: string;
  readonly ruleType: PlaybookType;
  /** Thresholds after defaults were filled in (`rules.ts`); numbers are integers (km, ms, counts, 0 to 100). */
  readonly conditions: Readonly<Record<string, number | boolean | string>>;
}

/** Read-only answers that a detector may ask for: they are data, not I/O, and versioned. */
export interface DetectionContext {
  /** Label of the egress list entry (office, VPN, cloud proxy) that covers the address, or null. */
  egressLabel(ip: string | null, asn: number | null): string | null;
}

/** What a detector found. Its identity is (rule, key, anchor): a later batch may only raise or supersede it. */
export interface FindingDraft {
  /** Names the event that starts the window, or the pair of a travel finding (`anchorOf`): part of the identity. */
  readonly anchor: string;
  readonly type: PlaybookType;
  readonly subject: Subject;
  /** Other accounts concerned (campaign), sorted by id; the subject itself is not repeated. */
  readonly accounts: readonly Subject[];
  readonly severity: Severity;
  /** 0 to 100. */
  readonly confidence: number;
  /** ATT&CK technique ids, for example `T1621`. */
  readonly techniques: readonly string[];
  /** Ids of the evidence events, sorted by (time, id); at most 100, the first and the newest. */
  readonly evidence: readonly { readonly source: string; readonly eventId: string }[];
  readonly evidenceCount: number;
  readonly firstTime: number;
  readonly lastTime: number;
  /** One sentence with its numbers. */
  readonly explanation: string;
  /** The numbers of the sentence and what conditions may read (`distanceKm`, `attempts`, `sourceIp` ...). */
  readonly details: Readonly<Record<string, number | string | boolean | readonly string[]>>;
}

/** A finding with its identity. */
export interface Finding extends FindingDraft {
  /** Derived from (rule id, rule version, key, anchor). */
  readonly id: string;
  readonly ruleId: string;
  readonly key: string;
  /** True when a late event took away what it stood on; kept, never deleted. */
  readonly superseded: boolean;
}

/** What a batch changed about a finding. `opened` with a known id is a repeat and changes nothing. */
export interface FindingChange {
  readonly change: 'opened' | 'raised' | 'superseded' | 'restored';
  readonly finding: Finding;
}
