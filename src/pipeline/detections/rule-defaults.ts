import type { PlaybookType } from '../vocabulary.ts';

/**
 * Every condition a rule may carry, its bounds, its default and where the default comes from. `source` is shown in the
 * console and in the documentation; "own" means judgement without a published number.
 */
export interface ConditionSpec {
  readonly name: string;
  readonly unit: string;
  /** Integers have bounds; choices are closed. */
  readonly allows:
    | { readonly type: 'integer'; readonly min: number; readonly max: number }
    | { readonly type: 'choice'; readonly choices: readonly string[] };
  readonly default: number | string;
  readonly source: string;
}

const ELASTIC_TRAVEL = 'Elastic Entra impossible travel @14cf530f';
const PANTHER_TRAVEL = 'Panther impossible_travel_login @daa10c88';
const ELASTIC_SPRAY = 'Elastic password spray, one source @14cf530f';
const ELASTIC_STUFFING = 'Elastic credential stuffing @14cf530f';
const SEED_CAMPAIGN = 'the product request: 3+ accounts from the same IP';

function integer(name: string, unit: string, value: number, min: number, max: number, source: string): ConditionSpec {
  return { name, unit, allows: { type: 'integer', min, max }, default: value, source };
}

/** Understood by every rule. */
const COMMON: readonly ConditionSpec[] = [
  integer('minSignificance', 'confidence', 0, 0, 100, 'own: every finding is kept unless the rule says otherwise'),
];

const TRAVEL: readonly ConditionSpec[] = [
  integer('minDistanceKm', 'km', 500, 50, 20_000, `${ELASTIC_TRAVEL} (>= 500 km)`),
  integer('maxSpeedKmh', 'km/h', 900, 100, 40_000, `${PANTHER_TRAVEL} (> 900 km/h; Elastic: >= 800)`),
  integer('maxTimeDiffHours', 'hours', 24, 1, 168, `${PANTHER_TRAVEL} (last login cached one day)`),
  integer('minImprobabilityScore', 'score', 0, 0, 100, 'own: speed alone decides unless the rule says otherwise'),
  integer('sameCountryMinDistanceKm', 'km', 500, 50, 20_000, 'own: another country or at least 500 km'),
  integer('learningDays', 'days', 14, 0, 90, 'BuffaLogs certego.py @78cb5bdb'),
];

const MFA: readonly ConditionSpec[] = [
  integer('minAttempts', 'attempts', 5, 2, 100, 'the product request: 5+ failed 2FA attempts'),
  integer('timeWindowMs', 'ms', 3_600_000, 60_000, 86_400_000, 'the product request: 60 minutes'),
  integer('burstMinutes', 'minutes', 10, 1, 1_440, 'Elastic Okta bombing @14cf530f (5 in 10 min)'),
  integer('criticalAttempts', 'attempts', 10, 2, 1_000, 'Splunk Entra denied > 9 @b13b314ae; the product request: 10+'),
  integer('unansweredAfterSeconds', 'seconds', 120, 10, 600, 'own: longer than a push is usually shown'),
];

const PRIVILEGE: readonly ConditionSpec[] = [
  integer('learningDays', 'days', 14, 0, 90, 'own: as for travel'),
  integer('usualCount', 'times', 3, 1, 100, 'own'),
  integer('afterResetHours', 'hours', 24, 1, 168, 'own'),
  integer('changeWindowStartHour', 'UTC hour', 0, 0, 23, 'own: no change window'),
  integer('changeWindowEndHour', 'UTC hour', 24, 1, 24, 'own: no change window'),
];

const SHARED: readonly ConditionSpec[] = [
  integer('sharedUsers', 'people', 20, 2, 200, 'own: successful people on one source'),
  integer('sharedDays', 'days', 7, 1, 30, 'own'),
  integer('sharedFactor', 'times', 3, 1, 10, 'own'),
];

const CAMPAIGN: readonly ConditionSpec[] = [
  {
    name: 'shape',
    unit: '',
    allows: { type: 'choice', choices: ['accounts', 'spray'] },
    default: 'accounts',
    source: SEED_CAMPAIGN,
  },
  integer('minAccounts', 'accounts', 3, 2, 1_000, SEED_CAMPAIGN),
  integer('timeWindowMs', 'ms', 3_600_000, 60_000, 86_400_000, 'the product request: 60 minutes'),
  ...SHARED,
];

/** Used instead of those of `CAMPAIGN` when `shape` is `spray`. */
const SPRAY: readonly ConditionSpec[] = [
  ...CAMPAIGN.filter((spec) => spec.name !== 'minAccounts'),
  integer('minAccounts', 'accounts', 5, 2, 1_000, `${ELASTIC_SPRAY} (>= 5)`),
  integer('minAttempts', 'attempts', 15, 2, 1_000, `${ELASTIC_SPRAY} (>= 15)`),
  integer('minPerAccount', 'attempts', 2, 1, 50, `${ELASTIC_SPRAY} (2 to 8, on average at least 2)`),
  integer('maxPerAccount', 'attempts', 8, 1, 50, `${ELASTIC_SPRAY} (2 to 8)`),
  integer('bandMax', 'attempts', 6, 1, 50, `${ELASTIC_SPRAY} (band 2 to 6)`),
  integer('bandSharePercent', 'percent', 60, 0, 100, `${ELASTIC_SPRAY} (>= 60 %)`),
  integer('minSpreadMinutes', 'minutes', 5, 0, 60, `${ELASTIC_SPRAY} (>= 5 min)`),
];

const STUFFING: readonly ConditionSpec[] = [
  integer('minAccounts', 'accounts', 15, 2, 1_000, `${ELASTIC_STUFFING} (>= 15)`),
  integer('minAttempts', 'attempts', 25, 2, 1_000, `${ELASTIC_STUFFING} (>= 25)`),
  integer('fewPerAccount', 'attempts', 2, 1, 50, `${ELASTIC_STUFFING} (<= 2)`),
  integer('fewSharePercent', 'percent', 80, 0, 100, `${ELASTIC_STUFFING} (>= 80 %)`),
  integer('timeWindowMs', 'ms', 900_000, 60_000, 86_400_000, `${ELASTIC_STUFFING} (15 min)`),
  ...SHARED,
];

/** Rule types that a detector implements, in the order they are documented. */
export const DETECTED_TYPES = [
  'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  'REPEATED_2FA_BYPASS',
  'UNUSUAL_PRIVILEGE_ACTION',
  'MULTI_ACCOUNT_CAMPAIGN',
  'CREDENTIAL_STUFFING',
] as const satisfies readonly PlaybookType[];

/** The conditions of a rule type; empty for a type that no detector implements. */
export function conditionSpecs(ruleType: PlaybookType, shape: unknown): readonly ConditionSpec[] {
  switch (ruleType) {
    case 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL':
      return [...TRAVEL, ...COMMON];
    case 'REPEATED_2FA_BYPASS':
      return [...MFA, ...COMMON];
    case 'UNUSUAL_PRIVILEGE_ACTION':
      return [...PRIVILEGE, ...COMMON];
    case 'MULTI_ACCOUNT_CAMPAIGN':
      return [...(shape === 'spray' ? SPRAY : CAMPAIGN), ...COMMON];
    case 'CREDENTIAL_STUFFING':
      return [...STUFFING, ...COMMON];
    default:
      return [];
  }
}
