import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { conditionSpecs, DETECTED_TYPES } from './rule-defaults.ts';
import { DEFAULT_RULES, integerCondition, parseRule, parseRules } from './rules.ts';

function faultsOf(ruleType: string, conditions: Record<string, unknown>): readonly string[] {
  const parsed = parseRule({ ruleId: 'r', ruleType, conditions }, '/rules/0');
  return 'faults' in parsed ? parsed.faults.map(({ pointer, detail }) => `${pointer} ${detail}`) : [];
}

function conditionsOf(ruleType: string, conditions: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const parsed = parseRule({ ruleId: 'r', ruleType, conditions });
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule.conditions;
}

describe('rule conditions', () => {
  it('have a default with a source for every detected type', () => {
    for (const type of DETECTED_TYPES) {
      for (const spec of [...conditionSpecs(type, null), ...conditionSpecs(type, 'spray')]) {
        expect(spec.source).not.toBe('');
        expect(Object.keys(conditionsOf(type, {}))).toContain('minSignificance');
      }
    }
    expect(DEFAULT_RULES).toHaveLength(6);
  });

  it('carry the numbers of the references', () => {
    expect(conditionsOf('SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', {})).toMatchObject({
      minDistanceKm: 500,
      maxSpeedKmh: 900,
      maxTimeDiffHours: 24,
      learningDays: 14,
    });
    expect(conditionsOf('REPEATED_2FA_BYPASS', {})).toMatchObject({
      minAttempts: 5,
      timeWindowMs: 3_600_000,
      burstMinutes: 10,
      criticalAttempts: 10,
    });
    expect(conditionsOf('MULTI_ACCOUNT_CAMPAIGN', {})).toMatchObject({
      shape: 'accounts',
      minAccounts: 3,
      sharedUsers: 20,
      sharedDays: 7,
      sharedFactor: 3,
    });
    expect(conditionsOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray' })).toMatchObject({
      minAccounts: 5,
      minAttempts: 15,
      maxPerAccount: 8,
      bandSharePercent: 60,
    });
    expect(conditionsOf('CREDENTIAL_STUFFING', {})).toMatchObject({
      minAccounts: 15,
      minAttempts: 25,
      fewPerAccount: 2,
      fewSharePercent: 80,
      timeWindowMs: 900_000,
    });
  });

  it("understand the seeds' names", () => {
    expect(conditionsOf('REPEATED_2FA_BYPASS', { minAttempts: 7, timeWindowMinutes: 30 })).toMatchObject({
      minAttempts: 7,
      timeWindowMs: 1_800_000,
    });
    expect(
      conditionsOf('REPEATED_2FA_BYPASS', { thresholds: { minAttempts: 6, timeWindowMs: 600_000 } }),
    ).toMatchObject({ minAttempts: 6, timeWindowMs: 600_000 });
    expect(
      conditionsOf('SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', { minSignificance: 70, minImprobabilityScore: 50 }),
    ).toMatchObject({ minSignificance: 70, minImprobabilityScore: 50 });
    expect(faultsOf('REPEATED_2FA_BYPASS', { timeWindowMs: 60_000, timeWindowMinutes: 1 })).toEqual([]);
  });

  it.each([
    [
      'an unknown name',
      { minAtempts: 5 },
      '/rules/0/conditions/minAtempts is not a condition of this rule type; known: minAttempts',
    ],
    ['a name of another type', { minDistanceKm: 500 }, '/rules/0/conditions/minDistanceKm is not a condition'],
    ['a prototype name', { constructor: 1 }, '/rules/0/conditions/constructor is not a condition'],
    [
      'text for a number',
      { minAttempts: '5' },
      '/rules/0/conditions/minAttempts must be a whole number of attempts from 2 to 100',
    ],
    ['a fraction', { minAttempts: 5.5 }, '/rules/0/conditions/minAttempts must be a whole number'],
    ['no number at all', { minAttempts: NaN }, '/rules/0/conditions/minAttempts must be a whole number'],
    ['out of range', { minAttempts: 0 }, '/rules/0/conditions/minAttempts must be a whole number'],
    [
      'minutes out of range',
      { timeWindowMinutes: 0 },
      '/rules/0/conditions/timeWindowMinutes must be a whole number of ms',
    ],
    [
      'two windows',
      { timeWindowMinutes: 5, timeWindowMs: 1 },
      '/rules/0/conditions/timeWindowMs contradicts /rules/0/conditions/timeWindowMinutes',
    ],
    [
      'critical below the least',
      { minAttempts: 11 },
      '/rules/0/conditions/minAttempts must not be above criticalAttempts (10)',
    ],
    ['thresholds that are a list', { thresholds: [5] }, '/rules/0/conditions/thresholds must be an object'],
    ['an unknown threshold', { thresholds: { x: 1 } }, '/rules/0/conditions/thresholds/x is not a condition'],
  ])('refuse %s', (_name, conditions, expected) => {
    expect(faultsOf('REPEATED_2FA_BYPASS', conditions)[0]).toContain(expected);
  });

  it('refuse rule types without a detector, unknown shapes and empty windows', () => {
    for (const type of ['RUNBOOK', 'CUSTOM', 'nonsense', '__proto__'])
      expect(faultsOf(type, {})[0]).toContain('has no detector');
    expect(faultsOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'round' })[0]).toContain('must be one of accounts, spray');
    expect(faultsOf('UNUSUAL_PRIVILEGE_ACTION', { changeWindowStartHour: 8, changeWindowEndHour: 8 })[0]).toContain(
      'must differ',
    );
  });

  it('list every fault of every rule at once', () => {
    const rules = [
      { ruleId: 'a', ruleType: 'REPEATED_2FA_BYPASS', conditions: { minAttempts: 0 } },
      { ruleId: 'a', ruleType: 'X' },
      { ruleId: '', ruleType: 'REPEATED_2FA_BYPASS' },
    ];
    const thrown = (): unknown => {
      try {
        return parseRules(rules);
      } catch (error) {
        return error;
      }
    };
    const error = thrown();
    expect(error).toBeInstanceOf(FirebreakError);
    expect(error instanceof FirebreakError && error.faults.map(({ pointer }) => pointer)).toEqual([
      '/0/conditions/minAttempts',
      '/1/ruleType',
      '/1/ruleId',
      '/2/ruleId',
    ]);
  });

  it('fall back to their default in a rule that does not carry them', () => {
    const rule = { ruleId: 'r', ruleType: 'REPEATED_2FA_BYPASS', conditions: { minAttempts: 'many' } } as const;
    expect(integerCondition(rule, 'minAttempts')).toBe(5);
    expect(integerCondition(rule, 'unheard')).toBe(0);
  });
});
