import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import { PLAYBOOK_TYPES, type PlaybookType } from '../vocabulary.ts';
import type { Rule } from './detector.ts';
import { conditionSpecs, DETECTED_TYPES, type ConditionSpec } from './rule-defaults.ts';

/** Longest rule id, in UTF-16 units: it is part of keys and file names. */
const MAX_RULE_ID_LENGTH = 128;

/** Most members of `conditions`; the richest rule has 15. */
const MAX_CONDITIONS = 64;

export interface RuleInput {
  readonly ruleId: string;
  readonly ruleType: string;
  /** Condition names of `rule-defaults.ts`, `timeWindowMinutes`, or an object of them under `thresholds`. */
  readonly conditions?: Readonly<Record<string, unknown>>;
}

export type RuleParse = { readonly rule: Rule } | { readonly faults: readonly Fault[] };

/**
 * Checks a rule and fills in its defaults. Never throws for hostile values: every fault is listed with its pointer.
 * Rule types without a detector (RUNBOOK, CUSTOM ...) are refused: nothing would ever fire.
 */
export function parseRule(input: RuleInput, pointer = ''): RuleParse {
  const faults: Fault[] = [];
  const { ruleId } = input;
  if (typeof ruleId !== 'string' || ruleId === '' || ruleId.length > MAX_RULE_ID_LENGTH || !ruleId.isWellFormed()) {
    faults.push({ pointer: `${pointer}/ruleId`, detail: `must be text of 1 to ${MAX_RULE_ID_LENGTH} characters` });
  }
  const ruleType = PLAYBOOK_TYPES.find((type) => type === input.ruleType);
  if (ruleType === undefined || !DETECTED_TYPES.some((type) => type === ruleType)) {
    const detail = `has no detector; use one of ${DETECTED_TYPES.join(', ')}`;
    return { faults: [...faults, { pointer: `${pointer}/ruleType`, detail }] };
  }
  const given = flatConditions(input.conditions ?? {}, `${pointer}/conditions`, faults);
  const shape = given.get('shape')?.value;
  const conditions = fillConditions(conditionSpecs(ruleType, shape), given, faults);
  checkTogether(conditions, `${pointer}/conditions`, faults);
  return faults.length > 0 ? { faults } : { rule: { ruleId, ruleType, conditions } };
}

/** As `parseRule` for a list; duplicate ids are a fault. @throws FirebreakError `invalid_playbook` with all faults. */
export function parseRules(inputs: readonly RuleInput[], pointer = ''): readonly Rule[] {
  const rules: Rule[] = [];
  const faults: Fault[] = [];
  const ids = new Set<string>();
  for (const [index, input] of inputs.entries()) {
    const parsed = parseRule(input, `${pointer}/${index}`);
    if ('faults' in parsed) faults.push(...parsed.faults);
    else rules.push(parsed.rule);
    if (ids.has(input.ruleId)) faults.push({ pointer: `${pointer}/${index}/ruleId`, detail: 'is used twice' });
    ids.add(input.ruleId);
  }
  if (faults.length > 0) throw new FirebreakError('invalid_playbook', 'The detection rules are not valid', faults);
  return rules;
}

/** An integer condition of a rule; the default when the rule does not carry it (0 for an unknown name). */
export function integerCondition(rule: Rule, name: string): number {
  const value = Object.hasOwn(rule.conditions, name) ? rule.conditions[name] : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  const spec = conditionSpecs(rule.ruleType, rule.conditions['shape']).find((candidate) => candidate.name === name);
  return typeof spec?.default === 'number' ? spec.default : 0;
}

/** Hashing a rule costs more than judging a quiet key, and a batch asks for it once for each key. */
const VERSIONS = new WeakMap<Rule, { readonly detectorVersion: number; readonly version: string }>();

/** What a rule stands for: two rules with the same version judge alike. Part of a finding's identity. */
export function ruleVersion(rule: Rule, detectorVersion: number): string {
  const known = VERSIONS.get(rule);
  if (known?.detectorVersion === detectorVersion) return known.version;
  const { ruleType, conditions } = rule;
  const version = contentHash({ ruleType, conditions, detectorVersion }).slice(0, 16);
  VERSIONS.set(rule, { detectorVersion, version });
  return version;
}

interface Given {
  readonly value: unknown;
  readonly pointer: string;
}

/** The given conditions by name, with `thresholds` spread and `timeWindowMinutes` as ms. */
function flatConditions(
  conditions: Readonly<Record<string, unknown>>,
  pointer: string,
  faults: Fault[],
): ReadonlyMap<string, Given> {
  const given = new Map<string, Given>();
  for (const [name, value] of Object.entries(conditions).slice(0, MAX_CONDITIONS)) {
    if (name !== 'thresholds')
      addCondition(given, name, { value, pointer: `${pointer}/${escapePointer(name)}` }, faults);
    else if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      faults.push({ pointer: `${pointer}/thresholds`, detail: 'must be an object of condition names and numbers' });
    } else {
      for (const [inner, threshold] of Object.entries(value).slice(0, MAX_CONDITIONS)) {
        const at = `${pointer}/thresholds/${escapePointer(inner)}`;
        addCondition(given, inner, { value: threshold, pointer: at }, faults);
      }
    }
  }
  return given;
}

function addCondition(given: Map<string, Given>, name: string, item: Given, faults: Fault[]): void {
  const isMinutes = name === 'timeWindowMinutes';
  const own = isMinutes ? 'timeWindowMs' : name;
  const value = isMinutes && typeof item.value === 'number' ? item.value * 60_000 : item.value;
  const earlier = given.get(own);
  if (earlier !== undefined && earlier.value !== value) {
    faults.push({ pointer: item.pointer, detail: `contradicts ${earlier.pointer}; keep one of the two` });
  }
  given.set(own, { value, pointer: item.pointer });
}

function fillConditions(
  specs: readonly ConditionSpec[],
  given: ReadonlyMap<string, Given>,
  faults: Fault[],
): Record<string, number | string> {
  const conditions: Record<string, number | string> = {};
  for (const spec of specs) {
    const item = given.get(spec.name);
    conditions[spec.name] = item === undefined ? spec.default : checkedValue(spec, item, faults);
  }
  for (const [name, item] of given) {
    if (specs.some((spec) => spec.name === name)) continue;
    const known = specs.map((spec) => spec.name).join(', ');
    faults.push({ pointer: item.pointer, detail: `is not a condition of this rule type; known: ${known}` });
  }
  return conditions;
}

function checkedValue(spec: ConditionSpec, item: Given, faults: Fault[]): number | string {
  const { value, pointer } = item;
  if (spec.allows.type === 'choice') {
    if (typeof value === 'string' && spec.allows.choices.includes(value)) return value;
    faults.push({ pointer, detail: `must be one of ${spec.allows.choices.join(', ')}` });
    return spec.default;
  }
  const { min, max } = spec.allows;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  faults.push({ pointer, detail: `must be a whole number of ${spec.unit} from ${min} to ${max}` });
  return spec.default;
}

/** Faults that only two conditions together can have. */
function checkTogether(conditions: Readonly<Record<string, number | string>>, pointer: string, faults: Fault[]): void {
  for (const [low, high] of [
    ['minAttempts', 'criticalAttempts'],
    ['minPerAccount', 'maxPerAccount'],
    ['bandMax', 'maxPerAccount'],
  ] as const) {
    const lowValue = conditions[low];
    const highValue = conditions[high];
    if (typeof lowValue !== 'number' || typeof highValue !== 'number' || lowValue <= highValue) continue;
    faults.push({ pointer: `${pointer}/${low}`, detail: `must not be above ${high} (${highValue})` });
  }
  const start = conditions['changeWindowStartHour'];
  if (start !== undefined && start === conditions['changeWindowEndHour']) {
    const detail = 'must differ from changeWindowEndHour; 0 and 24 mean no change window';
    faults.push({ pointer: `${pointer}/changeWindowStartHour`, detail });
  }
}

function escapePointer(name: string): string {
  return name.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}

function builtIn(ruleId: string, ruleType: PlaybookType, conditions: Readonly<Record<string, unknown>> = {}): Rule {
  const parsed = parseRule({ ruleId, ruleType, conditions });
  if ('rule' in parsed) return parsed.rule;
  throw new Error(`invariant broken: the built-in rule ${ruleId} is not valid`);
}

/** The rules of a fresh installation, with every default filled in. */
export const DEFAULT_RULES: readonly Rule[] = [
  builtIn('rule_impossible_travel', 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL'),
  builtIn('rule_2fa_bypass', 'REPEATED_2FA_BYPASS'),
  builtIn('rule_privilege_action', 'UNUSUAL_PRIVILEGE_ACTION'),
  builtIn('rule_campaign', 'MULTI_ACCOUNT_CAMPAIGN'),
  builtIn('rule_password_spray', 'MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray' }),
  builtIn('rule_credential_stuffing', 'CREDENTIAL_STUFFING'),
];
