import type { HolidayCalendar } from '../holidays.ts';
import { days } from './days-of-year.ts';

const YEAR_END = '12-24 12-25 12-26 12-27 12-28 12-29 12-30 12-31';

/**
 * What is a holiday in all member states. The holidays that count are those of the state of the authority (Reg. 1182/71 Art. 2(1)):
 * until an organisation names that state's calendar, this one never gives more time than any of them.
 */
export const EU_COMMON: HolidayCalendar = {
  id: 'eu-common',
  name: 'Holidays of all member states of the European Union',
  source: 'Regulation (EEC, Euratom) 1182/71, Art. 2(1); the days that every member state has',
  verifiedOn: '2026-11-21',
  years: {
    '2025': days('2025', '01-01 12-25'),
    '2026': days('2026', '01-01 12-25'),
    '2027': days('2027', '01-01 12-25'),
    '2028': days('2028', '01-01 12-25'),
  },
};

/**
 * Days on which the institutions themselves do not work, as far as they are the same each year. For what is owed to an institution, not
 * to an authority of a member state.
 */
export const EU_INSTITUTIONS: HolidayCalendar = {
  id: 'eu-institutions',
  name: 'Institutions of the European Union',
  source:
    'yearly lists of the Commission, as far as they do not change: 2 January, Easter, Ascension, Whit Monday, 24 to 31 December',
  verifiedOn: '2026-11-21',
  years: {
    '2025': days('2025', `01-01 01-02 04-17 04-18 04-21 05-01 05-09 05-29 05-30 06-09 07-21 08-15 ${YEAR_END}`),
    '2026': days('2026', `01-01 01-02 04-02 04-03 04-06 05-01 05-14 05-15 05-25 07-21 ${YEAR_END}`),
    '2027': days('2027', `01-01 03-25 03-26 03-29 05-06 05-07 05-17 07-21 ${YEAR_END}`),
    '2028': days('2028', `04-13 04-14 04-17 05-01 05-09 05-25 05-26 06-05 07-21 08-15 ${YEAR_END}`),
  },
};
