import type { Event } from '../events/event.ts';
import type { PlaybookType } from '../vocabulary.ts';
import { campaign, credentialStuffing } from './campaign.ts';
import type { BaseObservation, DetectionContext, Detector, FindingChange, KeyedObservation, Rule } from './detector.ts';
import { evaluateBatch, type DetectorState } from './evaluate.ts';
import { impossibleTravel } from './impossible-travel.ts';
import { mfaBypass } from './mfa-bypass.ts';
import { privilegeAction } from './privilege-action.ts';

/** The state of one (rule, key) as it is stored: plain data that only its own detector looks into. */
export type StoredState = DetectorState<BaseObservation, unknown>;

export interface StoredEvaluation {
  readonly state: StoredState;
  readonly changes: readonly FindingChange[];
  readonly dropped: number;
  readonly late: number;
}

/** A detector whose own types nobody outside needs to know. */
export interface RegisteredDetector {
  readonly ruleType: PlaybookType;
  /** What a key that was never seen begins with. */
  readonly emptyBaseline: unknown;
  observe(event: Event, rule: Rule, context: DetectionContext): readonly KeyedObservation<BaseObservation>[];
  evaluate(
    rule: Rule,
    key: string,
    stored: StoredState | null,
    observations: readonly BaseObservation[],
    receivedAt: number,
  ): StoredEvaluation;
}

/** Hides the types of a detector: what it observes and stores comes back to itself only. */
export function registered<Observation extends BaseObservation, Baseline>(
  detector: Detector<Observation, Baseline>,
): RegisteredDetector {
  return {
    ruleType: detector.ruleType,
    emptyBaseline: detector.emptyBaseline,
    observe: (event, rule, context) => detector.observe(event, rule, context),
    evaluate(rule, key, stored, observations, receivedAt) {
      // Safe: both were made by this detector (`run.ts` pairs them by rule), and `evaluateBatch` does not use a state
      // of another detector version.
      const state = stored as DetectorState<Observation, Baseline> | null;
      const own = observations as readonly Observation[];
      return evaluateBatch(detector, rule, key, state, own, receivedAt);
    },
  };
}

/** Every detector there is, by the rule type it implements. */
export const DETECTORS: ReadonlyMap<PlaybookType, RegisteredDetector> = new Map(
  [
    registered(impossibleTravel),
    registered(mfaBypass),
    registered(privilegeAction),
    registered(campaign),
    registered(credentialStuffing),
  ].map((detector) => [detector.ruleType, detector]),
);
