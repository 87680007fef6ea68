import { DEDUPE_HORIZON_MS, MAX_CLOCK_SKEW_MS } from '../../platform/limits.ts';
import { boundText } from './text.ts';

/** What a time field said: `at` in ms since 1970 UTC or null, and the text it came as (null when it was missing). */
export interface TimeReading {
  readonly at: number | null;
  readonly claimed: string | null;
}

/** The time of an event after it was checked against the clock that received it. */
export interface EventTime {
  readonly time: number;
  readonly timeQuality: 'event' | 'ingest';
  readonly claimedTime?: string;
}

export const NO_TIME: TimeReading = { at: null, claimed: null };

/** 2000-01-01 and 2100-01-01 UTC. A number outside is in another unit, or nonsense. */
export const MIN_EVENT_TIME_MS = 946_684_800_000;
export const MAX_EVENT_TIME_MS = 4_102_444_800_000;

/** Longest text of a time, in characters: RFC 3339 with nine digits of fraction and an offset has 35. */
const MAX_TIME_LENGTH = 64;

/** A date and a time with a zone. Without a zone the moment is unknown by up to a day, so it is not read. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))$/;

/** Reads RFC 3339 with a zone; fractions are cut to ms (`.12` is 120 ms). Anything else, and what lies after 2100, is unreadable. */
export function readRfc3339(value: unknown): TimeReading {
  if (typeof value !== 'string') return unreadable(value);
  const text = value.trim();
  if (text === '') return NO_TIME;
  const match = text.length > MAX_TIME_LENGTH ? null : RFC3339.exec(text);
  return { at: match === null ? null : momentOf(match), claimed: claim(text) };
}

/** Reads milliseconds since 1970, as a number or digits; outside 2000 to 2100 (seconds, say) it is unreadable. */
export function readEpochMs(value: unknown): TimeReading {
  return readEpoch(value, 1);
}

/** Reads seconds since 1970, with or without a fraction. */
export function readEpochSeconds(value: unknown): TimeReading {
  return readEpoch(value, 1000);
}

/** The first reading that gives a moment, else the first that says anything. */
export function firstReadable(...readings: readonly TimeReading[]): TimeReading {
  return readings.find((each) => each.at !== null) ?? readings.find((each) => each.claimed !== null) ?? NO_TIME;
}

/**
 * Decides what is believed. A missing, unreadable or future time (beyond `MAX_CLOCK_SKEW_MS`) leaves the time of
 * receipt, marked `ingest`, with the claim beside it. `too_old` when it is older than `DEDUPE_HORIZON_MS`: its id may
 * already be forgotten, so that it could be counted twice.
 */
export function judgeTime(reading: TimeReading, receivedAt: number): EventTime | 'too_old' {
  const { at, claimed } = reading;
  if (at === null || at > receivedAt + MAX_CLOCK_SKEW_MS) {
    return { time: receivedAt, timeQuality: 'ingest', ...(claimed === null ? {} : { claimedTime: claimed }) };
  }
  return at < receivedAt - DEDUPE_HORIZON_MS ? 'too_old' : { time: at, timeQuality: 'event' };
}

function readEpoch(value: unknown, unitMs: number): TimeReading {
  const digits = typeof value === 'string' && /^\d{1,15}(?:\.\d{1,9})?$/.test(value.trim());
  if (typeof value !== 'number' && !digits) return unreadable(value);
  const at = Math.round(Number(value) * unitMs);
  return { at: inRange(at) ? at : null, claimed: claim(String(value)) };
}

function momentOf(match: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return null;
  const fraction = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const local = Date.UTC(year, month - 1, day, hour, minute, second, fraction);
  // `Date.UTC` carries an impossible day over into the next month.
  if (new Date(local).getUTCDate() !== day) return null;
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (offsetHour > 23 || offsetMinute > 59) return null;
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000;
  const at = match[8] === '-' ? local + offsetMs : local - offsetMs;
  // A date that is written out has no unit to mistake: one from 1970 is old, and refused as such.
  return at < MAX_EVENT_TIME_MS ? at : null;
}

function inRange(at: number): boolean {
  return at >= MIN_EVENT_TIME_MS && at < MAX_EVENT_TIME_MS;
}

function unreadable(value: unknown): TimeReading {
  if (typeof value === 'string' && value.trim() !== '') return { at: null, claimed: claim(value.trim()) };
  return typeof value === 'number' ? { at: null, claimed: claim(String(value)) } : NO_TIME;
}

function claim(text: string): string {
  return boundText(text, MAX_TIME_LENGTH);
}
