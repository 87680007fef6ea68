import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAY_WAIT, NEVER_QUIET, quietHoursOf, readQuietHours, type QuietHoursGuard } from './quiet-hours.ts';
import { quietUntil } from './quiet-until.ts';
import { offsetsOf } from './time-zone-offsets.ts';

const NIGHTS = { days: ['MON', 'TUE', 'WED', 'THU', 'FRI'], from: 22 * 60, to: 6 * 60 };
const WEEKEND = [
  { days: ['FRI'], from: 18 * 60, to: 1_440 },
  { days: ['SAT', 'SUN'], from: 0, to: 1_440 },
  { days: ['MON'], from: 0, to: 8 * 60 },
];

function saved(document: object): QuietHoursGuard {
  const read = readQuietHours(document);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return read;
}

function endOf(document: object, at: string): string | null {
  const quiet = quietHoursOf(saved(document));
  if (quiet === null) return null;
  const until = quietUntil(quiet, Date.parse(at));
  return until === null ? null : new Date(until).toISOString();
}

describe('when it is quiet', () => {
  const nights = { windows: [NIGHTS], utcOffsetMinutes: 0 };

  // 2026-11-23 is a Monday.
  it.each([
    ['2026-11-23T21:59:59.999Z', null],
    ['2026-11-23T22:00:00.000Z', '2026-11-24T06:00:00.000Z'],
    ['2026-11-24T05:59:59.999Z', '2026-11-24T06:00:00.000Z'],
    ['2026-11-24T06:00:00.000Z', null],
    // Friday's night ends on Saturday, and Saturday has none.
    ['2026-11-28T03:00:00.000Z', '2026-11-28T06:00:00.000Z'],
    ['2026-11-28T23:00:00.000Z', null],
    ['2026-11-30T03:00:00.000Z', null],
  ])('%s: until %s', (at, until) => {
    expect(endOf(nights, at)).toBe(until);
  });

  it('ends when the last of windows that touch or overlap does, also over the end of the week', () => {
    const weekend = { windows: WEEKEND, utcOffsetMinutes: 0 };
    for (const at of ['2026-11-27T18:00:00.000Z', '2026-11-28T12:00:00.000Z', '2026-11-30T00:00:00.000Z'])
      expect(endOf(weekend, at)).toBe('2026-11-30T08:00:00.000Z');
    const overlapping = { windows: [...WEEKEND, { days: ['SUN'], from: 600, to: 540 }], utcOffsetMinutes: 0 };
    expect(endOf(overlapping, '2026-11-28T12:00:00.000Z')).toBe('2026-11-30T09:00:00.000Z');
  });

  it('is local time, by an offset or by a zone whose clocks change', () => {
    expect(endOf({ windows: [NIGHTS], utcOffsetMinutes: 330 }, '2026-11-23T17:00:00.000Z')).toBe(
      '2026-11-24T00:30:00.000Z',
    );
    const berlin = { windows: [{ ...NIGHTS, days: ['SAT', 'SUN', 'MON'] }], timeZone: 'Europe/Berlin' };
    expect(endOf(berlin, '2026-11-23T20:59:00.000Z')).toBe(null);
    expect(endOf(berlin, '2026-11-23T21:00:00.000Z')).toBe('2026-11-24T05:00:00.000Z');
    // Summer time begins on 2026-03-29 at 01:00 UTC and ends on 2026-10-25 at 01:00 UTC: six is six by the clock on the wall.
    expect(endOf(berlin, '2026-03-28T21:30:00.000Z')).toBe('2026-03-29T04:00:00.000Z');
    expect(endOf(berlin, '2026-10-24T21:30:00.000Z')).toBe('2026-10-25T05:00:00.000Z');
  });

  it('knows the changes of a zone as data, as its calendar says them', () => {
    const offsets = offsetsOf('Europe/Berlin');
    expect(offsets.slice(0, 3)).toEqual([
      { since: 0, minutes: 60 },
      { since: Date.UTC(2025, 2, 30, 1), minutes: 120 },
      { since: Date.UTC(2025, 9, 26, 1), minutes: 60 },
    ]);
    expect(offsets).toHaveLength(41);
    expect(offsetsOf('Asia/Kolkata')).toEqual([{ since: 0, minutes: 330 }]);
    expect(
      offsetsOf('Australia/Lord_Howe')
        .map(({ minutes }) => minutes)
        .slice(0, 3),
    ).toEqual([660, 630, 660]);
  });

  it('always ends later, and then it is not quiet (but where the clocks go back)', () => {
    const day = fc.constantFrom('MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN');
    const window = fc.record({
      days: fc.uniqueArray(day, { minLength: 1, maxLength: 3 }),
      from: fc.integer({ min: 0, max: 1_439 }),
      to: fc.integer({ min: 0, max: 1_440 }),
    });
    const offset = fc.integer({ min: -720, max: 840 });
    const at = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2030, 0, 1) });
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 4 }), offset, at, (windows, utcOffsetMinutes, now) => {
        const read = readQuietHours({ windows, utcOffsetMinutes });
        if ('faults' in read) return;
        const quiet = quietHoursOf(read);
        const until = quiet === null ? null : quietUntil(quiet, now);
        // Minute by minute, without any of the arithmetic of the code.
        const local = new Date(now + utcOffsetMinutes * 60_000);
        const names = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
        const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
        const [today, yesterday] = [local.getUTCDay(), (local.getUTCDay() + 6) % 7].map((index) => names[index] ?? '');
        const isQuiet = windows.some(({ days, from, to }) => {
          const own: readonly string[] = days;
          if (to > from) return own.includes(today ?? '') && minute >= from && minute < to;
          return (own.includes(today ?? '') && minute >= from) || (own.includes(yesterday ?? '') && minute < to);
        });
        expect(until !== null).toBe(isQuiet);
        if (until === null || quiet === null) return;
        expect(until).toBeGreaterThan(now);
        expect(quietUntil(quiet, until)).toBe(null);
        expect(quietUntil(quiet, until - 1)).toBe(until);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the guard', () => {
  it('keeps nothing waiting before anybody has set it', () => {
    expect(quietHoursOf(NEVER_QUIET)).toBe(null);
    expect(quietHoursOf(saved({ windows: [NIGHTS], utcOffsetMinutes: 0, actionTypes: [] }))).toBe(null);
  });

  it('is kept in one form, with what may safely wait as the default, and read again as it is', () => {
    const guard = saved({ windows: [{ ...NIGHTS, days: ['TUE', 'MON', 'TUE'] }], timeZone: 'Europe/Berlin' });
    expect(guard).toEqual({
      windows: [{ ...NIGHTS, days: ['MON', 'TUE'] }],
      timeZone: 'Europe/Berlin',
      below: 'HIGH',
      actionTypes: ['USER_NOTIFICATION'],
    });
    expect(saved(guard)).toEqual(guard);
    expect(saved(NEVER_QUIET)).toEqual(NEVER_QUIET);
  });

  const base = { windows: [NIGHTS], utcOffsetMinutes: 0 };
  it.each([
    [{ ...base, windows: [{ ...NIGHTS, days: [] }] }, '/windows/0/days'],
    [{ ...base, windows: [{ ...NIGHTS, days: ['FUNDAY'] }] }, '/windows/0/days/0'],
    [{ ...base, windows: [{ ...NIGHTS, from: 1_440 }] }, '/windows/0/from'],
    [{ ...base, windows: [{ ...NIGHTS, from: 0.5 }] }, '/windows/0/from'],
    [{ ...base, windows: [{ days: ['MON'], from: 60, to: 60 }] }, '/windows/0/to'],
    [{ ...base, windows: [{ days: ['MON', 'TUE', 'WED', 'THU', 'FRI'], from: 0, to: 1_440 }] }, '/windows'],
    [{ windows: [NIGHTS] }, '/timeZone'],
    [{ ...base, timeZone: 'Europe/Berlin' }, '/timeZone'],
    [{ windows: [NIGHTS], timeZone: 'Europe/Atlantis' }, '/timeZone'],
    [{ ...base, utcOffsetMinutes: 900 }, '/utcOffsetMinutes'],
    [{ ...base, below: 'CRITICAL' }, '/below'],
    [{ ...base, below: 'LOW' }, '/below'],
    [{ ...base, actionTypes: ['ACCOUNT_SUSPEND'] }, '/actionTypes/0'],
    [{ ...base, actionTypes: ['STEP_UP_CHALLENGE'] }, '/actionTypes/0'],
    [{ ...base, hours: [] }, '/'],
  ])('is refused: %j', (document, pointer) => {
    expect(readQuietHours(document)).toMatchObject({ faults: [expect.objectContaining({ pointer })] });
  });

  it('lets nothing wait that keeps somebody out, keeps evidence or asks somebody', () => {
    for (const type of [
      'ACCOUNT_SUSPEND',
      'ACTION_BLOCK',
      'ANALYST_ESCALATION',
      'ENHANCED_LOGGING',
      'FULL_SESSION_KILL',
      'GEO_LOCK',
      'IPBLACKLIST_ADD',
      'SELECTIVE_TOKEN_REVOKE',
      'STEP_UP_CHALLENGE',
    ] as const)
      expect(MAY_WAIT).not.toContain(type);
  });
});
