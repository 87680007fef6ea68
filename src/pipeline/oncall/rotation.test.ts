import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { whoIsOnCall } from './book.ts';
import { turnsAt } from './rotation.ts';
import { readSchedule, type Schedule } from './schedule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MONDAY = Date.parse('2026-01-05T09:00:00Z');

const schedule = (more: object = {}, layer: object = {}): Schedule => {
  const week = { people: ['Ada', 'ben', 'cleo'], startsAt: '2026-01-05T09:00:00', rotationDays: 7, ...layer };
  const read = readSchedule({ name: 'primary', layers: [week], ...more });
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return read.value;
};
const atTime = (given: Schedule, time: string | number): string =>
  turnsAt(given, typeof time === 'number' ? time : Date.parse(time))
    .map(({ userId, by }) => `${userId} ${by}`)
    .join(', ');
const faultsOf = (more: object, layer: object = {}): readonly string[] => {
  const week = { people: ['ada'], startsAt: '2026-01-05T09:00:00', rotationDays: 7, ...layer };
  const read = readSchedule({ name: 'primary', layers: [week], ...more });
  return 'faults' in read ? read.faults.map(({ pointer }) => pointer) : [];
};

describe('turns', () => {
  it('go round, from one handover to the next', () => {
    expect(atTime(schedule(), MONDAY - 1)).toBe('');
    expect(atTime(schedule(), MONDAY)).toBe('ada layer');
    expect(atTime(schedule(), MONDAY + 7 * DAY_MS - 1)).toBe('ada layer');
    expect(atTime(schedule(), MONDAY + 7 * DAY_MS)).toBe('ben layer');
    expect(atTime(schedule(), MONDAY + 21 * DAY_MS)).toBe('ada layer');
    const shifts = schedule({}, { rotationDays: undefined, rotationHours: 12 });
    expect(atTime(shifts, MONDAY + 12 * HOUR_MS)).toBe('ben layer');
  });

  it('change at the same time of the day in summer and in winter, in the zone of the schedule', () => {
    const berlin = schedule({ timeZone: 'Europe/Berlin' });
    // Winter: UTC+1. The clocks go forward on 29 March 2026.
    expect(atTime(berlin, '2026-01-05T07:59:59Z')).toBe('');
    expect(atTime(berlin, '2026-01-05T08:00:00Z')).toBe('ada layer');
    expect(atTime(berlin, '2026-03-30T06:59:59Z')).toBe('cleo layer');
    expect(atTime(berlin, '2026-03-30T07:00:00Z')).toBe('ada layer');
  });

  it('are overridden for a time, and by the first layer that has somebody', () => {
    const given = schedule({
      layers: [
        {
          name: 'office',
          people: ['dan'],
          startsAt: '2026-01-05T00:00:00',
          rotationDays: 1,
          weekdays: ['MON', 'TUE'],
          hours: { from: '09:00', until: '17:00' },
        },
        {
          people: ['eve'],
          startsAt: '2026-01-05T00:00:00',
          rotationDays: 1,
          hours: { from: '17:00', until: '09:00' },
        },
      ],
      overrides: [{ userId: 'Finn', from: '2026-01-06T10:00:00Z', until: '2026-01-06T12:00:00+01:00' }],
    });
    expect(atTime(given, '2026-01-05T09:00:00Z')).toBe('dan layer');
    expect(atTime(given, '2026-01-05T17:00:00Z')).toBe('eve layer');
    expect(atTime(given, '2026-01-06T08:59:59Z')).toBe('eve layer');
    expect(atTime(given, '2026-01-06T10:00:00Z')).toBe('finn override, dan layer');
    expect(atTime(given, '2026-01-06T11:00:00Z')).toBe('dan layer');
    expect(atTime(given, '2026-01-07T12:00:00Z')).toBe('');
    expect(atTime({ ...given, enabled: false }, '2026-01-05T09:00:00Z')).toBe('');
  });

  it('of a night belong to the day on which it begins', () => {
    const night = { weekdays: ['MON', 'FRI'], hours: { from: '18:00', until: '08:00' } };
    const given = schedule({
      layers: [{ people: ['dan'], startsAt: '2026-01-01T00:00:00', rotationDays: 1, ...night }],
    });
    // 9 January 2026 is a Friday.
    expect(atTime(given, '2026-01-09T18:00:00Z')).toBe('dan layer');
    expect(atTime(given, '2026-01-10T03:00:00Z')).toBe('dan layer');
    expect(atTime(given, '2026-01-10T08:00:00Z')).toBe('');
    // The night of Sunday, and that of Thursday, are none of its.
    expect(atTime(given, '2026-01-12T03:00:00Z')).toBe('');
    expect(atTime(given, '2026-01-09T03:00:00Z')).toBe('');
    expect(atTime(given, '2026-01-13T03:00:00Z')).toBe('dan layer');
  });

  it('leave no gap and give everybody the same, whatever the length', () => {
    const lengths = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 5_000 }), (rotationHours, later) => {
        const given = schedule({}, { rotationDays: undefined, rotationHours });
        const at = MONDAY + later * HOUR_MS;
        const [turn] = turnsAt(given, at);
        const people = ['ada', 'ben', 'cleo'];
        expect(turn?.userId).toBe(people[Math.floor(later / rotationHours) % 3]);
        expect(turnsAt(given, at + 3 * rotationHours * HOUR_MS)).toEqual([turn]);
      }),
    );
  });
});

describe('who is on call', () => {
  it('is the first who could answer, and nobody by a schedule that there is not', () => {
    const both = { userId: 'gone', from: '2026-01-05T09:00:00Z', until: '2026-01-06T09:00:00Z' };
    const schedules = new Map([['primary', schedule({ overrides: [both] })]]);
    const who = (able: readonly string[]) => whoIsOnCall({ schedules, able: new Set(able) }, ['primary', 'x'], MONDAY);
    expect(who(['ada', 'gone'])).toEqual({ primary: ['gone'], x: [] });
    expect(who(['ada'])).toEqual({ primary: ['ada'], x: [] });
    expect(who(['ben'])).toEqual({ primary: [], x: [] });
  });
});

describe('a schedule', () => {
  it('says what is wrong with it', () => {
    expect(faultsOf({})).toEqual([]);
    expect(faultsOf({ timeZone: 'Mars/Olympus' })).toEqual(['/timeZone']);
    expect(faultsOf({ layers: [] })).toEqual(['/layers']);
    expect(faultsOf({}, { people: [] })).toEqual(['/layers/0/people']);
    expect(faultsOf({}, { rotationHours: 1 })).toEqual(['/layers/0/rotationDays']);
    expect(faultsOf({}, { rotationDays: undefined })).toEqual(['/layers/0/rotationDays']);
    expect(faultsOf({}, { startsAt: '2026-01-05T09:00:00Z' })).toEqual(['/layers/0/startsAt']);
    expect(faultsOf({}, { hours: { from: '09:00', until: '09:00' } })).toEqual(['/layers/0/hours/until']);
    expect(faultsOf({}, { hours: { from: '9', until: '24:00' } })).toEqual([
      '/layers/0/hours/from',
      '/layers/0/hours/until',
    ]);
    const day = (from: string, until: string) => ({ userId: 'ada', from, until });
    const [early, late] = ['2026-01-05T09:00:00Z', '2026-01-06T09:00:00Z'];
    expect(faultsOf({ overrides: [day(late, early)] })).toEqual(['/overrides/0/until']);
    expect(faultsOf({ overrides: [day(early, late), day(early, late)] })).toEqual(['/overrides/1']);
    expect(faultsOf({ overrides: [day('tomorrow', late)] })).toEqual(['/overrides/0/from']);
    expect(faultsOf({ owner: 'x' })).toEqual(['/owner']);
  });
});
