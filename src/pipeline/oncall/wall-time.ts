/**
 * What a clock on the wall of a zone shows, as milliseconds: those that a clock in UTC would have to show the same. Turns change at
 * nine in the morning, in summer as in winter, so they are counted by this. An hour that a zone repeats in autumn counts twice, one
 * that it leaves out in spring not at all. Not for the core: engines know different zones (see ADR 0025).
 */
export function wallTime(at: number, timeZone: string): number {
  if (timeZone === 'UTC') return at;
  const parts = formatOf(timeZone).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((each) => each.type === type)?.value ?? 0);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/** Whether this engine knows the zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false; // RangeError: the only thing that it throws
  }
}

/** Formats by zone: one takes long to make. There are as many as there are zones. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  FORMATS.set(timeZone, format);
  return format;
}
