import type { Schedule } from './schedule.ts';
import { turnsAt, type Turn } from './rotation.ts';

/** The schedules in force, with the people who could answer at all. */
export interface OnCallBook {
  readonly schedules: ReadonlyMap<string, Schedule>;
  /** Canonical ids of enabled people with a role that may vote. */
  readonly able: ReadonlySet<string>;
}

export const NO_SCHEDULES: OnCallBook = { schedules: new Map(), able: new Set() };

/** Of each schedule who is on call at `at`; nobody by one that there is not, nor who could not answer. */
export function whoIsOnCall(
  book: OnCallBook,
  scheduleIds: readonly string[],
  at: number,
): { readonly [scheduleId: string]: readonly string[] } {
  return Object.fromEntries(
    scheduleIds.map((id) => {
      const turn = turnOn(book, id, at);
      return [id, turn === null ? [] : [turn.userId]];
    }),
  );
}

/** Whose turn it is: the first who could answer. Null: nobody's. */
export function turnOn({ schedules, able }: OnCallBook, scheduleId: string, at: number): Turn | null {
  const schedule = schedules.get(scheduleId);
  if (schedule === undefined) return null;
  return turnsAt(schedule, at).find(({ userId }) => able.has(userId)) ?? null;
}
