import { describe, expect, it } from 'vitest';
import type { PlaybookType } from '../vocabulary.ts';
import { conditionSpecs, DETECTED_TYPES, type ConditionSpec } from './rule-defaults.ts';
import { parseRule } from './rules.ts';

function lineOf({ name, unit, allows, default: value }: ConditionSpec): string {
  const range = allows.type === 'integer' ? `${allows.min} to ${allows.max}` : allows.choices.join(' or ');
  return `${name} ${value} ${unit} (${range})`;
}

const WINDOW = 'timeWindowMs 3600000 ms (60000 to 86400000)';
const COMMON = 'minSignificance 0 confidence (0 to 100)';
const SHARED = ['sharedUsers 20 people (2 to 200)', 'sharedDays 7 days (1 to 30)', 'sharedFactor 3 times (1 to 10)'];

/** What operators are promised: rules that they did not touch judge by these numbers. */
const PROMISED: readonly (readonly [PlaybookType, string | null, readonly string[]])[] = [
  [
    'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
    null,
    [
      'minDistanceKm 500 km (50 to 20000)',
      'maxSpeedKmh 900 km/h (100 to 40000)',
      'maxTimeDiffHours 24 hours (1 to 168)',
      'minImprobabilityScore 0 score (0 to 100)',
      'sameCountryMinDistanceKm 500 km (50 to 20000)',
      'learningDays 14 days (0 to 90)',
      COMMON,
    ],
  ],
  [
    'REPEATED_2FA_BYPASS',
    null,
    [
      'minAttempts 5 attempts (2 to 100)',
      WINDOW,
      'burstMinutes 10 minutes (1 to 1440)',
      'criticalAttempts 10 attempts (2 to 1000)',
      'unansweredAfterSeconds 120 seconds (10 to 600)',
      COMMON,
    ],
  ],
  [
    'UNUSUAL_PRIVILEGE_ACTION',
    null,
    [
      'learningDays 14 days (0 to 90)',
      'usualCount 3 times (1 to 100)',
      'afterResetHours 24 hours (1 to 168)',
      'changeWindowStartHour 0 UTC hour (0 to 23)',
      'changeWindowEndHour 24 UTC hour (1 to 24)',
      COMMON,
    ],
  ],
  [
    'MULTI_ACCOUNT_CAMPAIGN',
    null,
    ['shape accounts  (accounts or spray)', 'minAccounts 3 accounts (2 to 1000)', WINDOW, ...SHARED, COMMON],
  ],
  [
    'MULTI_ACCOUNT_CAMPAIGN',
    'spray',
    [
      'shape accounts  (accounts or spray)',
      WINDOW,
      ...SHARED,
      'minAccounts 5 accounts (2 to 1000)',
      'minAttempts 15 attempts (2 to 1000)',
      'minPerAccount 2 attempts (1 to 50)',
      'maxPerAccount 8 attempts (1 to 50)',
      'bandMax 6 attempts (1 to 50)',
      'bandSharePercent 60 percent (0 to 100)',
      'minSpreadMinutes 5 minutes (0 to 60)',
      COMMON,
    ],
  ],
  [
    'CREDENTIAL_STUFFING',
    null,
    [
      'minAccounts 15 accounts (2 to 1000)',
      'minAttempts 25 attempts (2 to 1000)',
      'fewPerAccount 2 attempts (1 to 50)',
      'fewSharePercent 80 percent (0 to 100)',
      'timeWindowMs 900000 ms (60000 to 86400000)',
      ...SHARED,
      COMMON,
    ],
  ],
];

describe('the conditions of a rule', () => {
  it.each(PROMISED)('%s (%s) are the ones that are promised', (ruleType, shape, promised) => {
    expect(conditionSpecs(ruleType, shape).map(lineOf)).toEqual(promised);
  });

  it('are promised for every detected type, and for no other', () => {
    expect([...new Set(PROMISED.map(([ruleType]) => ruleType))]).toEqual([...DETECTED_TYPES]);
    expect(conditionSpecs('RUNBOOK', null)).toEqual([]);
  });

  it('allow both ends of their range, and nothing beyond', () => {
    for (const [ruleType, shape] of PROMISED) {
      const shaped = shape === null ? {} : { shape };
      for (const { name, allows } of conditionSpecs(ruleType, shape)) {
        if (allows.type === 'choice') continue;
        const faultsAt = (value: number): boolean => {
          const parsed = parseRule({ ruleId: 'r', ruleType, conditions: { ...shaped, [name]: value } });
          return 'faults' in parsed && parsed.faults.some(({ detail }) => detail.startsWith('must be a whole number'));
        };
        expect([name, faultsAt(allows.min), faultsAt(allows.max)]).toEqual([name, false, false]);
        expect([name, faultsAt(allows.min - 1), faultsAt(allows.max + 1)]).toEqual([name, true, true]);
      }
    }
  });
});

describe('the window in minutes', () => {
  const parsed = (timeWindowMinutes: unknown): unknown =>
    parseRule({ ruleId: 'r', ruleType: 'REPEATED_2FA_BYPASS', conditions: { timeWindowMinutes } });

  it('is a number, and nothing that could be read as one', () => {
    expect(parsed(5)).toMatchObject({ rule: { conditions: { timeWindowMs: 300_000 } } });
    for (const wrong of ['5', [5], true, null, 5.00001, Number.NaN]) {
      expect(parsed(wrong)).toMatchObject({ faults: [{ pointer: '/conditions/timeWindowMinutes' }] });
    }
  });
});

describe('the fault of a type that nothing detects', () => {
  it('lists the types that something does', () => {
    const detail = `has no detector; use one of ${DETECTED_TYPES.join(', ')}`;
    expect(parseRule({ ruleId: 'r', ruleType: 'CUSTOM' })).toEqual({ faults: [{ pointer: '/ruleType', detail }] });
  });
});

describe('the faults of a rule by itself', () => {
  it('point into that rule', () => {
    const parsed = parseRule({
      ruleId: '',
      ruleType: 'REPEATED_2FA_BYPASS',
      conditions: { minAttempts: 0, 'a/b~c': 1 },
    });
    expect('faults' in parsed && parsed.faults.map(({ pointer }) => pointer)).toEqual([
      '/ruleId',
      '/conditions/minAttempts',
      '/conditions/a~1b~0c',
    ]);
    expect(parseRule({ ruleId: 'r', ruleType: 'RUNBOOK' })).toMatchObject({ faults: [{ pointer: '/ruleType' }] });
  });

  it.each([
    ['no text', 5],
    ['empty', ''],
    ['longer than 128 characters', 'r'.repeat(129)],
    ['half of a character', '\ud800'],
  ])('name an id that is %s', (_name, ruleId) => {
    // What a caller sends is not what the type says.
    const parsed = parseRule({ ruleId: ruleId as string, ruleType: 'REPEATED_2FA_BYPASS' });
    expect(parsed).toMatchObject({ faults: [{ pointer: '/ruleId' }] });
    expect(parseRule({ ruleId: 'r'.repeat(128), ruleType: 'REPEATED_2FA_BYPASS' })).toHaveProperty('rule');
  });

  it('name both ends of what fits only alone', () => {
    const faultsOf = (ruleType: PlaybookType, conditions: Record<string, unknown>): unknown => {
      const parsed = parseRule({ ruleId: 'r', ruleType, conditions });
      return 'faults' in parsed ? parsed.faults.map(({ pointer }) => pointer) : [];
    };
    const spray = (conditions: Record<string, unknown>): unknown =>
      faultsOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray', ...conditions });
    expect(spray({ minPerAccount: 8, maxPerAccount: 8, bandMax: 8 })).toEqual([]);
    expect(spray({ minPerAccount: 9 })).toEqual(['/conditions/minPerAccount']);
    expect(spray({ bandMax: 9 })).toEqual(['/conditions/bandMax']);
    expect(faultsOf('REPEATED_2FA_BYPASS', { minAttempts: 11 })).toEqual(['/conditions/minAttempts']);
    const hours = { changeWindowStartHour: 8, changeWindowEndHour: 8 };
    expect(faultsOf('UNUSUAL_PRIVILEGE_ACTION', hours)).toEqual(['/conditions/changeWindowStartHour']);
    expect(faultsOf('UNUSUAL_PRIVILEGE_ACTION', { ...hours, changeWindowEndHour: 9 })).toEqual([]);
  });
});
