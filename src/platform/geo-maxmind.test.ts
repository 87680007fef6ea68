import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGeoDatabase, readPlace } from './geo-maxmind.ts';

const DATA = process.env['FIREBREAK_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const FILES = ['GeoIP2-City-Test.mmdb', 'GeoLite2-City-Test.mmdb'].map((name) => join(DATA, 'geo', name));
const present = FILES.every((file) => existsSync(file));
if (!present) console.warn(`SKIPPED: the test databases are not in ${DATA}/geo; set FIREBREAK_SHARED_DATA`);

describe('a record of a geo database', () => {
  it('of a city has coordinates and a radius', () => {
    const record = {
      city: { names: { en: 'London' } },
      country: { iso_code: 'GB' },
      location: { latitude: 51.5142, longitude: -0.0931, accuracy_radius: 10 },
    };
    const place = {
      latMicro: 51_514_200,
      lonMicro: -93_100,
      radiusM: 10_000,
      country: 'GB',
      city: 'London',
      from: 'database',
    };
    expect(readPlace(record)).toEqual(place);
    const flat = { city: 'London', country_code: 'GB', latitude: 51.5142, longitude: -0.0931 };
    expect(readPlace(flat)).toEqual({ ...place, radiusM: 50_000 });
  });

  it('of a country has none, whatever middle the database gives', () => {
    const record = { country: { iso_code: 'BT' }, location: { latitude: 27.5, longitude: 90.5, accuracy_radius: 534 } };
    expect(readPlace(record)).toMatchObject({ latMicro: null, lonMicro: null, country: 'BT', city: null });
  });

  it.each([
    ['nothing', null],
    ['text', 'London'],
    ['an empty record', {}],
    ['a prototype', { constructor: { iso_code: 'GB' } }],
  ])('that is %s is no place', (_name, record) => {
    expect(readPlace(record)).toBeNull();
  });

  it.each([
    [91, 0],
    [NaN, 0],
    [0, 0],
    ['51', '0'],
  ])('with coordinates %s, %s has none', (latitude, longitude) => {
    expect(readPlace({ city: 'X', latitude, longitude })).toMatchObject({ latMicro: null, lonMicro: null, city: 'X' });
  });
});

describe('a geo database', () => {
  it('that cannot be opened is refused by name', async () => {
    await expect(openGeoDatabase(join(import.meta.dirname, 'geo-maxmind.ts'))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(openGeoDatabase('/nowhere.mmdb')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it.skipIf(!present).each(FILES)('%s gives the places it was made from', async (file) => {
    const { lookup, database } = await openGeoDatabase(file);
    expect(database.name).toContain('City');
    expect(database.build).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    const cities = ['81.2.69.142', '2.125.160.216', '89.160.20.112', '216.160.83.56', '175.16.199.1'].map((ip) =>
      lookup(ip),
    );
    expect(cities.map((place) => `${place?.city} ${place?.country}`)).toEqual([
      'London GB',
      'Boxford GB',
      'Linköping SE',
      'Milton US',
      'Changchun CN',
    ]);
    expect(cities.every((place) => place !== null && place.latMicro !== null && place.radiusM > 0)).toBe(true);
    expect(lookup('67.43.156.1')).toMatchObject({ country: 'BT', city: null, latMicro: null });
    expect(lookup('9.9.9.9')).toBeNull();
    expect(lookup('not an address')).toBeNull();
  });
});
