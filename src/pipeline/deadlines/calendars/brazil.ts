import type { HolidayCalendar } from '../holidays.ts';
import { days } from './days-of-year.ts';

/** National holidays. Carnival and Corpus Christi are optional there and not in it: without them a deadline is earlier, never later. */
export const BRAZIL: HolidayCalendar = {
  id: 'br-national',
  name: 'Brazil, national holidays',
  source: 'Leis 662/1949, 6.802/1980, 9.093/1995, 14.759/2023',
  verifiedOn: '2026-11-21',
  years: {
    '2025': days('2025', '01-01 04-18 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25'),
    '2026': days('2026', '01-01 04-03 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25'),
    '2027': days('2027', '01-01 03-26 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25'),
    '2028': days('2028', '01-01 04-14 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25'),
  },
};
