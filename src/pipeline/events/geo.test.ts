import { describe, expect, it } from 'vitest';
import { DEFAULT_RADIUS_M, readGeo } from './geo.ts';

const NOWHERE = { latMicro: null, lonMicro: null, radiusM: DEFAULT_RADIUS_M, city: null, from: 'event' };

describe('readGeo', () => {
  it('keeps coordinates as whole millionths', () => {
    expect(readGeo({ lat: 51.5074, lon: -0.1278, country: 'gb', city: ' London ' })).toEqual({
      latMicro: 51_507_400,
      lonMicro: -127_800,
      radiusM: 20_000,
      country: 'GB',
      city: 'London',
      from: 'event',
    });
  });

  it('takes texts that are plainly numbers, and nothing else', () => {
    expect(readGeo({ lat: '48.85', lon: '2.35' })).toMatchObject({ latMicro: 48_850_000, lonMicro: 2_350_000 });
    for (const lat of ['48,85', '0x30', '1e1', '', ' 4', 'NaN', null, [], {}, true, Number.NaN])
      expect(readGeo({ lat, lon: 2 })).toBeNull();
  });

  it('treats 0,0, half a pair and what is out of range as missing', () => {
    expect(readGeo({ lat: 0, lon: 0 })).toBeNull();
    expect(readGeo({ lat: 0.000_000_1, lon: -0.000_000_1 })).toBeNull();
    expect(readGeo({ lat: 90.1, lon: 1 })).toBeNull();
    expect(readGeo({ lat: 1, lon: 180.5 })).toBeNull();
    expect(readGeo({ lat: 1 })).toBeNull();
    expect(readGeo({ lat: 0, lon: 10 })).toMatchObject({ latMicro: 0, lonMicro: 10_000_000 });
    expect(readGeo({ lat: 90, lon: -180 })).toMatchObject({ latMicro: 90_000_000, lonMicro: -180_000_000 });
  });

  it('never writes a negative zero', () => {
    expect(Object.is(readGeo({ lat: -0.000_000_1, lon: 5 })?.latMicro, 0)).toBe(true);
  });

  it('does not turn a country into coordinates, nor a name into a code', () => {
    expect(readGeo({ country: 'FR' })).toEqual({ ...NOWHERE, country: 'FR' });
    expect(readGeo({ country: 'France' })).toBeNull();
  });

  it('believes only a possible radius', () => {
    expect(readGeo({ country: 'FR', radiusM: 500 })?.radiusM).toBe(500);
    for (const radiusM of [0, -1, 1.5, 1e12])
      expect(readGeo({ country: 'FR', radiusM })?.radiusM).toBe(DEFAULT_RADIUS_M);
  });
});
