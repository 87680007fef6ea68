import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEDUPE_HORIZON_MS, MAX_CLOCK_SKEW_MS } from '../../platform/limits.ts';
import { RECEIVED_AT } from './test-support.ts';
import {
  firstReadable,
  judgeTime,
  MAX_EVENT_TIME_MS,
  MIN_EVENT_TIME_MS,
  readEpochMs,
  readEpochSeconds,
  readRfc3339,
} from './time.ts';

describe('readRfc3339', () => {
  it.each([
    ['2024-08-02T08:53:24Z', Date.UTC(2024, 7, 2, 8, 53, 24)],
    ['2024-08-02T08:53:24.12Z', Date.UTC(2024, 7, 2, 8, 53, 24, 120)],
    ['2024-08-02T08:53:24.1234567Z', Date.UTC(2024, 7, 2, 8, 53, 24, 123)],
    ['2024-08-02T10:53:24+02:00', Date.UTC(2024, 7, 2, 8, 53, 24)],
    ['2023-11-17T11:43:57.000-05:00', Date.UTC(2023, 10, 17, 16, 43, 57)],
    ['2024-08-02T10:53:24+0200', Date.UTC(2024, 7, 2, 8, 53, 24)],
    ['2024-02-29 00:00:00z', Date.UTC(2024, 1, 29)],
  ])('reads %s', (text, at) => {
    expect(readRfc3339(text)).toEqual({ at, claimed: text });
  });

  it('reads a date from 1970 as what it says, so that it can be refused as too old', () => {
    expect(readRfc3339('1970-01-01T00:00:01Z').at).toBe(1_000);
  });

  it.each([
    '2024-08-02T08:53:24', // no zone
    '2024-08-02',
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00+24:00',
    '2100-01-01T00:00:00Z',
    'Aug 1, 2024 1:33:28 PM',
    'yesterday',
  ])('does not read %s', (text) => {
    expect(readRfc3339(text)).toEqual({ at: null, claimed: text });
  });

  it('reads what Date writes, for every moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: MIN_EVENT_TIME_MS, max: MAX_EVENT_TIME_MS - 1 }), (at) => {
        expect(readRfc3339(new Date(at).toISOString()).at).toBe(at);
        expect(readEpochMs(at).at).toBe(at);
        expect(readEpochMs(String(at)).at).toBe(at);
      }),
    );
  });

  it('says nothing about what is missing or no text', () => {
    for (const value of [undefined, null, '', '  ', {}, [], true])
      expect(readRfc3339(value)).toEqual({ at: null, claimed: null });
  });
});

describe('readEpochMs and readEpochSeconds', () => {
  it('refuse the other unit', () => {
    expect(readEpochMs(1_723_564_700)).toEqual({ at: null, claimed: '1723564700' });
    expect(readEpochSeconds(1_723_564_700_000).at).toBeNull();
    expect(readEpochSeconds(1_723_564_700.25).at).toBe(1_723_564_700_250);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e20, '12e12', ''])('refuse %s', (value) => {
    expect(readEpochMs(value).at).toBeNull();
  });
});

describe('firstReadable', () => {
  it('takes the first moment, else the first claim', () => {
    expect(firstReadable(readEpochMs(5), readRfc3339('2024-08-02T08:53:24Z')).at).toBe(Date.UTC(2024, 7, 2, 8, 53, 24));
    expect(firstReadable(readEpochMs(undefined), readRfc3339('soon'))).toEqual({ at: null, claimed: 'soon' });
  });
});

describe('judgeTime', () => {
  const at = (time: number) => judgeTime({ at: time, claimed: 'claim' }, RECEIVED_AT);

  it('believes what lies within skew and horizon, to the millisecond', () => {
    expect(at(RECEIVED_AT + MAX_CLOCK_SKEW_MS)).toEqual({
      time: RECEIVED_AT + MAX_CLOCK_SKEW_MS,
      timeQuality: 'event',
    });
    expect(at(RECEIVED_AT - DEDUPE_HORIZON_MS)).toEqual({
      time: RECEIVED_AT - DEDUPE_HORIZON_MS,
      timeQuality: 'event',
    });
  });

  it('keeps a future time as a claim only', () => {
    expect(at(RECEIVED_AT + MAX_CLOCK_SKEW_MS + 1)).toEqual({
      time: RECEIVED_AT,
      timeQuality: 'ingest',
      claimedTime: 'claim',
    });
    expect(at(RECEIVED_AT + 365 * 86_400_000)).toMatchObject({ timeQuality: 'ingest' });
  });

  it('refuses what is older than the horizon', () => {
    expect(at(RECEIVED_AT - DEDUPE_HORIZON_MS - 1)).toBe('too_old');
  });

  it('takes the time of receipt when there is none', () => {
    expect(judgeTime({ at: null, claimed: null }, RECEIVED_AT)).toEqual({ time: RECEIVED_AT, timeQuality: 'ingest' });
  });
});
