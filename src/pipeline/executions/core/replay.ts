import { canonicalJson } from '../../../platform/canonical-json.ts';
import type { SealedRecord } from '../../audit/record.ts';
import type { Plan } from '../../playbooks/plan.ts';
import { decide } from './decide.ts';
import { evolve } from './evolve.ts';
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

/** A record as it is replayed: its bytes have been verified by others. */
export type ReplayedRecord = Pick<SealedRecord, 'record'>;

/**
 * Derives decisions of an execution again from its recorded inputs and its plan, and compares each with what was
 * recorded, byte for byte. Touches nothing outside.
 *
 * @param records all records of the execution.
 * @param isOwn which of them, by seq, this code decided about; the others are taken as they are.
 */
export function replayRecords(
  plan: Plan,
  records: readonly ReplayedRecord[],
  isOwn: (seq: number) => boolean = () => true,
): Replay {
  let state: ExecutionState | null = null;
  let decisions = 0;
  for (const { record } of records) {
    const { input, facts } = stepOf(record);
    if (isOwn(record.seq)) {
      const recorded = canonicalJson(facts);
      const derived = canonicalJson(decide(plan, state, input).facts);
      if (recorded !== derived)
        return { identical: false, records: records.length, seq: record.seq, recorded, derived };
      decisions += facts.length;
    }
    for (const fact of facts) state = evolve(state, fact, input);
  }
  return { identical: true, records: records.length, decisions };
}
