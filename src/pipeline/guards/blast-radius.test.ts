import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, DEFAULT_PER_HOUR, perHourOf, readBlastRadius } from './blast-radius.ts';

const faultsOf = (value: unknown): readonly string[] => {
  const read = readBlastRadius(value);
  return 'faults' in read ? read.faults.map(({ pointer }) => pointer) : [];
};

describe('the limits by the hour', () => {
  it('are kept in the order of the types, and are none for types that are not named', () => {
    const limits = [
      { actionType: 'GEO_LOCK', perHour: 0 },
      { actionType: 'ACCOUNT_SUSPEND', perHour: 20 },
    ];
    const read = readBlastRadius({ limits });
    expect(read).toEqual({ limits: [limits[1], limits[0]] });
    expect(perHourOf({ limits: [] })).toEqual({});
  });

  it('are in force for what contains before anybody has set any, and are valid themselves', () => {
    expect(readBlastRadius(DEFAULT_LIMITS)).toEqual(DEFAULT_LIMITS);
    expect(perHourOf(DEFAULT_LIMITS)).toMatchObject({ ACCOUNT_SUSPEND: DEFAULT_PER_HOUR });
    expect(perHourOf(DEFAULT_LIMITS)).not.toHaveProperty('USER_NOTIFICATION');
  });

  it.each<[string, unknown]>([
    ['/limits', {}],
    ['/', { limits: [], more: 1 }],
    ['/limits/0/actionType', { limits: [{ actionType: 'NOTHING', perHour: 1 }] }],
    ['/limits/0/perHour', { limits: [{ actionType: 'GEO_LOCK', perHour: -1 }] }],
    ['/limits/0/perHour', { limits: [{ actionType: 'GEO_LOCK', perHour: 1.5 }] }],
    ['/limits/0/perHour', { limits: [{ actionType: 'GEO_LOCK', perHour: 100_001 }] }],
    [
      '/limits/1/actionType',
      {
        limits: [
          { actionType: 'GEO_LOCK', perHour: 1 },
          { actionType: 'GEO_LOCK', perHour: 2 },
        ],
      },
    ],
  ])('are refused at %s', (pointer, value) => {
    expect(faultsOf(value)).toEqual([pointer]);
  });
});
