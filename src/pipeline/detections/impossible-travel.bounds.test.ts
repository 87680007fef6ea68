import { describe, expect, it } from 'vitest';
import type { Event, Geo } from '../events/event.ts';
import type { Finding } from './detector.ts';
import { distanceM, placeOf } from './place.ts';
import { DAY, eventOf, HOUR, MINUTE, placeAt, PLACES, ruleOf, T0 } from './test-event.ts';
import { findingsOf, runBatch, standing, testStore } from './test-run.ts';

const TYPE = 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL';
const LOS_ANGELES = placeAt(34.0522, -118.2437, 'Los Angeles', 'US');

/** Two sign-ins of one account, some ms apart. */
function journey(from: Geo, to: Geo, ms: number, given: Partial<Event> = {}): readonly Event[] {
  return [
    eventOf({ geo: from, ip: '81.2.69.142', time: T0 }),
    eventOf({ geo: to, ip: '216.160.83.56', time: T0 + ms, ...given }),
  ];
}

function judged(events: readonly Event[], conditions: Record<string, number> = {}): readonly Finding[] {
  return findingsOf(ruleOf(TYPE, conditions), events);
}

function metresBetween(from: Geo, to: Geo): number {
  const [a, b] = [from, to].map((geo) => placeOf(eventOf({ geo })));
  return (a && b && distanceM(a, b)) ?? 0;
}

describe('the distance of a journey', () => {
  const km = (conditions: Record<string, number>, to: Geo = LOS_ANGELES, from: Geo = PLACES.newYork): boolean =>
    judged(journey(from, to, HOUR), conditions).length > 0;

  it('counts within a country too, from as far as the rule says', () => {
    const metres = metresBetween(PLACES.newYork, LOS_ANGELES);
    expect(Math.floor(metres / 1_000)).toBeGreaterThan(3_900);
    expect(km({})).toBe(true);
    expect(km({ sameCountryMinDistanceKm: Math.floor(metres / 1_000) })).toBe(true);
    expect(km({ sameCountryMinDistanceKm: Math.floor(metres / 1_000) + 1 })).toBe(false);
  });

  it('counts abroad from as far as the rule says, whatever it says of a country', () => {
    const km2 = Math.floor(metresBetween(PLACES.london, PLACES.newYork) / 1_000);
    expect(km({ sameCountryMinDistanceKm: 20_000, minDistanceKm: km2 }, PLACES.newYork, PLACES.london)).toBe(true);
    expect(km({ sameCountryMinDistanceKm: 50, minDistanceKm: km2 + 1 }, PLACES.newYork, PLACES.london)).toBe(false);
    // Of a country that is not named nobody knows whether it is another one.
    const somewhere = { ...PLACES.newYork, country: null };
    expect(km({ sameCountryMinDistanceKm: 20_000 }, somewhere, PLACES.london)).toBe(false);
    expect(km({ sameCountryMinDistanceKm: 20_000 }, PLACES.london, somewhere)).toBe(false);
  });

  it('counts beyond the error of both places together', () => {
    const metres = metresBetween(PLACES.london, PLACES.newYork);
    const blurred = (radiusM: number): readonly Finding[] =>
      judged(journey({ ...PLACES.london, radiusM: 1_000_000 }, { ...PLACES.newYork, radiusM }, HOUR));
    expect(blurred(metres - 1_000_000 - 1)).toHaveLength(1);
    expect(blurred(metres - 1_000_000)).toEqual([]);
  });
});

describe('the time of a journey', () => {
  it('counts up to what the rule says', () => {
    const within = { maxTimeDiffHours: 2, maxSpeedKmh: 100 };
    expect(judged(journey(PLACES.london, PLACES.newYork, 2 * HOUR), within)).toHaveLength(1);
    expect(judged(journey(PLACES.london, PLACES.newYork, 2 * HOUR + 1), within)).toEqual([]);
  });

  it('is too short above the speed of the rule, not at it', () => {
    const metres = metresBetween(PLACES.london, PLACES.newYork);
    // At 1,000 km/h a metre takes 3.6 ms.
    const exact = Math.ceil(metres * 3.6);
    expect(judged(journey(PLACES.london, PLACES.newYork, exact), { maxSpeedKmh: 1_000 })).toEqual([]);
    expect(judged(journey(PLACES.london, PLACES.newYork, exact - 4), { maxSpeedKmh: 1_000 })).toHaveLength(1);
  });
});

describe('a journey of an account that a program signs in with every few seconds', () => {
  it('is found wherever in the five minutes it ends, in whatever batches it comes', () => {
    const home = Array.from({ length: 60 }, (_, index) =>
      eventOf({ geo: PLACES.london, ip: '81.2.69.142', time: T0 + index * 5_000 }),
    );
    for (const second of [1, 150, 299]) {
      const away = eventOf({ geo: PLACES.newYork, ip: '216.160.83.56', time: T0 + second * 1_000 });
      const found = judged([...home, away]);
      expect(found.map(({ details }) => details['toIp'])).toContain('216.160.83.56');
      const store = testStore();
      for (const event of [away, ...home]) runBatch(store, [ruleOf(TYPE)], [event]);
      expect(standing(store)).toEqual(found);
    }
  });
});

describe('how much a journey means', () => {
  const only = (given: Partial<Event>, conditions: Record<string, number> = {}): Finding | undefined =>
    judged(journey(PLACES.london, PLACES.newYork, 30 * MINUTE, given), conditions)[0];

  it('is less through a proxy, and least through an address of ours', () => {
    expect(only({})?.severity).toBe('HIGH');
    expect(only({ proxy: true })?.severity).toBe('MEDIUM');
    const context = { egressLabel: (ip: string | null) => (ip === '216.160.83.56' ? 'office' : null) };
    const [ours] = findingsOf(ruleOf(TYPE), journey(PLACES.london, PLACES.newYork, 30 * MINUTE), context);
    expect(ours).toMatchObject({ severity: 'LOW', details: { egress: 'office' } });
    const confidences = [only({}), only({ proxy: true }), ours].map((finding) => finding?.confidence ?? 0);
    expect(confidences).toEqual([...confidences].sort((a, b) => b - a));
    expect(new Set(confidences).size).toBe(3);
  });

  it('is how impossible it is, in percent, and the rule may ask for a least', () => {
    // 11,152 km/h where 900 are possible.
    expect(only({})?.details['improbability']).toBe(91);
    expect(only({}, { minImprobabilityScore: 91 })).toBeDefined();
    expect(only({}, { minImprobabilityScore: 92 })).toBeUndefined();
  });

  it('is less where the person is new, or at home there', () => {
    const home = [0, 1, 2].map((day) =>
      eventOf({ geo: PLACES.newYork, ip: '216.160.83.56', time: T0 - (20 - day) * DAY }),
    );
    const away = [0, 1, 2].map((day) => eventOf({ geo: LOS_ANGELES, ip: '198.51.100.9', time: T0 - (20 - day) * DAY }));
    const told = (before: readonly Event[]): Finding | undefined =>
      judged([...before, ...journey(PLACES.london, PLACES.newYork, 30 * MINUTE)]).find(
        ({ firstTime }) => firstTime === T0,
      );
    const stranger = only({});
    const [known, habitual] = [told(away), told(home)];
    expect(stranger?.details).toMatchObject({ learning: true, habitual: false });
    expect(known?.details).toMatchObject({ learning: false, habitual: false });
    expect(habitual?.details).toMatchObject({ learning: false, habitual: true });
    expect([known?.severity, habitual?.severity]).toEqual(['HIGH', 'MEDIUM']);
    expect((known?.confidence ?? 0) - (stranger?.confidence ?? 0)).toBe(10);
    expect((known?.confidence ?? 0) - (habitual?.confidence ?? 0)).toBe(25);
  });

  it('is no less where the person was at home long ago: a place is forgotten when it was not used for 45 days', () => {
    const visits = (daysAgo: number): readonly Event[] =>
      [2, 1, 0].map((more) => eventOf({ geo: PLACES.newYork, ip: '216.160.83.56', time: T0 - (daysAgo + more) * DAY }));
    // It is forgotten when another place is seen.
    const between = eventOf({ geo: PLACES.london, ip: '81.2.69.142', time: T0 - DAY });
    const habitual = (daysAgo: number): unknown =>
      judged([...visits(daysAgo), between, ...journey(PLACES.london, PLACES.newYork, 30 * MINUTE)]).find(
        ({ firstTime }) => firstTime === T0,
      )?.details['habitual'];
    expect([40, 44, 45, 60].map(habitual)).toEqual([true, true, false, false]);
  });
});
