import { offsetsOf } from '../guards/time-zone-offsets.ts';
import type { ClockBasis } from './due.ts';
import type { HolidayCalendar } from './holidays.ts';
import type { Offsets } from './local-time.ts';
import type { DeadlineRule, Relief } from './rule.ts';

/** By zone: it takes long to ask for all changes of one. There are as many as there are zones. */
const OFFSETS = new Map<string, Offsets>();

/** What an organisation sets for a rule; absent: as the rule has it. */
export interface RuleOptions {
  /** Of its own authority: a name of the time-zone database. */
  readonly timeZone?: string;
  /** The holidays of its own authority. */
  readonly calendar?: string;
  /** Its own aims, in hours, by stage. */
  readonly targetHours?: { readonly [stage: string]: number };
}

/** What a clock of this rule counts by from now on; null when there is no such calendar. Asks the engine for the changes of the zone's clocks. */
export function basisOf(
  rule: DeadlineRule,
  calendars: readonly HolidayCalendar[],
  options: RuleOptions = {},
  reliefs: readonly Relief[] = rule.reliefs.filter(({ enabled }) => enabled).map(({ kind }) => kind),
): ClockBasis | null {
  const { timeZone = rule.timeZone, calendar: named = rule.calendar, targetHours = {} } = options;
  const calendar = named === null ? null : calendars.find(({ id }) => id === named);
  if (calendar === undefined) return null;
  return { rule, timeZone, offsets: changesOf(timeZone), calendar, reliefs, targets: targetHours };
}

function changesOf(timeZone: string): Offsets {
  const known = OFFSETS.get(timeZone);
  if (known !== undefined) return known;
  const offsets = offsetsOf(timeZone);
  OFFSETS.set(timeZone, offsets);
  return offsets;
}
