import type { Json } from '../../platform/canonical-json.ts';
import type { Append, Change, EffectWrite, RecordDraft, TimerWrite, View } from '../../journal/journal.ts';
import type { RecordTrace } from '../audit/record.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { clockStream, clockView, evolveClock, type Clock, type ClockRecord } from './clock.ts';
import { nextMark, type Reminders } from './reminders.ts';

/** What is told of a clock; the others are seen by whoever looks at it. */
const TOLD: readonly ClockRecord['type'][] = ['deadline.started', 'deadline.reminded', 'deadline.overrun'];

/** Name of the one timer of a clock: the next thing to say of it. */
const TIMER = 'deadline';

/** What records of one clock change, as parts of a commit. */
export interface ClockChange {
  readonly clock: Clock;
  readonly append: Append;
  readonly view: View;
  readonly timer: TimerWrite;
  readonly effects: readonly EffectWrite[];
  /** To be called after the commit. */
  told(): void;
}

export interface ClockWriting {
  readonly reminders: Reminders;
  readonly tell: TellRecord | undefined;
  readonly trace?: RecordTrace;
}

/** Adds records to a clock; `before` null starts it. Records are never older than the one before them. */
export function clockChange(
  id: string,
  before: Clock | null,
  records: readonly ClockRecord[],
  { reminders, tell, trace }: ClockWriting,
): ClockChange {
  const stream = clockStream(id);
  const first = before?.version ?? 0;
  const timed = records.map((record) => ({ ...record, at: Math.max(record.at, before?.changedAt ?? 0) }));
  const clock = timed.reduce<Clock | null>((state, record) => evolveClock(state, record), before);
  if (clock === null) throw new Error('a clock is changed by at least one record');
  const told = timed.flatMap(({ type }, index) => (TOLD.includes(type) ? [first + index + 1] : []));
  return {
    clock,
    append: { stream, expectedSeq: first, records: timed.map((record) => draftOf(record, trace)) },
    view: { ...clockView(id, clock), expectedVersion: null },
    timer: { execution: stream, name: TIMER, generation: clock.version, due: nextMark(clock, reminders) },
    effects: told.flatMap((seq) => recordTells(tell, stream, seq)),
    told: () => told.forEach((seq) => tell?.(stream, recordTellName(seq))),
  };
}

function draftOf({ type, at, data }: ClockRecord, trace: RecordTrace | undefined): RecordDraft {
  const plain = data as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  return { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: plain };
}

/** One commit of several clocks, and of what else belongs to it. */
export function changeOfClocks(changes: readonly ClockChange[], more: Partial<Change> = {}): Change {
  return {
    appends: [...changes.map(({ append }) => append), ...(more.appends ?? [])],
    views: [...changes.map(({ view }) => view), ...(more.views ?? [])],
    timers: changes.map(({ timer }) => timer),
    effects: changes.flatMap(({ effects }) => effects),
  };
}
