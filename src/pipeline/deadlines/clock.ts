import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { View } from '../../journal/journal.ts';
import type { ReminderWords } from '../notifications/notice-of-deadline.ts';
import { stagesOf, type ClockBasis, type ClockFacts, type StageDue } from './due.ts';
import type { StartKind } from './rule.ts';

/** Of a stage: what somebody recorded as handed in. */
export interface Submission {
  readonly stage: string;
  /** When it was handed in. */
  readonly at: number;
  /** As the authority calls it. */
  readonly reference: string;
  /** The receipt in custody; null: none was kept. */
  readonly evidenceId: string | null;
  /** Who handed it in. */
  readonly person: string;
  readonly note: string | null;
  readonly by: string;
  readonly recordedAt: number;
}

/** A start event as it is on record. */
export interface StartEvent {
  readonly kind: StartKind;
  readonly at: number;
  readonly reason: string;
  readonly evidence: readonly string[];
}

/** What a person said about moving a deadline. */
export interface Grant {
  readonly reason: string;
  readonly approver: string;
  readonly reference: string | null;
}

/** What a clock is about; it never changes. */
export interface ClockSubject {
  readonly incidentId: string | null;
  readonly executionId: string | null;
  readonly basis: ClockBasis;
}

/** A record of a clock's stream, before it is written or after. */
export type ClockRecord = { readonly at: number } & (
  | {
      readonly type: 'deadline.started';
      readonly data: {
        readonly by: string;
        readonly clock: ClockSubject;
        readonly event: StartEvent | null;
        readonly about: ReminderWords;
        readonly roles: readonly string[];
        readonly userIds: readonly string[];
      };
    }
  /** A start event that came later, or that was corrected: all deadlines as they were before, and as they are. */
  | {
      readonly type: 'deadline.recomputed';
      readonly data: {
        readonly by: string;
        readonly event: StartEvent;
        readonly before: readonly DueOnRecord[];
        readonly after: readonly DueOnRecord[];
      };
    }
  | {
      readonly type: 'deadline.extended';
      readonly data: Grant & { readonly by: string; readonly stage: string; readonly until: number };
    }
  | { readonly type: 'deadline.paused' | 'deadline.resumed'; readonly data: Grant & { readonly by: string } }
  | { readonly type: 'deadline.met'; readonly data: Omit<Submission, 'recordedAt'> }
  | {
      readonly type: 'deadline.not_applicable';
      readonly data: { readonly by: string; readonly reason: string; readonly person: string };
    }
  | { readonly type: 'deadline.reminded' | 'deadline.overrun'; readonly data: Reminder }
);

export interface DueOnRecord {
  readonly stage: string;
  readonly due: number | null;
}

/** What people were told of a stage, and whom: the record is all that the notice is made of. */
export interface Reminder {
  readonly stage: string;
  /** How much of the time has passed, in thousandths; 1,000 is the end. */
  readonly mark: number;
  readonly due: number;
  readonly about: ReminderWords;
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
}

export const CLOCK_STATUSES = [
  /** What it counts from is not recorded yet. */
  'WAITING',
  'RUNNING',
  'PAUSED',
  'OVERDUE',
  'UNCOUNTED',
  'MET',
  'NOT_APPLICABLE',
] as const;
export type ClockStatus = (typeof CLOCK_STATUSES)[number];

/** A clock folded from its records, and the body of its row. */
export interface Clock extends ClockSubject {
  readonly startedAt: number;
  readonly startedBy: string;
  /** Each kind once, as it counts now. */
  readonly events: readonly StartEvent[];
  readonly submissions: readonly Submission[];
  readonly extensions: readonly (Grant & { readonly stage: string; readonly until: number })[];
  readonly pauses: readonly (Grant & { readonly from: number; readonly to: number | null })[];
  readonly notApplicable: { readonly reason: string; readonly person: string; readonly at: number } | null;
  /** Marks that were told: told anew where the deadline moved. */
  readonly told: readonly { readonly stage: string; readonly mark: number; readonly due: number }[];
  /** Of the newest record; the next one is never before it. */
  readonly changedAt: number;
  /** How many records it has. */
  readonly version: number;
}

/** One more record. @throws for one that cannot come next: only this room writes them. */
export function evolveClock(before: Clock | null, record: ClockRecord): Clock {
  if (record.type === 'deadline.started') {
    invariant(before === null, 'a clock starts once');
    return newClock(record.data, record.at);
  }
  invariant(before !== null, 'a clock was started');
  return { ...before, ...changeOf(before, record), changedAt: record.at, version: before.version + 1 };
}

function newClock(data: Extract<ClockRecord, { type: 'deadline.started' }>['data'], at: number): Clock {
  const { by, clock, event } = data;
  return {
    ...clock,
    startedAt: at,
    startedBy: by,
    events: event === null ? [] : [event],
    submissions: [],
    extensions: [],
    pauses: [],
    notApplicable: null,
    told: [],
    changedAt: at,
    version: 1,
  };
}

function changeOf(clock: Clock, record: Exclude<ClockRecord, { type: 'deadline.started' }>): Partial<Clock> {
  const { at, data, type } = record;
  switch (type) {
    case 'deadline.recomputed': {
      const others = clock.events.filter(({ kind }) => kind !== data.event.kind);
      return { events: [...others, data.event] };
    }
    case 'deadline.extended':
      return { extensions: [...clock.extensions, granted(data, { stage: data.stage, until: data.until })] };
    case 'deadline.paused':
      return { pauses: [...clock.pauses, granted(data, { from: at, to: null })] };
    case 'deadline.resumed':
      return { pauses: clock.pauses.map((pause) => (pause.to === null ? { ...pause, to: at } : pause)) };
    case 'deadline.met':
      return { submissions: [...clock.submissions, { ...data, recordedAt: at }] };
    case 'deadline.not_applicable':
      return { notApplicable: { reason: data.reason, person: data.person, at } };
    case 'deadline.reminded':
    case 'deadline.overrun':
      return { told: [...clock.told, { stage: data.stage, mark: data.mark, due: data.due }] };
    default:
      return record;
  }
}

function granted<More extends object>({ reason, approver, reference }: Grant, more: More): Grant & More {
  return { reason, approver, reference, ...more };
}

/** The clock that the records of its stream make, or null where there are none. */
export function foldClock(
  records: readonly { readonly type: string; readonly at: number; readonly data: object }[],
): Clock | null {
  // Streams of clocks hold these types only.
  return records.reduce<Clock | null>((clock, record) => evolveClock(clock, record as ClockRecord), null);
}

/** All stages of a clock as they are now. */
export function clockStages(clock: Clock): readonly StageDue[] {
  const facts: ClockFacts = {
    events: clock.events,
    submissions: clock.submissions,
    extensions: clock.extensions,
    pauses: clock.pauses,
  };
  return stagesOf(clock.basis, facts);
}

/** @param now business time; null: as it stands on record, by the overruns that were noted. */
export function clockStatus(clock: Clock, stages: readonly StageDue[], now: number | null): ClockStatus {
  if (clock.notApplicable !== null) return 'NOT_APPLICABLE';
  const open = stages.filter((stage) => stage.state !== 'met' && !isOptional(clock, stage));
  if (open.length === 0) return 'MET';
  if (clock.pauses.some(({ to }) => to === null)) return 'PAUSED';
  if (open.some((stage) => isOverdue(clock, stage, now))) return 'OVERDUE';
  if (open.some(({ state }) => state === 'uncounted')) return 'UNCOUNTED';
  return open.some(({ due }) => due !== null) ? 'RUNNING' : 'WAITING';
}

/** Owed only once its start is recorded, and it is not. */
export function isOptional({ basis }: Pick<Clock, 'basis'>, { stage, state }: StageDue): boolean {
  return state === 'waiting' && basis.rule.stages.find(({ id }) => id === stage)?.onlyIfStarted === true;
}

function isOverdue({ told }: Clock, { stage, due }: StageDue, now: number | null): boolean {
  if (due === null) return false;
  if (now !== null) return due <= now;
  return told.some((each) => each.stage === stage && each.mark === 1_000 && each.due === due);
}

/** When the next stage has to be done; null: nothing that is open can be dated. */
export function nextDue(stages: readonly StageDue[]): number | null {
  const open = stages.flatMap(({ state, due }) => (state === 'running' && due !== null ? [due] : []));
  return open.length === 0 ? null : Math.min(...open);
}

export function clockStream(id: string): string {
  return `deadline/${id}`;
}

/** The row of a clock. One clock of a rule for an incident counts at a time. */
export function clockView(id: string, clock: Clock): Omit<View, 'expectedVersion'> {
  const { incidentId, basis } = clock;
  const status = clockStatus(clock, clockStages(clock), null);
  const isOnly = incidentId !== null && status !== 'NOT_APPLICABLE';
  return {
    kind: 'deadline',
    id,
    status,
    type: basis.rule.id,
    parent: incidentId,
    ref: basis.rule.regime,
    uniqueKey: isOnly ? clockKey(incidentId, basis.rule.id) : null,
    at: clock.startedAt,
    body: clock as unknown as Json, // plain JSON by its type
  };
}

/** Under which the clock of a rule for an incident is found. */
export function clockKey(incidentId: string, ruleId: string): string {
  return `${incidentId}\n${ruleId}`;
}
