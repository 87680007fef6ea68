import { expect } from 'vitest';
import type { Event, EventFormat } from './event.ts';
import { normaliseEvent, type Normalised } from './normalise-event.ts';

/** For tests only: the clock of all fixtures, 2026-03-02 09:00:00 UTC. */
export const RECEIVED_AT = Date.UTC(2026, 2, 2, 9, 0, 0);

/** For tests only: a time that is believed, half an hour before `RECEIVED_AT`. */
export const RECENT = '2026-03-02T08:30:00.000Z';
export const RECENT_MS = RECEIVED_AT - 30 * 60_000;

/** For tests only: normalises JSON as if it had come as its own compact text. */
export function normalised(format: EventFormat | null, json: unknown, receivedAt = RECEIVED_AT): Normalised {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return normaliseEvent({ bytes, json }, { format, source: 'test:acme', receivedAt });
}

/** For tests only: the event of a fixture that must be accepted. */
export function eventOf(format: EventFormat | null, json: unknown, receivedAt = RECEIVED_AT): Event {
  const result = normalised(format, json, receivedAt);
  expect(result).toMatchObject({ ok: true });
  if (!result.ok) throw new Error(result.reason);
  return result.event;
}
