import { WEEKDAYS, type Layer, type Schedule } from './schedule.ts';
import { wallTime } from './wall-time.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** 1970 began on a Thursday. */
const FIRST_WEEKDAY = 4;

/** Somebody who would be on call, and by which part of the schedule. */
export interface Turn {
  readonly userId: string;
  readonly by: 'override' | 'layer';
  /** Place of the override or layer in its list. */
  readonly index: number;
}

/**
 * Who would be on call at a time, the one who is meant first: who overrides, then of each layer whose turn it is. Empty: nobody.
 * The others are asked only where the one before them cannot answer at all.
 *
 * @param at ms since 1970. What a layer says is counted in whole ms of the schedule's own clock.
 */
export function turnsAt(schedule: Schedule, at: number): readonly Turn[] {
  if (!schedule.enabled) return [];
  const wall = wallTime(at, schedule.timeZone);
  const overriding = schedule.overrides.flatMap(({ userId, from, until }, index): readonly Turn[] =>
    Date.parse(from) <= at && at < Date.parse(until) ? [{ userId, by: 'override', index }] : [],
  );
  const layered = schedule.layers.flatMap((layer, index): readonly Turn[] => {
    const userId = turnOf(layer, wall);
    return userId === null ? [] : [{ userId, by: 'layer', index }];
  });
  return [...overriding, ...layered];
}

/** Whose turn it is in a layer; null: the layer has nobody at this time. */
function turnOf(
  { people, startsAt, rotationDays, rotationHours = 0, weekdays, hours }: Layer,
  wall: number,
): string | null {
  const start = Date.parse(`${startsAt}Z`);
  const lengthMs = rotationDays === undefined ? rotationHours * HOUR_MS : rotationDays * DAY_MS;
  if (wall < start || lengthMs === 0) return null;
  if (hours !== undefined && !isWithin(hours, wall)) return null;
  // A night belongs to the day on which it begins.
  const begun = hours !== undefined && isAfterMidnight(hours, wall) ? wall - DAY_MS : wall;
  if (weekdays !== undefined && !weekdays.some((day) => day === weekdayOf(begun))) return null;
  return people[Math.floor((wall - start) / lengthMs) % people.length] ?? null;
}

function weekdayOf(wall: number): string | undefined {
  return WEEKDAYS[(Math.floor(wall / DAY_MS) + FIRST_WEEKDAY) % WEEKDAYS.length];
}

type Hours = NonNullable<Layer['hours']>;

/** From the first to the second, past midnight where that is earlier. */
function isWithin({ from, until }: Hours, wall: number): boolean {
  const time = timeOfDay(wall);
  const [begin, end] = [timeOf(from), timeOf(until)];
  return begin < end ? begin <= time && time < end : time >= begin || time < end;
}

/** Whether hours that go past midnight have done so. */
function isAfterMidnight({ from, until }: Hours, wall: number): boolean {
  return timeOf(until) < timeOf(from) && timeOfDay(wall) < timeOf(until);
}

function timeOfDay(wall: number): number {
  return ((wall % DAY_MS) + DAY_MS) % DAY_MS;
}

function timeOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * HOUR_MS + minutes * MINUTE_MS;
}
