import { compareNames, type RecordName } from './sequencer.ts';

/** Something that does not fit, as precisely as it can be placed. */
export interface Finding {
  /** `truncated`: everything from here on is missing. `changed`: anything else. */
  readonly verdict: 'changed' | 'truncated';
  /** How well it is placed: by place in the log, by name only, as a record that belongs nowhere, by order only. */
  readonly placed: 'position' | 'name' | 'stray' | 'order';
  readonly position: number | null;
  readonly name: RecordName | null;
  /** One sentence for people. */
  readonly problem: string;
}

const PLACING: Readonly<Record<Finding['placed'], number>> = { position: 0, name: 1, stray: 2, order: 3 };

/**
 * Which of two findings is the first record that does not fit: by place in the log; then records that have none, by
 * name; then what belongs nowhere; last what is only out of order. One change often leaves several findings, and
 * this order names the record that was changed, not those that point to it.
 */
export function firstOf(a: Finding | null, b: Finding): Finding {
  if (a === null) return b;
  if (PLACING[a.placed] !== PLACING[b.placed]) return PLACING[a.placed] < PLACING[b.placed] ? a : b;
  if (a.position !== null && b.position !== null) return a.position <= b.position ? a : b;
  if (a.placed === 'name' && a.name !== null && b.name !== null) return compareNames(a.name, b.name) <= 0 ? a : b;
  return a;
}

/** A record as people read it: `execution/exe_1 #3`. */
export function nameText({ stream, seq }: RecordName): string {
  return `${stream} #${seq}`;
}
