import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { canonicalAccount } from '../access/identities.ts';
import { faultsOf } from '../playbooks/document.ts';
import { checkJson, type Read } from '../playbooks/plain-json.ts';
import { isTimeZone } from './wall-time.ts';

/** Who is on call when: layers of people who take turns, and overrides for the times that are otherwise. */

/** Most layers, and most people who take turns in one: a schedule that people still read. */
const MAX_LAYERS = 8;
const MAX_PEOPLE = 32;
/** Most overrides: a year of a swap on most days. Those that are over may be taken out. */
const MAX_OVERRIDES = 200;
/** Longest turn: a year, in hours and in days. */
const MAX_ROTATION_DAYS = 366;
const DAY_HOURS = 24;

/** Ids stand in gates as `oncall:<id>`, so that they look the same in any case. */
export const SCHEDULE_ID = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    'is of a-z, 0-9, - and _, at most 64 characters, and begins with a letter or digit',
  );

export const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

const text = z.string().trim().min(1).max(200);
const person = text.transform(canonicalAccount);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is a time of the day, for example 09:00');
const instant = z.iso
  .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
  .transform((time) => new Date(time).toISOString());

const LAYER = z.strictObject({
  name: text.optional(),
  /** In the order of their turns; one person is always on call. */
  people: z.array(person).min(1).max(MAX_PEOPLE),
  /** When the first turn begins, and with it the time of the handover, in the schedule's own zone. */
  startsAt: z.iso
    .datetime({ local: true, error: 'is a local time without a zone, for example 2026-01-05T09:00:00' })
    .refine((time) => !time.endsWith('Z'), 'is in the zone of the schedule: leave the Z out'),
  rotationDays: z.int().min(1).max(MAX_ROTATION_DAYS).optional(),
  rotationHours: z
    .int()
    .min(1)
    .max(MAX_ROTATION_DAYS * DAY_HOURS)
    .optional(),
  /** Only on these days. */
  weekdays: z.array(z.enum(WEEKDAYS)).min(1).max(WEEKDAYS.length).optional(),
  /** Only at these hours; may go past midnight, and belong to the day on which they begin then. */
  hours: z.strictObject({ from: timeOfDay, until: timeOfDay }).optional(),
});

const OVERRIDE = z.strictObject({
  userId: person,
  from: instant,
  until: instant,
  reason: z.string().trim().min(1).max(MAX_TEXT_LENGTH).optional(),
});

const SCHEDULE = z.strictObject({
  name: text,
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  /** A zone of the IANA database. */
  timeZone: text.default('UTC'),
  /** The first of them that has somebody at a time says who is on call. */
  layers: z.array(LAYER).min(1).max(MAX_LAYERS),
  /** Before all layers. */
  overrides: z.array(OVERRIDE).max(MAX_OVERRIDES).default([]),
  /** Out of use: nobody is on call by it. */
  enabled: z.boolean().default(true),
});

export type Schedule = Readonly<z.output<typeof SCHEDULE>>;
export type Layer = Schedule['layers'][number];

const KNOWN = {
  '': Object.keys(SCHEDULE.shape),
  '/layers': Object.keys(LAYER.shape),
  '/overrides': Object.keys(OVERRIDE.shape),
};

/** A schedule from a JSON value with defaults filled in and ids of users in canonical form; or all faults, each with a pointer. */
export function readSchedule(value: unknown): Read<Schedule> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = SCHEDULE.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const faults = [...zoneFaults(parsed.data), ...layerFaults(parsed.data), ...overrideFaults(parsed.data)];
  return faults.length > 0 ? { faults } : { value: parsed.data };
}

function zoneFaults({ timeZone }: Schedule): readonly Fault[] {
  if (isTimeZone(timeZone)) return [];
  return [{ pointer: '/timeZone', detail: `${timeZone} is no zone that is known here; Europe/Berlin and UTC are.` }];
}

function layerFaults({ layers }: Schedule): readonly Fault[] {
  return layers.flatMap(({ rotationDays, rotationHours, hours }, index) => {
    const at = `/layers/${index}`;
    const lengths = [rotationDays, rotationHours].filter((length) => length !== undefined).length;
    return [
      ...(lengths === 1
        ? []
        : [
            {
              pointer: `${at}/rotationDays`,
              detail: 'Give one of rotationDays and rotationHours: how long a turn is.',
            },
          ]),
      ...(hours?.from === hours?.until && hours !== undefined
        ? [{ pointer: `${at}/hours/until`, detail: 'Nobody would be on call; leave hours out for the whole day.' }]
        : []),
    ];
  });
}

function overrideFaults({ overrides }: Schedule): readonly Fault[] {
  const backwards = overrides.flatMap(({ from, until }, index) =>
    from < until ? [] : [{ pointer: `/overrides/${index}/until`, detail: 'It ends before it begins.' }],
  );
  const overlapping = overrides.flatMap(({ from, until }, index) => {
    const other = overrides.findIndex((each, place) => place < index && each.from < until && from < each.until);
    if (other === -1) return [];
    return [{ pointer: `/overrides/${index}`, detail: `It overlaps with /overrides/${other}: one person is on call.` }];
  });
  return [...backwards, ...overlapping];
}
