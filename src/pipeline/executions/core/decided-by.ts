import { stepOf } from './fold.ts';
import type { ReplayedRecord } from './replay.ts';

/** The records of an execution, by seq, that one core decided about. */
export interface DecidedBy {
  /** Content hash of the core; null where it was not known, because the program ran from its sources. */
  readonly core: string | null;
  readonly seqs: readonly number[];
}

/** Which core decided about which records, in the order of their first ones. */
export function decidedBy(records: readonly ReplayedRecord[]): readonly DecidedBy[] {
  const found = new Map<string | null, number[]>();
  let core: string | null = null;
  for (const { record } of records) {
    core = stepOf(record).input.core ?? core;
    const seqs = found.get(core) ?? [];
    seqs.push(record.seq);
    found.set(core, seqs);
  }
  return [...found].map(([each, seqs]) => ({ core: each, seqs }));
}
