import { sha256Hex } from '../../platform/hash.ts';
import type { Event, Geo } from '../events/event.ts';
import type { DetectionContext, Rule } from './detector.ts';
import { parseRule } from './rules.ts';

/** Builders for the tests of this folder. 2026-11-02 was a Monday. */
export const T0 = Date.UTC(2026, 10, 2, 9, 0, 0);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

let counter = 0;

/** A successful login of alice from nowhere in particular; each call has an id of its own. */
export function eventOf(given: Partial<Event> = {}): Event {
  counter += 1;
  const id = given.id ?? `e${counter}`;
  const time = given.time ?? T0;
  return {
    id,
    weakId: false,
    source: 'test',
    mapping: 'firebreak/1',
    time,
    receivedAt: time,
    timeQuality: 'event',
    kind: 'login',
    action: 'login',
    outcome: 'success',
    subject: { type: 'user', id: 'alice' },
    actor: { id: 'alice' },
    ip: '81.2.69.142',
    ipClass: 'public',
    ipNormalised: false,
    asn: null,
    proxy: null,
    geo: null,
    userAgent: null,
    device: null,
    session: null,
    mfa: null,
    target: null,
    risk: null,
    attributes: {},
    rawHash: sha256Hex(id),
    ...given,
  };
}

export function user(id: string): Event['subject'] {
  return { type: 'user', id };
}

/** A place with a radius of 20 km. */
export function placeAt(latitude: number, longitude: number, city: string, country: string): Geo {
  return {
    latMicro: Math.round(latitude * 1_000_000),
    lonMicro: Math.round(longitude * 1_000_000),
    radiusM: 20_000,
    country,
    city,
    from: 'event',
  };
}

export const PLACES = {
  london: placeAt(51.5074, -0.1278, 'London', 'GB'),
  paris: placeAt(48.8566, 2.3522, 'Paris', 'FR'),
  lyon: placeAt(45.764, 4.8357, 'Lyon', 'FR'),
  newYork: placeAt(40.7128, -74.006, 'New York', 'US'),
  tokyo: placeAt(35.6762, 139.6503, 'Tokyo', 'JP'),
} as const;

export const NO_EGRESS: DetectionContext = { egressLabel: () => null };

/** A rule with its defaults filled in. */
export function ruleOf(ruleType: Rule['ruleType'], conditions: Readonly<Record<string, unknown>> = {}): Rule {
  const parsed = parseRule({ ruleId: `rule_${ruleType.toLowerCase()}`, ruleType, conditions });
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule;
}
