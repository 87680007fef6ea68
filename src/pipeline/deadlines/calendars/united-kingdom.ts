import type { HolidayCalendar } from '../holidays.ts';
import { days } from './days-of-year.ts';

/** Bank holidays, with the days that stand in for those on a weekend. */
export const UNITED_KINGDOM: HolidayCalendar = {
  id: 'uk-england-wales',
  name: 'England and Wales, bank holidays',
  source: 'Banking and Financial Dealings Act 1971',
  verifiedOn: '2026-11-21',
  years: {
    '2025': days('2025', '01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26'),
    // Boxing Day is a Saturday.
    '2026': days('2026', '01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28'),
    // Christmas is a Saturday, Boxing Day a Sunday.
    '2027': days('2027', '01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28'),
    // New Year's Day is a Saturday.
    '2028': days('2028', '01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26'),
  },
};
