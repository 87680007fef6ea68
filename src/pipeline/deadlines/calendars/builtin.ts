import type { HolidayCalendar } from '../holidays.ts';
import { BRAZIL } from './brazil.ts';
import { EU_COMMON, EU_INSTITUTIONS } from './european-union.ts';
import { UNITED_KINGDOM } from './united-kingdom.ts';
import { UNITED_STATES } from './united-states.ts';

/** Calendars that are here without anybody having entered one. An organisation adds those of its own authorities. */
export const BUILTIN_CALENDARS: readonly HolidayCalendar[] = [
  EU_COMMON,
  EU_INSTITUTIONS,
  UNITED_KINGDOM,
  UNITED_STATES,
  BRAZIL,
];
