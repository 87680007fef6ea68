import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { isTimeZone } from '../guards/time-zone-offsets.ts';
import { ROLES } from '../vocabulary.ts';
import { BUILTIN_CALENDARS } from './calendars/builtin.ts';
import type { HolidayCalendar } from './holidays.ts';
import { parseDate } from './local-time.ts';
import { ANSWERS, ORGANISATION_QUESTIONS } from './questions.ts';
import type { RuleOptions } from './basis.ts';
import type { Reminders } from './reminders.ts';
import { BUILTIN_RULES } from './rules/builtin.ts';

/** Calendars of an organisation: one for each authority that it answers to, and some to spare. */
const MAX_CALENDARS = 30;
/** Years of one calendar. */
const MAX_YEARS = 20;
/** Holidays of a year: no country has half as many. */
const MAX_HOLIDAYS = 80;
/** Reminders of a stage. */
const MAX_FRACTIONS = 9;
/** People who are named for reminders beside the roles. */
const MAX_PEOPLE = 50;
/** Longest own aim where a text names no hours: 90 days. */
const MAX_TARGET_HOURS = 2_160;

const CALENDAR_ID = z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'holds lower-case letters, digits and - only');
const YEAR = z.string().regex(/^20\d\d$/, 'is a year of this century');
const DATE = z.string().refine((date) => parseDate(date) !== null, 'is no day, written as 2026-12-25');

const CALENDAR = z.strictObject({
  name: z.string().trim().min(1).max(120),
  source: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
  verifiedOn: DATE,
  years: z
    .record(YEAR, z.array(DATE).max(MAX_HOLIDAYS))
    .refine((years) => Object.keys(years).length <= MAX_YEARS, `has at most ${MAX_YEARS} years`),
});

const OPTIONS = z.strictObject({
  timeZone: z.string().max(64).refine(isTimeZone, 'is no time zone that is known here, like Europe/Berlin').optional(),
  calendar: CALENDAR_ID.optional(),
  targetHours: z.record(z.string().max(60), z.int().min(1).max(MAX_TARGET_HOURS)).optional(),
});

const DOCUMENT = z.strictObject({
  answers: z.record(z.string().max(60), z.enum(ANSWERS)).default({}),
  rules: z.record(z.string().max(80), OPTIONS).default({}),
  calendars: z.record(CALENDAR_ID, CALENDAR).default({}),
  reminders: z
    .strictObject({
      fractions: z.array(z.int().min(1).max(999)).min(1).max(MAX_FRACTIONS).default([500, 750, 900]),
      roles: z.array(z.enum(ROLES)).max(ROLES.length).default(['COMPLIANCE_OFFICER', 'LEGAL']),
      userIds: z.array(z.string().min(1).max(200)).max(MAX_PEOPLE).default([]),
      overrunRoles: z.array(z.enum(ROLES)).max(ROLES.length).default(['CISO', 'IR_LEAD', 'SECURITY_ADMIN']),
    })
    .prefault({}),
});

/** What an organisation says of itself and of how it wants its clocks kept. */
export interface DeadlineSettings {
  readonly answers: { readonly [question: string]: (typeof ANSWERS)[number] };
  readonly rules: { readonly [rule: string]: RuleOptions };
  readonly calendars: { readonly [id: string]: Omit<HolidayCalendar, 'id'> };
  readonly reminders: Reminders;
}

/** Before anybody has set any: every question is open. */
export const FIRST_SETTINGS: DeadlineSettings = {
  answers: {},
  rules: {},
  calendars: {},
  reminders: {
    fractions: [500, 750, 900],
    roles: ['COMPLIANCE_OFFICER', 'LEGAL'],
    userIds: [],
    overrunRoles: ['CISO', 'IR_LEAD', 'SECURITY_ADMIN'],
  },
};

/** The settings from a JSON value; or all faults, each with a pointer. */
export function readSettings(value: unknown): DeadlineSettings | { readonly faults: readonly Fault[] } {
  const parsed = DOCUMENT.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  // zod marks absent members as undefined, canonical JSON drops them; the rest is the type.
  const settings = parsed.data as unknown as DeadlineSettings;
  const faults = [...answerFaults(settings), ...ruleFaults(settings), ...calendarFaults(settings)];
  if (faults.length > 0) return { faults };
  const { fractions, roles, overrunRoles, userIds } = settings.reminders;
  const reminders = {
    fractions: [...new Set(fractions)].sort((left, right) => left - right),
    roles: ROLES.filter((role) => roles.includes(role)),
    userIds: [...new Set(userIds)].sort(),
    overrunRoles: ROLES.filter((role) => overrunRoles.includes(role)),
  };
  if (reminders.roles.length === 0 && reminders.userIds.length === 0)
    return { faults: [{ pointer: '/reminders/roles', detail: 'Somebody has to be told: name a role or a person.' }] };
  return { ...settings, reminders };
}

function answerFaults({ answers }: DeadlineSettings): readonly Fault[] {
  const known = ORGANISATION_QUESTIONS.map(({ id }) => id);
  return Object.keys(answers)
    .filter((id) => !known.includes(id))
    .map((id) => ({ pointer: `/answers/${id}`, detail: `is no question; there are ${known.join(', ')}` }));
}

function ruleFaults({ rules, calendars }: DeadlineSettings): readonly Fault[] {
  return Object.entries(rules).flatMap(([id, { calendar, targetHours = {} }]) => {
    const rule = BUILTIN_RULES.find((each) => each.id === id);
    if (rule === undefined)
      return [{ pointer: `/rules/${id}`, detail: 'is no rule; GET /api/deadline-rules lists them' }];
    const aims = rule.stages.filter(({ target }) => target !== undefined).map((stage) => stage.id);
    const unknown = Object.keys(targetHours).filter((stage) => !aims.includes(stage));
    const isKnown = calendar === undefined || calendarsOf({ calendars }).some((each) => each.id === calendar);
    return [
      ...unknown.map((stage) => ({
        pointer: `/rules/${id}/targetHours/${stage}`,
        detail: `is no stage without hours of its own; there are ${aims.join(', ') || 'none'}`,
      })),
      ...(isKnown ? [] : [{ pointer: `/rules/${id}/calendar`, detail: `is no calendar: make it under /calendars` }]),
    ];
  });
}

function calendarFaults({ calendars }: DeadlineSettings): readonly Fault[] {
  const faults: Fault[] = [];
  if (Object.keys(calendars).length > MAX_CALENDARS)
    faults.push({ pointer: '/calendars', detail: `At most ${MAX_CALENDARS} calendars` });
  for (const [id, { years }] of Object.entries(calendars)) {
    if (BUILTIN_CALENDARS.some((each) => each.id === id))
      faults.push({ pointer: `/calendars/${id}`, detail: 'is the name of a calendar that is here already' });
    for (const [year, dates] of Object.entries(years))
      for (const [index, date] of dates.entries())
        if (!date.startsWith(`${year}-`))
          faults.push({ pointer: `/calendars/${id}/years/${year}/${index}`, detail: `is no day of ${year}` });
  }
  return faults;
}

/** All calendars that a rule may name. */
export function calendarsOf({ calendars }: Pick<DeadlineSettings, 'calendars'>): readonly HolidayCalendar[] {
  return [...BUILTIN_CALENDARS, ...Object.entries(calendars).map(([id, calendar]) => ({ id, ...calendar }))];
}
