import { describe, expect, it } from 'vitest';
import { withGeo, type GeoLookup } from './geo.ts';
import { eventOf, PLACES } from './test-event.ts';

const LOOKUP: GeoLookup = {
  lookup: (ip) => (ip === '81.2.69.142' ? { ...PLACES.london, from: 'database' } : null),
  database: { name: 'Test-City', build: '2026-08-05' },
};

describe('the place of an event', () => {
  it('comes from the database when the event has none, with the name and build of it', () => {
    const event = withGeo(eventOf(), LOOKUP);
    expect(event.geo).toEqual({ ...PLACES.london, from: 'database', database: 'Test-City 2026-08-05' });
    expect(Object.isFrozen(event)).toBe(true);
  });

  it.each([
    ['has a place of its own', { geo: PLACES.tokyo }],
    ['comes from no public address', { ipClass: 'private' as const }],
    ['comes from an address of no known class', { ipClass: null }],
    ['comes from an address that was read leniently', { ipNormalised: true }],
    ['comes from no address', { ip: null }],
    ['comes from an address that is not known', { ip: '1.1.1.1' }],
  ])('is left alone when it %s', (_name, given) => {
    const event = eventOf(given);
    expect(withGeo(event, LOOKUP)).toBe(event);
  });

  it('is left alone without a database', () => {
    const event = eventOf();
    expect(withGeo(event, null)).toBe(event);
  });
});
