import type { ReminderWords } from '../notifications/notice-of-deadline.ts';
import { clockStages, isOptional, type Clock, type ClockRecord, type ClockSubject } from './clock.ts';
import type { StageDue } from './due.ts';

/** When people are reminded, and who. */
export interface Reminders {
  /** How much of a stage's time has passed, in thousandths, ascending. */
  readonly fractions: readonly number[];
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
  /** Who is told as well when a deadline has passed. */
  readonly overrunRoles: readonly string[];
}

/** Where a stage is over. */
export const OVERRUN_MARK = 1_000;

/** Times at which there is something to say of a clock, each with what. */
interface Mark {
  readonly stage: StageDue;
  readonly mark: number;
  readonly due: number;
  readonly at: number;
}

/** When the next reminder or overrun of a clock comes, business time; null: none. */
export function nextMark(clock: Clock, reminders: Reminders): number | null {
  const times = marksOf(clock, reminders).map(({ at }) => at);
  return times.length === 0 ? null : Math.min(...times);
}

/** What is to be said by `now`: of each stage the last mark that has passed, those before it are not told late one by one. */
export function dueRecords(clock: Clock, reminders: Reminders, now: number): readonly ClockRecord[] {
  const passed = marksOf(clock, reminders).filter(({ at }) => at <= now);
  const last = passed.filter(
    (each) => !passed.some((other) => other.stage.stage === each.stage.stage && other.mark > each.mark),
  );
  return last.map(({ stage, mark, due }) => ({
    type: mark === OVERRUN_MARK ? 'deadline.overrun' : 'deadline.reminded',
    at: now,
    data: {
      stage: stage.stage,
      mark,
      due,
      about: wordsOf(clock, stage),
      roles: mark === OVERRUN_MARK ? [...new Set([...reminders.roles, ...reminders.overrunRoles])] : reminders.roles,
      userIds: reminders.userIds,
    },
  }));
}

function marksOf(clock: Clock, { fractions }: Reminders): readonly Mark[] {
  if (clock.notApplicable !== null) return [];
  return clockStages(clock).flatMap((stage) => {
    const { from, due, state, provisional } = stage;
    // A provisional deadline hangs on one that is reminded of itself; it is told once it is real.
    if (state !== 'running' || provisional || from === null || due === null || isOptional(clock, stage)) return [];
    const highest = Math.max(
      -1,
      ...clock.told.filter((told) => told.stage === stage.stage && told.due === due).map(({ mark }) => mark),
    );
    return [...fractions, OVERRUN_MARK]
      .filter((mark) => mark > highest)
      .map((mark) => ({ stage, mark, due, at: from + Math.floor(((due - from) * mark) / OVERRUN_MARK) }));
  });
}

function wordsOf(clock: Clock, { stage, isDeadline }: StageDue): ReminderWords {
  const name = clock.basis.rule.stages.find(({ id }) => id === stage)?.title ?? stage;
  return clockWords(clock, name, isDeadline);
}

/** A clock as a notice names it, which knows nothing but its record. */
export function clockWords(
  { basis, incidentId }: ClockSubject,
  stage: string | null,
  isDeadline: boolean,
): ReminderWords {
  const { regime, id: rule, title, recipient } = basis.rule;
  return { regime, rule, title: stage === null ? title : `${title}: ${stage}`, recipient, incidentId, isDeadline };
}
