import type { Anchor, Count, DeadlineRule, Limit, StartKind } from '../rule.ts';

/** What the rows of this folder have in common. */

/** When the rows were last compared with the project's reference of deadlines; the live texts were not looked at. */
export const VERIFIED_ON = '2026-11-21';

/** A first version of a row, switched on, which counts no holidays. */
export const ROW = {
  version: 1,
  verifiedOn: VERIFIED_ON,
  enabled: true,
  calendar: null,
  onTag: true,
  reliefs: [],
} as const satisfies Partial<DeadlineRule>;

export function after(event: StartKind, unit: Count['unit'], amount: number): Limit {
  return { after: { event }, count: { unit, amount } };
}

export function afterSubmission(stage: string, unit: Count['unit'], amount: number): Limit {
  return { after: submission(stage), count: { unit, amount } };
}

export function submission(submitted: string, which: 'first' | 'latest' = 'first'): Anchor {
  return { submitted, which };
}
