import type { QuietHours } from './quiet-until.ts';

/** For which time changes of the clocks are looked up, ms since 1970: after it the last offset stays, until a later version knows more. */
const FROM = Date.UTC(2025, 0, 1);
const TO = Date.UTC(2045, 0, 1);
const MINUTE_MS = 60_000;
/** Between two looks, in ms: no zone has ever had two changes within it that cancel each other out. */
const STEP_MS = 7 * 24 * 3_600_000;

/** Whether this engine knows the zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** Every change of a zone's clocks, as data: what decides never asks a calendar, so that it decides the same everywhere and later. */
export function offsetsOf(timeZone: string): QuietHours['offsets'] {
  const format = formatOf(timeZone);
  const offsets = [{ since: 0, minutes: offsetMinutes(format, FROM) }];
  for (let at = FROM; at < TO; at += STEP_MS) {
    const next = Math.min(TO, at + STEP_MS);
    const minutes = offsetMinutes(format, next);
    if (minutes !== offsetMinutes(format, at)) offsets.push({ since: changeBetween(format, at, next), minutes });
  }
  return offsets;
}

/** The first minute with another offset than at `from`, where there is one at `to`. */
function changeBetween(format: Intl.DateTimeFormat, from: number, to: number): number {
  const before = offsetMinutes(format, from);
  let [same, other] = [from / MINUTE_MS, to / MINUTE_MS];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (offsetMinutes(format, middle * MINUTE_MS) === before) same = middle;
    else other = middle;
  }
  return other * MINUTE_MS;
}

function offsetMinutes(format: Intl.DateTimeFormat, at: number): number {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return Math.round((local - at) / MINUTE_MS);
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}
