import { describe, expect, it } from 'vitest';
import type { Event, Geo } from '../events/event.ts';
import { distanceM, MAX_DISTANCE_M, placeCell, placeName, placeOf } from './place.ts';
import { eventOf, PLACES } from './test-event.ts';

/** The place of an event at London, but for what is given. */
function placeAt(geo: Partial<Geo>, given: Partial<Event> = {}): ReturnType<typeof placeOf> {
  return placeOf(eventOf({ geo: { ...PLACES.london, ...geo }, ...given }));
}

describe('a place', () => {
  it('may lie anywhere on the globe, its edges included, and nowhere else', () => {
    for (const [latMicro, lonMicro] of [
      [90_000_000, 1],
      [-90_000_000, 1],
      [1, 180_000_000],
      [1, -180_000_000],
    ] as const) {
      expect(placeAt({ latMicro, lonMicro })).toMatchObject({ latMicro, lonMicro });
      expect(placeAt({ latMicro: latMicro + Math.sign(latMicro), lonMicro: lonMicro + Math.sign(lonMicro) })).toBe(
        null,
      );
    }
    expect(placeAt({ latMicro: 0.5 })).toBe(null);
    expect(placeAt({ lonMicro: Number.NaN })).toBe(null);
  });

  it('is not where databases put what they do not know, but may lie on either line through it', () => {
    expect(placeAt({ latMicro: 0, lonMicro: 0 })).toBe(null);
    expect(placeAt({ latMicro: 0, lonMicro: 9_450_000 })).not.toBe(null);
    expect(placeAt({ latMicro: 51_480_000, lonMicro: 0 })).not.toBe(null);
  });

  it('is never made up from a country, and never taken from an address that is not public', () => {
    expect(placeAt({ latMicro: null })).toBe(null);
    expect(placeAt({ lonMicro: null })).toBe(null);
    expect(placeAt({}, { geo: null })).toBe(null);
    expect(placeAt({}, { ipClass: 'private' })).toBe(null);
    expect(placeAt({}, { ipClass: null })).not.toBe(null);
  });

  it('has a radius that is a distance on the globe', () => {
    expect(placeAt({ radiusM: 0 })).toMatchObject({ radiusM: 0 });
    expect(placeAt({ radiusM: -1 })).toBe(null);
    expect(placeAt({ radiusM: 0.5 })).toBe(null);
    expect(placeAt({ radiusM: Number.MAX_SAFE_INTEGER })).toMatchObject({ radiusM: MAX_DISTANCE_M });
  });

  it('keeps its names short, and says where it is from', () => {
    expect(placeAt({ country: 'GBR', city: 'L'.repeat(100) })).toMatchObject({ country: 'GB', city: 'L'.repeat(80) });
    expect(placeAt({ country: null, city: null })).toMatchObject({ country: '', city: '' });
    expect(placeAt({})).toMatchObject({ country: 'GB', city: 'London', from: 'event' });
    expect(placeAt({ from: 'database', database: 'Test-City 2026-08-05' })).toMatchObject({
      from: 'Test-City 2026-08-05',
    });
    expect(placeAt({ from: 'database' })).toMatchObject({ from: 'database' });
  });

  it('is called by what is known of it', () => {
    const london = placeAt({});
    const nameOf = (given: object): string => (london === null ? '' : placeName({ ...london, ...given }));
    expect(nameOf({})).toBe('London, GB');
    expect(nameOf({ city: '' })).toBe('GB');
    expect(nameOf({ country: '' })).toBe('London');
    expect(nameOf({ city: '', country: '' })).toBe('an unnamed place');
  });

  it('lies in a cell of one degree, also south and west of nought', () => {
    const cellOf = (latMicro: number, lonMicro: number): string => {
      const place = placeAt({ latMicro, lonMicro });
      return place === null ? '' : placeCell(place);
    };
    expect(cellOf(51_999_999, 0)).toBe('GB/51/0');
    expect(cellOf(52_000_000, -1)).toBe('GB/52/-1');
    expect(cellOf(-1, -1_000_001)).toBe('GB/-1/-2');
  });

  it('is as far from another as the great circle says, in whole metres', () => {
    const [london, paris] = [placeAt({}), placeAt(PLACES.paris)];
    if (london === null || paris === null) throw new Error('both are places');
    expect(distanceM(london, london)).toBe(0);
    const metres = distanceM(london, paris) ?? 0;
    expect(metres).toBe(Math.round(metres));
    expect(metres).toBeGreaterThan(343_000);
    expect(metres).toBeLessThan(345_000);
    expect(distanceM(paris, london)).toBe(metres);
  });
});
