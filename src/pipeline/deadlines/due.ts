import { endOf, relieved, type CountBasis } from './count.ts';
import { isNoHolidays, type HolidayCalendar, type NoHolidays } from './holidays.ts';
import type { Offsets } from './local-time.ts';
import type { Anchor, Count, DeadlineRule, Limit, Relief, Stage, StartKind } from './rule.ts';

/**
 * Until when each stage of a clock has to be done: a pure function of the rule that the clock keeps and of what has been recorded, in
 * whatever order that came.
 */

/** What a running clock counts by, as it was when it started. */
export interface ClockBasis {
  readonly rule: DeadlineRule;
  readonly timeZone: string;
  readonly offsets: Offsets;
  readonly calendar: HolidayCalendar | null;
  /** Reliefs that are switched on. */
  readonly reliefs: readonly Relief[];
  /** The organisation's own aims, in hours, by stage; the rule's where it has none. */
  readonly targets: { readonly [stage: string]: number };
}

/** What is recorded of a clock and counts now. Times in ms since 1970. */
export interface ClockFacts {
  readonly events: readonly { readonly kind: StartKind; readonly at: number }[];
  readonly submissions: readonly { readonly stage: string; readonly at: number }[];
  readonly extensions: readonly { readonly stage: string; readonly until: number }[];
  /** `to` null: it still stands. */
  readonly pauses: readonly { readonly from: number; readonly to: number | null }[];
}

/** One limit as it was counted, for whoever wants to count again. */
export interface CountedLimit {
  readonly after: Anchor;
  readonly from: number;
  readonly count: Count;
  /** Before any relief. */
  readonly plain: number;
  /** Reliefs that moved it, in order, with where to. */
  readonly moved: readonly { readonly relief: Relief; readonly to: number }[];
  readonly end: number;
  readonly provisional: boolean;
}

export type StageState =
  /** What it counts from is not recorded. */
  | 'waiting'
  | 'running'
  /** The clock stands still. */
  | 'paused'
  | 'met'
  /** It cannot be counted: holidays are not known. It counts as overdue for nobody and as safe for nobody. */
  | 'uncounted';

export interface StageDue {
  readonly stage: string;
  readonly state: StageState;
  /** Null while it waits or cannot be counted; while paused, where it would be if the pause ended at once is not known, so null too. */
  readonly due: number | null;
  /** From when reminders are measured. */
  readonly from: number | null;
  /** False: an aim of the organisation, where the text names no hours. */
  readonly isDeadline: boolean;
  /** It hangs on the deadline of an earlier stage that has not been submitted, and moves when that is. */
  readonly provisional: boolean;
  /** What it waits for, or what could still make it earlier. */
  readonly missing: readonly Anchor[];
  readonly limits: readonly CountedLimit[];
  /** What pauses added, in ms. */
  readonly pausedMs: number;
  /** Until when it was extended; null: it was not. */
  readonly extendedUntil: number | null;
  readonly metAt: number | null;
  readonly noHolidays: NoHolidays | null;
}

/** All stages of a clock, in the order of the rule. Total: what cannot be counted says so. */
export function stagesOf(basis: ClockBasis, facts: ClockFacts): readonly StageDue[] {
  const done: StageDue[] = [];
  for (const stage of basis.rule.stages) done.push(stageOf(basis, facts, stage, done));
  return done;
}

/** From when an anchor counts: by what is recorded, or provisionally by an earlier deadline; null: not known. */
function startOf(
  facts: ClockFacts,
  anchor: Anchor,
  earlier: readonly StageDue[],
): { readonly at: number; readonly provisional: boolean } | null {
  if ('event' in anchor) {
    const times = facts.events.filter(({ kind }) => kind === anchor.event).map(({ at }) => at);
    return times.length === 0 ? null : { at: Math.min(...times), provisional: false };
  }
  const times = facts.submissions.filter(({ stage }) => stage === anchor.submitted).map(({ at }) => at);
  if (times.length > 0) {
    const at = anchor.which === 'latest' ? Math.max(...times) : Math.min(...times);
    return { at, provisional: false };
  }
  const before = earlier.find(({ stage }) => stage === anchor.submitted);
  return before === undefined || before.due === null ? null : { at: before.due, provisional: true };
}

function stageOf(basis: ClockBasis, facts: ClockFacts, stage: Stage, earlier: readonly StageDue[]): StageDue {
  const wanted = limitsOf(basis, stage);
  const missing = wanted
    .map(({ after }) => after)
    .filter((after) => startOf(facts, after, earlier)?.provisional !== false);
  const counted = wanted.flatMap((limit) => {
    const start = startOf(facts, limit.after, earlier);
    return start === null ? [] : [countLimit(basis, limit, start)];
  });
  const submitted = facts.submissions.filter((each) => each.stage === stage.id).map(({ at }) => at);
  const metAt = submitted.length === 0 ? null : Math.min(...submitted);
  const common = { stage: stage.id, isDeadline: stage.limits.length > 0, missing, metAt };
  const nothing = { ...NOT_COUNTED, ...common };
  const failed = counted.find(isNoHolidays);
  if (failed !== undefined) return { ...nothing, state: metAt === null ? 'uncounted' : 'met', noHolidays: failed };
  const limits = counted.filter((each): each is CountedLimit => !isNoHolidays(each));
  const binding = limits.reduce<CountedLimit | null>(
    (first, each) => (first === null || each.end < first.end ? each : first),
    null,
  );
  if (binding === null) return { ...nothing, state: metAt === null ? 'waiting' : 'met' };
  const from = Math.min(...limits.map((limit) => limit.from));
  const paused = pausedMs(facts.pauses, from, binding.end, metAt);
  const extendedUntil = latest(facts.extensions.filter((each) => each.stage === stage.id).map(({ until }) => until));
  const due = paused === null ? null : Math.max(binding.end + paused, extendedUntil ?? binding.end);
  return {
    ...common,
    state: metAt !== null ? 'met' : paused === null ? 'paused' : 'running',
    due,
    from,
    provisional: binding.provisional,
    limits,
    pausedMs: paused ?? 0,
    extendedUntil,
    noHolidays: null,
  };
}

const NOT_COUNTED = {
  due: null,
  from: null,
  provisional: false,
  limits: [],
  pausedMs: 0,
  extendedUntil: null,
  noHolidays: null,
} as const;

/** The limits of the text; where it names none, the organisation's own aim. */
function limitsOf(basis: ClockBasis, stage: Stage): readonly Limit[] {
  const { target } = stage;
  if (stage.limits.length > 0 || target === undefined) return stage.limits;
  const hours = Object.hasOwn(basis.targets, stage.id) ? basis.targets[stage.id] : undefined;
  return [{ after: target.after, count: { unit: 'hours', amount: hours ?? target.hours } }];
}

function countLimit(
  basis: ClockBasis,
  { after, count }: Limit,
  start: { readonly at: number; readonly provisional: boolean },
): CountedLimit | NoHolidays {
  const { at: from, provisional } = start;
  const { dayEndsAt = 1_440 } = basis.rule;
  const by: CountBasis = { offsets: basis.offsets, calendar: basis.calendar, dayEndsAt };
  const plain = endOf(by, from, count);
  if (isNoHolidays(plain)) return plain;
  let end = plain;
  const moved: { relief: Relief; to: number }[] = [];
  for (const relief of basis.reliefs) {
    const to = relieved(by, relief, { from, end, count });
    if (isNoHolidays(to)) return to;
    if (to > end) moved.push({ relief, to });
    end = to;
  }
  return { after, from, count, plain, moved, end, provisional };
}

/**
 * What pauses add to a stage, in ms; null while one stands. A pause counts from when the stage began, and only if it began before the
 * stage was due: nobody is made punctual afterwards.
 */
function pausedMs(pauses: ClockFacts['pauses'], from: number, end: number, metAt: number | null): number | null {
  let total = 0;
  for (const pause of pauses.toSorted((left, right) => left.from - right.from)) {
    if (pause.from >= end + total || (metAt !== null && pause.from >= metAt)) continue;
    const to = pause.to ?? metAt;
    if (to === null) return null;
    total += Math.max(0, Math.min(to, metAt ?? to) - Math.max(pause.from, from));
  }
  return total;
}

function latest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.max(...times);
}
