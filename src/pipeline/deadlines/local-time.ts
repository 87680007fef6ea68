/** Calendars and clocks on walls, from data alone: no time zone and no locale of an engine is asked. */

/** What has to be added to UTC for local time, in minutes, each from a time on (ms since 1970). Sorted; the first from 0 on. */
export type Offsets = readonly { readonly since: number; readonly minutes: number }[];

/** Days since 1970-01-01 on a calendar without zones. */
export type Day = number;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 4;

/** 0 is Sunday. */
export function weekdayOf(day: Day): number {
  return (((day + FIRST_WEEKDAY) % 7) + 7) % 7;
}

/** `YYYY-MM-DD`. */
export function dateOf(day: Day): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function yearOf(day: Day): number {
  return new Date(day * DAY_MS).getUTCFullYear();
}

/** @param month 1 to 12. */
export function dayOf(year: number, month: number, day: number): Day {
  return Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);
}

/** A date `YYYY-MM-DD`; null when there is no such day. */
export function parseDate(date: string): Day | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (match === null) return null;
  const day = dayOf(Number(match[1]), Number(match[2]), Number(match[3]));
  return dateOf(day) === date ? day : null;
}

/** The same day of a later month, or the last one of it where it has no such day. */
export function addMonths(day: Day, months: number): Day {
  const date = new Date(day * DAY_MS);
  const month = date.getUTCMonth() + months;
  // Day 0 of the month after is the last one of the month.
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return Math.floor(Date.UTC(date.getUTCFullYear(), month, Math.min(date.getUTCDate(), lastDay)) / DAY_MS);
}

/** The local day of an instant, and the minute of that day that the clock on the wall shows. */
export function localOf(offsets: Offsets, at: number): { readonly day: Day; readonly minute: number } {
  const wall = at + offsetAt(offsets, at) * MINUTE_MS;
  const day = Math.floor(wall / DAY_MS);
  return { day, minute: Math.floor((wall - day * DAY_MS) / MINUTE_MS) };
}

/**
 * When the clock on the wall shows that minute of that day. Of an hour that a zone repeats it is the first one; of one that it leaves
 * out, the moment at which the clocks are changed: both are the earlier reading, by which nobody is late.
 * @param minute since midnight; 1,440 is the end of the day.
 */
export function instantOf(offsets: Offsets, day: Day, minute: number): number {
  const wall = day * DAY_MS + minute * MINUTE_MS;
  const exact = offsets
    .map(({ minutes }) => wall - minutes * MINUTE_MS)
    .filter((at) => at + offsetAt(offsets, at) * MINUTE_MS === wall);
  if (exact.length > 0) return Math.min(...exact);
  const change = offsets.find(
    ({ since, minutes }, index) =>
      since + minutes * MINUTE_MS > wall && since + (offsets[index - 1]?.minutes ?? minutes) * MINUTE_MS <= wall,
  );
  return change?.since ?? wall;
}

/** `2026-04-03 10:00`, as the clock on the wall shows it. */
export function wallText(offsets: Offsets, at: number): string {
  const { day, minute } = localOf(offsets, at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${dateOf(day)} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function offsetAt(offsets: Offsets, at: number): number {
  return offsets.findLast(({ since }) => since <= at)?.minutes ?? offsets[0]?.minutes ?? 0;
}
