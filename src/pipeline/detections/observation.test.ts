import { describe, expect, it } from 'vitest';
import { scanSeries, type SeriesItem } from './series.ts';
import {
  accountId,
  anchorOf,
  baseObservation,
  boundedText,
  compareObservations,
  identityText,
  observationId,
  spanText,
  unitText,
  userOf,
} from './observation.ts';
import { eventOf, HOUR, ruleOf, T0, user } from './test-event.ts';
import { findingsOf } from './test-run.ts';

describe('the time of an observation', () => {
  it('is any moment since 1970 that a number can name exactly, and no other', () => {
    for (const time of [0, 1, T0, Number.MAX_SAFE_INTEGER]) expect(baseObservation(eventOf({ time }))?.time).toBe(time);
    for (const time of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(baseObservation(eventOf({ time }))).toBe(null);
    }
  });

  it('is its own, or the one of its receipt', () => {
    expect(baseObservation(eventOf({ timeQuality: 'event' }))?.ingest).toBe(false);
    expect(baseObservation(eventOf({ timeQuality: 'ingest' }))?.ingest).toBe(true);
  });
});

describe('the user of an event', () => {
  it('is known by one spelling', () => {
    expect(userOf(eventOf({ subject: user('ALICE') }))).toEqual({ type: 'user', id: 'alice' });
    expect(userOf(eventOf({ subject: user('Zoe\u0308') }))?.id).toBe('zo\u00eb');
    expect(accountId(`${'x'.repeat(600)}A`)).not.toBe(accountId(`${'x'.repeat(600)}B`));
  });

  it('is nobody where the event is about something else, or says nothing', () => {
    expect(userOf(eventOf({ subject: null }))).toBe(null);
    expect(userOf(eventOf({ subject: user('') }))).toBe(null);
    expect(userOf(eventOf({ subject: { type: 'host', id: 'alice' } }))).toBe(null);
  });
});

describe('the order of observations', () => {
  const at = (time: number, eventId: string, source: string): Parameters<typeof compareObservations>[0] => ({
    time,
    eventId,
    source,
    ingest: false,
  });

  it('is by time, then by id, then by source, and has no ties but of the same event', () => {
    const ordered = [at(1, 'b', 'b'), at(2, 'a', 'b'), at(2, 'b', 'a'), at(2, 'b', 'b'), at(3, 'a', 'a')];
    for (const [left, a] of ordered.entries()) {
      for (const [right, b] of ordered.entries()) {
        expect(compareObservations(a, b)).toBe(Math.sign(left - right));
        expect(observationId(a) === observationId(b)).toBe(a.eventId === b.eventId && a.source === b.source);
      }
    }
  });

  it('gives names that no other event can have', () => {
    const [a, b] = [
      { source: 'ab', eventId: 'c' },
      { source: 'a', eventId: 'bc' },
    ];
    expect(observationId(a)).not.toBe(observationId(b));
    expect(anchorOf(a)).not.toBe(anchorOf(b));
    expect(anchorOf(a, b)).not.toBe(anchorOf(b, a));
  });
});

describe('texts', () => {
  it('are cut and repaired, and stay different where they are identities', () => {
    expect(boundedText('x'.repeat(300))).toBe('x'.repeat(200));
    expect(boundedText('abc', 2)).toBe('ab');
    expect(boundedText('a\ud800')).toBe('a\ufffd');
    expect(identityText('x'.repeat(512))).toBe('x'.repeat(512));
    expect(identityText('a\ud800')).not.toBe(identityText('a\udbff'));
    expect(identityText(`${'x'.repeat(512)}a`)).toMatch(/^x{100}#[0-9a-f]{64}$/);
  });

  it('tell spans in whole units, rounded down', () => {
    expect([0, 999, 1_000, 59_999, 60_000, 119_999].map(spanText)).toEqual([
      '0 seconds',
      '0 seconds',
      '1 second',
      '59 seconds',
      '1 minute',
      '1 minute',
    ]);
    expect([3 * HOUR - 1, 3 * HOUR, 4 * HOUR - 1].map(spanText)).toEqual(['179 minutes', '3 hours', '3 hours']);
    expect(unitText(1, 'account')).toBe('1 account');
    expect(unitText(2, 'account')).toBe('2 accounts');
  });
});

describe('a series', () => {
  it('holds nothing that lay before its window', () => {
    const failure = (id: string, time: number): ReturnType<typeof eventOf> =>
      eventOf({ outcome: 'failure', subject: user(id), time });
    const events = [failure('d', T0), failure('a', T0 + 1), failure('b', T0 + HOUR), failure('c', T0 + HOUR)];
    const [finding, ...more] = findingsOf(ruleOf('MULTI_ACCOUNT_CAMPAIGN'), events);
    expect(more).toEqual([]);
    expect(finding?.accounts.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(finding).toMatchObject({ evidenceCount: 3, firstTime: T0 + 1, lastTime: T0 + HOUR });
    expect(finding?.evidence).toHaveLength(3);
  });

  it('counts within its short window what is newer than that window, open at its start', () => {
    const scan = scanSeries<SeriesItem>({ recent: [], series: null }, HOUR, 1_000);
    const always = { grows: () => true, opens: () => true };
    for (const [unit, time] of [
      ['a', T0],
      ['b', T0 + 1],
      ['c', T0 + 1_000],
    ] as const) {
      const item = { eventId: unit, source: 's', time, ingest: false, unit, ip: null, ipNormalised: false };
      scan.push(item, always);
    }
    expect(scan.touched()).toMatchObject([{ peakUnits: 3, peakShortUnits: 2, count: 3 }]);
  });
});
