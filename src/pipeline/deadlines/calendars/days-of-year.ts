/** Dates of one year from their months and days: `days('2026', '01-01 12-25')`. */
export function days(year: string, monthDays: string): readonly string[] {
  return monthDays.split(' ').map((monthDay) => `${year}-${monthDay}`);
}
