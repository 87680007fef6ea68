import type { Event, Geo } from '../events/event.ts';

/** Where an address is, by whatever database the operator supplied. Answers are data: the same for the same build. */
export interface GeoLookup {
  /** Null when the address is not known. Never throws. */
  lookup(ip: string): Geo | null;
  /** Name and build date (`2026-08-05`), shown in findings and recorded with decisions. */
  readonly database: { readonly name: string; readonly build: string };
}

/**
 * The event with coordinates, when it has none of its own and comes from a public address. What the event says is
 * preferred: the provider saw the client. Where it names a country, the database's place counts only in that country.
 * An address that had to be read leniently is not looked up.
 */
export function withGeo(event: Event, geo: GeoLookup | null): Event {
  if (geo === null || event.ip === null || event.ipClass !== 'public' || event.ipNormalised) return event;
  if (event.geo !== null && event.geo.latMicro !== null) return event;
  const place = geo.lookup(event.ip);
  if (place === null) return event;
  const claimed = event.geo?.country ?? null;
  if (claimed !== null && claimed !== place.country) return event;
  const database = `${geo.database.name} ${geo.database.build}`;
  return Object.freeze({ ...event, geo: Object.freeze({ ...place, from: 'database' as const, database }) });
}
