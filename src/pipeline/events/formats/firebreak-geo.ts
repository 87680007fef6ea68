import type { Geo } from '../event.ts';
import { readGeo } from '../geo.ts';
import { isObject } from '../read.ts';
import { fieldReader, type FieldReader } from './firebreak-fields.ts';

/**
 * `geo` of an own event: `{lat, lon, country, city, radiusM}`. Coordinates are numbers or plainly numeric texts;
 * out of range, alone, or 0,0 they count as missing, as everywhere.
 */
export function readOwnGeo(fields: FieldReader): Geo | null {
  const value = fields.raw('geo');
  if (value === undefined || value === null) return null;
  if (!isObject(value)) {
    fields.blame('/geo', 'must be an object {lat, lon, country, city, radiusM}');
    return null;
  }
  const inner = fieldReader(value, '/geo');
  const lat = inner.raw('lat') ?? null;
  const lon = inner.raw('lon') ?? null;
  if (!isDegrees(lat)) inner.blame('/geo/lat', 'must be a number');
  if (!isDegrees(lon)) inner.blame('/geo/lon', 'must be a number');
  const country = inner.text('country');
  const geo = readGeo({
    lat,
    lon,
    country,
    city: inner.text('city'),
    radiusM: inner.integer('radiusM', 1, 20_037_508),
  });
  if (inner.fault !== null) fields.blame(inner.fault.pointer, inner.fault.detail);
  return geo;
}

function isDegrees(value: unknown): boolean {
  return (
    value === null ||
    typeof value === 'number' ||
    (typeof value === 'string' && /^-?\d{1,3}(?:\.\d{1,20})?$/.test(value))
  );
}
