import { getDistance } from 'geolib';
import type { Event } from '../events/event.ts';
import { boundedText } from './observation.ts';

/** A place on a map, in integers: micro-degrees and metres. */
export interface Place {
  readonly latMicro: number;
  readonly lonMicro: number;
  readonly radiusM: number;
  readonly country: string;
  readonly city: string;
  /** Name and build of the database the place was read from, or `event`. */
  readonly from: string;
}

/** Half the circumference of geolib's sphere (radius 6,378,137 m), in metres, rounded up: no distance is longer. */
export const MAX_DISTANCE_M = 20_037_509;

/**
 * The place of an event, or null when there is none to trust: a country alone, an address that is not public, or
 * numbers out of range. A place is never invented from a country.
 */
export function placeOf(event: Event): Place | null {
  const { geo } = event;
  if (geo === null || geo.latMicro === null || geo.lonMicro === null) return null;
  if (event.ipClass !== null && event.ipClass !== 'public') return null;
  if (!isWithin(geo.latMicro, 90_000_000) || !isWithin(geo.lonMicro, 180_000_000)) return null;
  if (geo.latMicro === 0 && geo.lonMicro === 0) return null;
  if (!Number.isSafeInteger(geo.radiusM) || geo.radiusM < 0) return null;
  return {
    latMicro: geo.latMicro,
    lonMicro: geo.lonMicro,
    radiusM: Math.min(geo.radiusM, MAX_DISTANCE_M),
    country: boundedText(geo.country ?? '', 2),
    city: boundedText(geo.city ?? '', 80),
    from: geo.from === 'database' ? boundedText(geo.database ?? 'database', 80) : 'event',
  };
}

/** Great-circle distance in whole metres, or null should the arithmetic ever give something that is no distance. */
export function distanceM(from: Place, to: Place): number | null {
  const distance = getDistance(degrees(from), degrees(to));
  return Number.isFinite(distance) && distance >= 0 && distance <= MAX_DISTANCE_M ? Math.round(distance) : null;
}

/** The cell of about one degree that a place lies in: what "the same place as before" means for a habit. */
export function placeCell(place: Place): string {
  return `${place.country}/${Math.floor(place.latMicro / 1_000_000)}/${Math.floor(place.lonMicro / 1_000_000)}`;
}

/** `London, GB`, or what is known of it. */
export function placeName(place: Place): string {
  const known = [place.city, place.country].filter((part) => part !== '');
  return known.length > 0 ? known.join(', ') : 'an unnamed place';
}

function degrees(place: Place): { readonly latitude: number; readonly longitude: number } {
  return { latitude: place.latMicro / 1_000_000, longitude: place.lonMicro / 1_000_000 };
}

function isWithin(value: number, limit: number): boolean {
  return Number.isSafeInteger(value) && value >= -limit && value <= limit;
}
