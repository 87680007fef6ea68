/**
 * Rules of regulatory clocks as data. A rule says what starts it and until when each of its stages has to be done; what is counted
 * is in `due.ts`, which knows no regime by name. Nothing here is legal advice: `sureness` says how far a row can be relied on.
 */

/** What starts a clock. Whoever records one says when it was, why, and by which evidence. */
export const START_KINDS = [
  'aware',
  'classified',
  'determined_material',
  'determined_notifiable',
  'discovered',
  'payment_made',
  'suspicion',
  'noticed',
  /** The incident is over: what is owed after the handling of one that went on. */
  'handled',
  /** What was not known at the time of a report, or a remedy, has become available. */
  'information_available',
] as const;
export type StartKind = (typeof START_KINDS)[number];

/** Those that say no more than that somebody came to know of it: for these a rule may speak, for all others a person has to. */
export const KNOWLEDGE: readonly StartKind[] = ['aware', 'discovered', 'suspicion', 'noticed'];

/** From when a limit counts. */
export type Anchor =
  | { readonly event: StartKind }
  /** The recorded submission of an earlier stage; until there is one its deadline stands in, and the result is provisional. */
  | { readonly submitted: string; readonly which: 'first' | 'latest' };

export type Count =
  /** Consecutive hours on the line of UTC: no zone, no weekend. */
  | { readonly unit: 'hours'; readonly amount: number }
  /** Days of the authority's calendar; the day of the event is not counted, unless `firstDayCounts`. */
  | { readonly unit: 'days'; readonly amount: number; readonly firstDayCounts?: true }
  /** Months of the authority's calendar; the 31st becomes the last day of a shorter month. */
  | { readonly unit: 'months'; readonly amount: number }
  /** Days that are neither weekend nor holiday; the day of the event is not counted. */
  | { readonly unit: 'business-days'; readonly amount: number }
  /** Days after 31 December of the year of the event. */
  | { readonly unit: 'days-after-year-end'; readonly amount: number };

/** What may move the end of a limit, and only ever later. */
export const RELIEFS = ['two-working-days', 'next-working-day', 'noon-next-working-day'] as const;
export type Relief = (typeof RELIEFS)[number];

export interface Limit {
  readonly after: Anchor;
  readonly count: Count;
}

export interface Stage {
  readonly id: string;
  readonly title: string;
  /** What the text asks to be said. */
  readonly content: readonly string[];
  /** The earliest of the limits whose start is known. None: the text names no hours, and `target` is all there is. */
  readonly limits: readonly Limit[];
  /** Where a text says "without undue delay": the organisation's own aim, which is shown as such and is no deadline of the text. */
  readonly target?: InternalTarget;
  /** Owed only once its start is recorded: a clock is done without it. */
  readonly onlyIfStarted?: true;
}

export interface InternalTarget {
  readonly after: Anchor;
  /** Hours; an organisation may set others. */
  readonly hours: number;
  /** The words of the text, for example `without undue delay`. */
  readonly words: string;
}

/** A: sure of the text. B: sure of the main number. C: not to be used before somebody has looked it up. */
export type Sureness = 'A' | 'B' | 'C';

/** A switch of a rule beside its deadline: what moves it later and when nobody is sure of it, it is off. */
export interface ReliefRow {
  readonly kind: Relief;
  readonly sureness: Sureness;
  readonly enabled: boolean;
  readonly reference: string;
}

export interface DeadlineRule {
  readonly id: string;
  /** As runbooks name it in `compliance_tags`. */
  readonly regime: string;
  /** Raised whenever a row changes; a running clock keeps the one that it started with. */
  readonly version: number;
  readonly title: string;
  readonly reference: string;
  /** The day on which somebody last compared the row with its source. */
  readonly verifiedOn: string;
  readonly sureness: Sureness;
  /** False: no clock starts by it before a person has confirmed it. */
  readonly enabled: boolean;
  readonly recipient: string;
  /** Of the authority: a name of the time-zone database. */
  readonly timeZone: string;
  /** Which days are holidays; null where nothing in the rule asks. */
  readonly calendar: string | null;
  /** When a last day ends, in minutes after its local midnight; absent: 1,440. */
  readonly dayEndsAt?: number;
  /** A runbook's tag alone starts it. The others need answers about the incident. */
  readonly onTag: boolean;
  readonly appliesWhen: AppliesWhen;
  readonly stages: readonly Stage[];
  readonly reliefs: readonly ReliefRow[];
  /** What a reader has to know, in a sentence. */
  readonly note?: string;
}

/** Questions, and the answer that each needs for the rule to apply. */
export interface AppliesWhen {
  readonly organisation: { readonly [question: string]: 'yes' | 'no' };
  readonly incident: { readonly [question: string]: 'yes' | 'no' };
}
