import { html, type Html } from './html.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A time as everybody reads it alike: UTC, to the second. Null is nothing. */
export function shownAt(time: string | null): Html | null {
  if (time === null) return null;
  return html`<time datetime="${time}">${time.slice(0, 10)} ${time.slice(11, 19)} UTC</time>`;
}

/** How long until `end`, in the largest unit that fits twice; never in the future of what is left. */
export function timeLeft(end: number, now: number): string {
  const left = end - now;
  if (left <= 0) return 'no time left';
  if (left < MINUTE_MS) return `${Math.ceil(left / 1_000)} seconds left`;
  if (left < 2 * HOUR_MS) return counted(Math.floor(left / MINUTE_MS), 'minute');
  if (left < 2 * DAY_MS) return counted(Math.floor(left / HOUR_MS), 'hour');
  return counted(Math.floor(left / DAY_MS), 'day');
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'} left`;
}
