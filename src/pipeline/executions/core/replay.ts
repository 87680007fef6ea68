import { canonicalJson } from '../../../platform/canonical-json.ts';
import type { SealedRecord } from '../../audit/record.ts';
import type { Plan } from '../../playbooks/plan.ts';
import { decide } from './decide.ts';
import { stepOf } from './fold.ts';
import type { ExecutionState } from './state.ts';

/** What a replay showed. */
export type Replay =
  | { readonly identical: true; readonly records: number; readonly decisions: number }
  | {
      readonly identical: false;
      readonly records: number;
      readonly seq: number;
      readonly recorded: string;
      readonly derived: string;
    };

/**
 * Derives every decision of an execution again from its recorded inputs and its plan, and compares each with what
 * was recorded, byte for byte. Touches nothing outside.
 */
export function replayRecords(plan: Plan, records: readonly SealedRecord[]): Replay {
  let state: ExecutionState | null = null;
  let decisions = 0;
  for (const { record } of records) {
    const { input, facts } = stepOf(record);
    const decision = decide(plan, state, input);
    const recorded = canonicalJson(facts);
    const derived = canonicalJson(decision.facts);
    if (recorded !== derived) return { identical: false, records: records.length, seq: record.seq, recorded, derived };
    state = decision.state;
    decisions += decision.facts.length;
  }
  return { identical: true, records: records.length, decisions };
}
