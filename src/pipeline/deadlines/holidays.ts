import { dateOf, weekdayOf, yearOf, type Day } from './local-time.ts';

/** Which days are no business days, as data: by year, so that a year that nobody has entered is not taken for one without holidays. */
export interface HolidayCalendar {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly verifiedOn: string;
  /** Dates `YYYY-MM-DD` of each year that is known, weekends left out or not. */
  readonly years: { readonly [year: string]: readonly string[] };
}

/** Longest search for a business day, in days: no calendar has a holiday of two months. */
const MAX_SEARCH_DAYS = 62;

/** Why nothing can be counted: the holidays of a year are not known. */
export interface NoHolidays {
  readonly calendar: string;
  readonly year: number;
}

export function isNoHolidays(value: number | boolean | object): value is NoHolidays {
  return typeof value === 'object' && 'year' in value && 'calendar' in value;
}

/** Whether people work on this day; or that nobody can tell, for a weekend as well: a calendar without the year is no basis at all. */
export function isBusinessDay(calendar: HolidayCalendar, day: Day): boolean | NoHolidays {
  const year = yearOf(day);
  const key = String(year);
  const known = Object.hasOwn(calendar.years, key) ? calendar.years[key] : undefined;
  if (known === undefined) return { calendar: calendar.id, year };
  const weekday = weekdayOf(day);
  return weekday !== 0 && weekday !== 6 && !known.includes(dateOf(day));
}

/** The first business day after `day`. */
export function nextBusinessDay(calendar: HolidayCalendar, day: Day): Day | NoHolidays {
  for (let next = day + 1; next <= day + MAX_SEARCH_DAYS; next += 1) {
    const works = isBusinessDay(calendar, next);
    if (isNoHolidays(works)) return works;
    if (works) return next;
  }
  return { calendar: calendar.id, year: yearOf(day + MAX_SEARCH_DAYS) };
}

/** The business day number `amount` after `day`, which itself is not counted. */
export function addBusinessDays(calendar: HolidayCalendar, day: Day, amount: number): Day | NoHolidays {
  let at = day;
  for (let counted = 0; counted < amount; counted += 1) {
    const next = nextBusinessDay(calendar, at);
    if (isNoHolidays(next)) return next;
    at = next;
  }
  return at;
}

/** How many business days there are from `first` to `last`, both counted. */
export function businessDaysBetween(calendar: HolidayCalendar, first: Day, last: Day): number | NoHolidays {
  let counted = 0;
  for (let day = first; day <= last; day += 1) {
    const works = isBusinessDay(calendar, day);
    if (isNoHolidays(works)) return works;
    if (works) counted += 1;
  }
  return counted;
}
