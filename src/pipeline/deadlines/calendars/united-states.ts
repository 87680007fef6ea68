import type { HolidayCalendar } from '../holidays.ts';
import { days } from './days-of-year.ts';

/**
 * Federal holidays as they are observed (a Saturday's on the Friday before, a Sunday's on the Monday after), on which EDGAR does not
 * work either. Days on which offices were closed by order are not in it: without them a deadline is earlier, never later.
 */
export const UNITED_STATES: HolidayCalendar = {
  id: 'us-federal',
  name: 'United States, federal holidays (SEC and EDGAR)',
  source: '5 U.S.C. 6103',
  verifiedOn: '2026-11-21',
  years: {
    '2025': days('2025', '01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25'),
    '2026': days('2026', '01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25'),
    // New Year's Day of 2028 is a Saturday.
    '2027': days('2027', '01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31'),
    '2028': days('2028', '01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25'),
  },
};
