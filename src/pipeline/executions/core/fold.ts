import { invariant } from '../../../platform/errors.ts';
import type { JournalRecord, SealedRecord } from '../../audit/record.ts';
import { evolve } from './evolve.ts';
import type { Fact } from './facts.ts';
import type { Input } from './inputs.ts';
import type { ExecutionState } from './state.ts';

/** The input and the facts of an `execution.advanced` record, of every version ever written. */
export function stepOf(record: Pick<JournalRecord, 'type' | 'v' | 'data'>): {
  readonly input: Input;
  readonly facts: readonly Fact[];
} {
  invariant(record.type === 'execution.advanced' && record.v === 1, `cannot read ${record.type} v${record.v}`);
  // The record was written from exactly these types, and its hash says that it still is what was written.
  return record.data as unknown as { readonly input: Input; readonly facts: readonly Fact[] };
}

/** The state that the records lead to. @throws when there are none. */
export function foldRecords(records: readonly SealedRecord[]): ExecutionState {
  let state: ExecutionState | null = null;
  for (const { record } of records) {
    const { input, facts } = stepOf(record);
    for (const fact of facts) state = evolve(state, fact, input);
  }
  invariant(state !== null, 'an execution without records');
  return state;
}
