import { addBusinessDays, businessDaysBetween, isBusinessDay, isNoHolidays, nextBusinessDay } from './holidays.ts';
import type { HolidayCalendar, NoHolidays } from './holidays.ts';
import { addMonths, dayOf, instantOf, localOf, yearOf, type Day, type Offsets } from './local-time.ts';
import type { Count, Relief } from './rule.ts';

/** By what an end is counted: all of it is data that a running clock keeps. */
export interface CountBasis {
  readonly offsets: Offsets;
  /** Null where nothing that is counted asks for holidays. */
  readonly calendar: HolidayCalendar | null;
  /** When a last day ends, in minutes after its local midnight. */
  readonly dayEndsAt: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const NOON_MINUTE = 720;
/** Periods from this length on have to contain two working days (Reg. 1182/71 Art. 3(5): "two days or more"), in hours. */
const TWO_DAYS_HOURS = 48;
/** What that article asks for. */
const WORKING_DAYS = 2;

/** When a period ends that begins at `from`, ms since 1970; or which holidays are not known. */
export function endOf(basis: CountBasis, from: number, count: Count): number | NoHolidays {
  if (count.unit === 'hours') return from + count.amount * HOUR_MS;
  const { day } = localOf(basis.offsets, from);
  const last = lastDay(basis, day, count);
  return isNoHolidays(last) ? last : instantOf(basis.offsets, last, basis.dayEndsAt);
}

function lastDay(basis: CountBasis, day: Day, count: Exclude<Count, { unit: 'hours' }>): Day | NoHolidays {
  switch (count.unit) {
    case 'days':
      return day + count.amount - (count.firstDayCounts === true ? 1 : 0);
    case 'months':
      return addMonths(day, count.amount);
    case 'business-days':
      return basis.calendar === null
        ? { calendar: 'none', year: yearOf(day) }
        : addBusinessDays(basis.calendar, day, count.amount);
    case 'days-after-year-end':
      return dayOf(yearOf(day), 12, 31) + count.amount;
    default:
      return count;
  }
}

/** Where a relief moves the end of a period, never earlier; `end` itself where it does not apply. */
export function relieved(
  basis: CountBasis,
  relief: Relief,
  period: { readonly from: number; readonly end: number; readonly count: Count },
): number | NoHolidays {
  const { calendar } = basis;
  if (calendar === null) return { calendar: 'none', year: yearOf(localOf(basis.offsets, period.end).day) };
  const moved = movedBy(basis, calendar, relief, period);
  return isNoHolidays(moved) ? moved : Math.max(period.end, moved);
}

function movedBy(
  basis: CountBasis,
  calendar: HolidayCalendar,
  relief: Relief,
  { from, end, count }: Parameters<typeof relieved>[2],
): number | NoHolidays {
  if (relief === 'two-working-days') {
    const isShort = count.unit === 'hours' && count.amount < TWO_DAYS_HOURS;
    return isShort ? end : afterTwoWorkingDays(basis, calendar, from, end);
  }
  // Periods in hours end with their last hour; only a relief made for them moves those.
  if (relief === 'next-working-day' && count.unit === 'hours') return end;
  const lastMinute = localOf(basis.offsets, count.unit === 'hours' ? end : end - 1);
  const works = isBusinessDay(calendar, lastMinute.day);
  if (isNoHolidays(works)) return works;
  if (works) return end;
  const next = nextBusinessDay(calendar, lastMinute.day);
  if (isNoHolidays(next)) return next;
  return instantOf(basis.offsets, next, relief === 'noon-next-working-day' ? NOON_MINUTE : basis.dayEndsAt);
}

/**
 * Where the second working day comes too late, the period ends on it, at the same time of day. A day counts when any part of it lies in
 * the period: of the readings of the article the one that gives the least time.
 */
function afterTwoWorkingDays(
  basis: CountBasis,
  calendar: HolidayCalendar,
  from: number,
  end: number,
): number | NoHolidays {
  const first = localOf(basis.offsets, from).day;
  const last = localOf(basis.offsets, end - 1);
  const counted = businessDaysBetween(calendar, first, last.day);
  if (isNoHolidays(counted)) return counted;
  if (counted >= WORKING_DAYS) return end;
  const second = addBusinessDays(calendar, last.day, WORKING_DAYS - counted);
  if (isNoHolidays(second)) return second;
  // By its last millisecond, so that midnight is the end of a day and not the start of the next.
  return instantOf(basis.offsets, second, last.minute) + ((end - 1) % MINUTE_MS) + 1;
}
