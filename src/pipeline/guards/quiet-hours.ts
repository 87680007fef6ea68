import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import type { ActionType } from '../vocabulary.ts';
import { quietMinutesFrom, type QuietHours, type QuietWindow } from './quiet-until.ts';
import { isTimeZone, offsetsOf } from './time-zone-offsets.ts';

const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;
const DAY_MINUTES = 1_440;
/** Most windows: a few for each day of the week. */
const MAX_WINDOWS = 28;
/** Longest time without an end, in minutes: a long weekend. What waits longer than that is not quiet but switched off. */
const MAX_QUIET_MINUTES = 4 * DAY_MINUTES;
/** The farthest time zones, in minutes from UTC: the Line Islands, and Baker Island. */
const MAX_OFFSET_MINUTES = 14 * 60;
const MIN_OFFSET_MINUTES = -12 * 60;

/**
 * What may wait for the morning at all. Whatever keeps an attacker out, keeps evidence, asks somebody or tells an analyst never
 * does.
 */
export const MAY_WAIT: readonly ActionType[] = [
  'CUSTOM_WEBHOOK',
  'DEVICE_DEREGISTER',
  'FORCE_PASSWORD_RESET',
  'IPWHITELIST_ADD',
  'USER_NOTIFICATION',
];

const DOCUMENT = z.strictObject({
  windows: z
    .array(
      z.strictObject({
        days: z.array(z.enum(DAYS)).min(1).max(DAYS.length),
        from: z
          .int()
          .min(0)
          .max(DAY_MINUTES - 1),
        to: z.int().min(0).max(DAY_MINUTES),
      }),
    )
    .max(MAX_WINDOWS),
  /** A name of the time-zone database; or what has to be added to UTC, the whole year. */
  timeZone: z.string().max(64).refine(isTimeZone, 'is no time zone that is known here, like Europe/Berlin').optional(),
  utcOffsetMinutes: z.int().min(MIN_OFFSET_MINUTES).max(MAX_OFFSET_MINUTES).optional(),
  /** CRITICAL and HIGH never wait. */
  below: z.enum(['MEDIUM', 'HIGH']).default('HIGH'),
  actionTypes: z
    .array(z.enum(MAY_WAIT as [ActionType, ...ActionType[]], `may wait only as one of ${MAY_WAIT.join(', ')}`))
    .max(MAY_WAIT.length)
    .default(['USER_NOTIFICATION']),
});

/** When actions of small incidents wait, and which. */
export type QuietHoursGuard = Readonly<z.infer<typeof DOCUMENT>>;

/** Before anybody has set any, nothing waits. */
export const NEVER_QUIET: QuietHoursGuard = {
  windows: [],
  utcOffsetMinutes: 0,
  below: 'HIGH',
  actionTypes: ['USER_NOTIFICATION'],
};

/** The guard from a JSON value, days and types each once and in their order; or all faults, each with a pointer. */
export function readQuietHours(value: unknown): QuietHoursGuard | { readonly faults: readonly Fault[] } {
  const parsed = DOCUMENT.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  const { timeZone, utcOffsetMinutes, windows, ...rest } = parsed.data;
  const faults: Fault[] = [];
  if ((timeZone === undefined) === (utcOffsetMinutes === undefined))
    faults.push({ pointer: '/timeZone', detail: 'Give timeZone or utcOffsetMinutes, and not both.' });
  for (const [index, { from, to }] of windows.entries())
    if (from === to)
      faults.push({ pointer: `/windows/${index}/to`, detail: 'is when it begins; for a whole day say 0 and 1440.' });
  const longest = longestMinutes(windows.map(asWindow));
  if (longest > MAX_QUIET_MINUTES)
    faults.push({
      pointer: '/windows',
      detail: `It would be quiet for ${longest} minutes on end; at most ${MAX_QUIET_MINUTES}.`,
    });
  if (faults.length > 0) return { faults };
  return {
    windows: windows.map((window) => ({ ...window, days: DAYS.filter((day) => window.days.includes(day)) })),
    ...(timeZone === undefined ? { utcOffsetMinutes: utcOffsetMinutes ?? 0 } : { timeZone }),
    below: rest.below,
    actionTypes: MAY_WAIT.filter((type) => rest.actionTypes.includes(type)),
  };
}

/** As plans hold them; null where nothing ever waits. */
export function quietHoursOf(guard: QuietHoursGuard): QuietHours | null {
  const { windows, timeZone, utcOffsetMinutes = 0, below, actionTypes } = guard;
  if (windows.length === 0 || actionTypes.length === 0) return null;
  const offsets = timeZone === undefined ? [{ since: 0, minutes: utcOffsetMinutes }] : offsetsOf(timeZone);
  return { windows: windows.map(asWindow), offsets, below, actionTypes };
}

function asWindow({ days, from, to }: QuietHoursGuard['windows'][number]): QuietWindow {
  return { days: DAYS.flatMap((day, index) => (days.includes(day) ? [index] : [])), from, to };
}

function longestMinutes(windows: readonly QuietWindow[]): number {
  const starts = windows.flatMap(({ days, from }) => days.map((day) => day * DAY_MINUTES + from));
  return Math.max(0, ...starts.map((start) => quietMinutesFrom(windows, start)));
}
