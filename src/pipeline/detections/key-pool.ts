import { derivedId } from '../../platform/hash.ts';
import type { BaseObservation, FindingChange } from './detector.ts';
import { anchorOf, MAX_EVIDENCE_EACH_END, refOf, unitText } from './observation.ts';

/** One such finding an hour: a flood of made-up keys must not become a flood of findings. */
const POOL_SLOT_MS = 3_600_000;

/** The subject of findings about the detection itself. */
export const POOL_SUBJECT = 'firebreak-detection';

/**
 * The finding that a rule could not watch some new keys, because the pool of keys that anybody can make up is full.
 * Its identity is (rule, hour of receipt); a repeat within the hour changes nothing.
 */
export function poolFinding(
  ruleId: string,
  keys: number,
  observations: readonly BaseObservation[],
  receivedAt: number,
): FindingChange {
  const slot = `hour:${Math.floor(receivedAt / POOL_SLOT_MS)}`;
  const first = observations[0];
  const key = 'pool:chosen-keys';
  return {
    change: 'opened',
    finding: {
      id: derivedId('fnd', ruleId, key, slot),
      ruleId,
      key,
      anchor: anchorOf({ source: ruleId, eventId: slot }),
      type: 'CUSTOM',
      subject: { type: 'segment', id: POOL_SUBJECT },
      accounts: [],
      severity: 'MEDIUM',
      confidence: 100,
      techniques: [],
      evidence: observations.slice(0, 2 * MAX_EVIDENCE_EACH_END).map(refOf),
      evidenceCount: observations.length,
      firstTime: first?.time ?? receivedAt,
      lastTime: observations.at(-1)?.time ?? receivedAt,
      explanation:
        `The rule ${ruleId} does not watch ${unitText(keys, 'new source')} with ` +
        `${unitText(observations.length, 'event')}: the pool of addresses, devices and user agents is full.`,
      details: { reason: 'key_pool_full', keys },
      superseded: false,
    },
  };
}
