import type { ClockFacts } from './due.ts';
import type { Relief, StartKind } from './rule.ts';

/**
 * Deadlines worked out by hand with a printed calendar, not with the code: what each was counted from stands beside it. Weekdays: 1 June
 * 2026 is a Monday, 1 January 2027 a Friday, 1 January 2028 a Saturday. Clocks change in the EU on 2026-03-29 and 2026-10-25, in the US
 * on 2026-03-08 and 2026-11-01, in Sydney on 2026-04-05 and 2026-10-04.
 */
export interface HandCase {
  readonly rule: string;
  /** How it was counted. */
  readonly how: string;
  readonly events: { readonly [Kind in StartKind]?: string };
  readonly submitted?: readonly (readonly [stage: string, at: string])[];
  readonly extended?: readonly (readonly [stage: string, until: string])[];
  readonly pauses?: readonly (readonly [from: string, to: string | null])[];
  readonly calendar?: string;
  readonly timeZone?: string;
  /** Absent: those that are on by themselves. */
  readonly reliefs?: readonly Relief[];
  /** By stage: when it is due, or in which state it is without one. */
  readonly due: { readonly [stage: string]: string };
}

const NO_FACTS: ClockFacts = { events: [], submissions: [], extensions: [], pauses: [] };

export function factsOf({ events, submitted = [], extended = [], pauses = [] }: HandCase): ClockFacts {
  // Object.entries forgets the names of the members; they are those of the type.
  const kinds = Object.entries(events) as [StartKind, string][];
  return {
    ...NO_FACTS,
    events: kinds.map(([kind, at]) => ({ kind, at: Date.parse(at) })),
    submissions: submitted.map(([stage, at]) => ({ stage, at: Date.parse(at) })),
    extensions: extended.map(([stage, until]) => ({ stage, until: Date.parse(until) })),
    pauses: pauses.map(([from, to]) => ({ from: Date.parse(from), to: to === null ? null : Date.parse(to) })),
  };
}
