import { open } from 'maxmind';
import { FirebreakError, messageOf } from './errors.ts';

/**
 * Places from a database file in MaxMind's format (GeoIP2, GeoLite2, DB-IP ...) that the operator supplies; none is
 * shipped. A record shows where a network is registered, so every place has a radius.
 */

/** A place in integers: micro-degrees and metres. The shape of `Geo` in `pipeline/events/event.ts`. */
export interface DatabasePlace {
  readonly latMicro: number | null;
  readonly lonMicro: number | null;
  readonly radiusM: number;
  readonly country: string | null;
  readonly city: string | null;
  readonly from: 'database';
}

export interface GeoDatabase {
  /** Null when the address is not in the database, or is none. Never throws. */
  lookup(ip: string): DatabasePlace | null;
  readonly database: { readonly name: string; readonly build: string };
}

/** Radius of a city without one in its record, in metres (own: half or more of all cities are right within 50 km). */
const CITY_RADIUS_M = 50_000;

/** Radius of a country, in metres; it has no coordinates, so nothing is ever measured from it. */
const COUNTRY_RADIUS_M = 1_000_000;

const MAX_NAME_LENGTH = 80;

/**
 * Opens the file and reads all of it into memory.
 * @throws FirebreakError `invalid_request` when it cannot be read or is no such database.
 */
export async function openGeoDatabase(path: string): Promise<GeoDatabase> {
  try {
    const reader = await open(path);
    const { databaseType, buildEpoch } = reader.metadata;
    return {
      lookup(ip) {
        try {
          return readPlace(reader.get(ip));
        } catch {
          // The reader throws for text that is no address.
          return null;
        }
      },
      database: { name: String(databaseType), build: buildEpoch.toISOString().slice(0, 10) },
    };
  } catch (cause) {
    const detail = `cannot be opened as a geo database: ${messageOf(cause)}`;
    throw new FirebreakError('invalid_request', 'The geo database cannot be opened', [{ pointer: '', detail }], {
      cause,
    });
  }
}

/**
 * A record as a place. Only a city gives coordinates: those of a country are its middle, and somebody there would
 * seem to travel.
 */
export function readPlace(record: unknown): DatabasePlace | null {
  if (!isObject(record)) return null;
  const country = textAt(record, 'country', 'iso_code') ?? textAt(record, 'country_code');
  const city = textAt(record, 'city', 'names', 'en') ?? textAt(record, 'city');
  if (country === null && city === null) return null;
  const latMicro =
    city === null ? null : micro(valueAt(record, 'location', 'latitude') ?? valueAt(record, 'latitude'), 90);
  const lonMicro =
    city === null ? null : micro(valueAt(record, 'location', 'longitude') ?? valueAt(record, 'longitude'), 180);
  const placed = latMicro !== null && lonMicro !== null && (latMicro !== 0 || lonMicro !== 0);
  const radiusKm = valueAt(record, 'location', 'accuracy_radius');
  const radiusM =
    typeof radiusKm === 'number' && radiusKm > 0 && radiusKm < 20_000 ? Math.round(radiusKm * 1000) : null;
  return {
    latMicro: placed ? latMicro : null,
    lonMicro: placed ? lonMicro : null,
    radiusM: placed ? (radiusM ?? CITY_RADIUS_M) : COUNTRY_RADIUS_M,
    country: country !== null && /^[A-Z]{2}$/.test(country) ? country : null,
    city,
    from: 'database',
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}

function textAt(value: unknown, ...path: readonly string[]): string | null {
  const text = valueAt(value, ...path);
  return typeof text === 'string' && text !== '' ? text.slice(0, MAX_NAME_LENGTH).toWellFormed() : null;
}

function micro(degrees: unknown, limit: number): number | null {
  if (typeof degrees !== 'number' || !(Math.abs(degrees) <= limit)) return null;
  return Math.round(degrees * 1_000_000) + 0;
}
