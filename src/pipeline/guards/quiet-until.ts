import type { ActionType, Severity } from '../vocabulary.ts';

/** When it is quiet, from data alone: no calendar, no time zone and no clock of an engine is asked. */

/** Quiet hours as plans hold them. */
export interface QuietHours {
  readonly windows: readonly QuietWindow[];
  /** What has to be added to UTC for local time, in minutes, each from a time on (ms since 1970). Sorted; the first from 0 on. */
  readonly offsets: readonly { readonly since: number; readonly minutes: number }[];
  /** Incidents of this severity and above never wait. */
  readonly below: Severity;
  /** What waits. */
  readonly actionTypes: readonly ActionType[];
}

/** From `from` to `to`, in minutes since local midnight of each of the days; where `to` is not after `from`, to the next day's. */
export interface QuietWindow {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  readonly from: number;
  readonly to: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 4;

/** When the quiet hours end that `at` lies in, ms since 1970; null: it is not quiet. */
export function quietUntil(quiet: Pick<QuietHours, 'windows' | 'offsets'>, at: number): number | null {
  const localMinute = Math.floor((at + offsetAt(quiet, at) * MINUTE_MS) / MINUTE_MS);
  const weekMinute = (localMinute + FIRST_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES;
  const rest = quietMinutesFrom(quiet.windows, weekMinute);
  if (rest === 0) return null;
  const end = (localMinute + rest) * MINUTE_MS;
  // The clocks may have been changed by then: what ends at six ends at six.
  const guess = end - offsetAt(quiet, at) * MINUTE_MS;
  const until = end - offsetAt(quiet, guess) * MINUTE_MS;
  return until > at ? until : null;
}

/** How long it is quiet from this minute of the week on, in minutes; windows that touch are one. At most a week. */
export function quietMinutesFrom(windows: readonly QuietWindow[], weekMinute: number): number {
  let rest = 0;
  for (;;) {
    const next = Math.max(0, ...windows.map((window) => restOf(window, (weekMinute + rest) % WEEK_MINUTES)));
    if (next === 0) return rest;
    rest += next;
    if (rest >= WEEK_MINUTES) return WEEK_MINUTES;
  }
}

/** How long the window lasts yet at this minute of the week; 0 outside of it. */
function restOf({ days, from, to }: QuietWindow, weekMinute: number): number {
  const length = to > from ? to - from : to - from + DAY_MINUTES;
  const rests = days.map((day) => {
    const since = (weekMinute - (day * DAY_MINUTES + from) + WEEK_MINUTES) % WEEK_MINUTES;
    return Math.max(0, length - since);
  });
  return Math.max(0, ...rests);
}

function offsetAt({ offsets }: Pick<QuietHours, 'offsets'>, at: number): number {
  return offsets.findLast(({ since }) => since <= at)?.minutes ?? 0;
}
