import type { Plan } from '../../playbooks/plan.ts';
import { replayRecords, type Replay, type ReplayedRecord } from './replay.ts';

/** What a kept core is asked. */
export interface ReplayTask {
  readonly plan: Plan;
  readonly records: readonly ReplayedRecord[];
  /** Seqs of the records that this core decided about. */
  readonly seqs: readonly number[];
}

/**
 * The door of a core that is kept as text: a `ReplayTask` as JSON in, its `Replay` as JSON out. Later programs call it
 * on cores of today, so its name and both shapes stay as they are; there may be more members.
 */
export function replayText(task: string): string {
  const { plan, records, seqs } = JSON.parse(task) as ReplayTask; // made from exactly these types
  const own = new Set(seqs);
  const replay: Replay = replayRecords(plan, records, (seq) => own.has(seq));
  return JSON.stringify(replay);
}
