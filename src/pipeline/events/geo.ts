import type { Geo } from './event.ts';
import { boundOptional, MAX_NAME_LENGTH } from './text.ts';

/** Radius around coordinates that came without one, in metres (Okta's own example; city data is no better). */
export const DEFAULT_RADIUS_M = 20_000;

/** Largest radius that is believed, in metres: half the circumference of the earth. */
const MAX_RADIUS_M = 20_037_508;

/** The place fields of an event, as they came. */
export interface GeoFields {
  readonly lat?: unknown;
  readonly lon?: unknown;
  readonly country?: string | null;
  readonly city?: string | null;
  readonly radiusM?: number | null;
}

/**
 * The place an event claims, or null when it says nothing usable. Coordinates are numbers, or texts that are plainly
 * numbers; out of range, alone, or both zero they count as missing. A country is two letters; a name is not turned
 * into a code. Never invented: a country alone has no coordinates.
 */
export function readGeo(fields: GeoFields): Geo | null {
  const latMicro = microDegrees(fields.lat, 90);
  const lonMicro = microDegrees(fields.lon, 180);
  const placed = latMicro !== null && lonMicro !== null && (latMicro !== 0 || lonMicro !== 0);
  const country = /^[a-z]{2}$/i.test(fields.country ?? '') ? (fields.country ?? '').toUpperCase() : null;
  const city = boundOptional(fields.city, MAX_NAME_LENGTH);
  if (!placed && country === null && city === null) return null;
  return {
    latMicro: placed ? latMicro : null,
    lonMicro: placed ? lonMicro : null,
    radiusM: radius(fields.radiusM ?? null),
    country,
    city,
    from: 'event',
  };
}

/** Degrees as millionths, or null when it is no number within ±`limit`. */
export function microDegrees(value: unknown, limit: number): number | null {
  const numeric = typeof value === 'string' && /^-?\d{1,3}(?:\.\d{1,20})?$/.test(value) ? Number(value) : value;
  if (typeof numeric !== 'number' || !(Math.abs(numeric) <= limit)) return null;
  // Adding zero turns a rounded -0 into 0, which records write as one.
  return Math.round(numeric * 1_000_000) + 0;
}

function radius(metres: number | null): number {
  return metres !== null && Number.isSafeInteger(metres) && metres > 0 && metres <= MAX_RADIUS_M
    ? metres
    : DEFAULT_RADIUS_M;
}
