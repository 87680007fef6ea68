import type { Rule } from './detector.ts';
import { integerCondition } from './rules.ts';
import type { WindowJudge, WindowView } from './series.ts';

/** The three shapes of an attack on many accounts from one source. */
export type Shape = 'accounts' | 'spray' | 'stuffing';

export function shapeOf(rule: Rule): Shape {
  if (rule.ruleType === 'CREDENTIAL_STUFFING') return 'stuffing';
  return rule.conditions['shape'] === 'spray' ? 'spray' : 'accounts';
}

/**
 * Judges a window of one source. `factor` raises how many accounts and attempts are needed (shared addresses).
 * Ratios open a series but do not keep it open: one account tried once more must not take a finding back.
 */
export function judgeShape(shape: Shape, rule: Rule, factor: number): WindowJudge {
  const minAccounts = integerCondition(rule, 'minAccounts') * factor;
  if (shape === 'accounts') {
    return { grows: ({ units }) => units >= minAccounts, opens: () => true };
  }
  const minAttempts = integerCondition(rule, 'minAttempts') * factor;
  return {
    grows: ({ units, items }) => units >= minAccounts && items >= minAttempts,
    opens: (window) => (shape === 'spray' ? isSpray(window, rule) : isStuffing(window, rule)),
  };
}

/** A few passwords on many accounts, slowly: nobody is tried often, most in the same narrow band. */
function isSpray(window: WindowView, rule: Rule): boolean {
  const least = integerCondition(rule, 'minPerAccount');
  if (window.spanMs < integerCondition(rule, 'minSpreadMinutes') * 60_000) return false;
  if (window.items < least * window.units) return false;
  const band = countAccounts(window, least, integerCondition(rule, 'bandMax'));
  if (band * 100 < integerCondition(rule, 'bandSharePercent') * window.units) return false;
  return countAccounts(window, 0, integerCondition(rule, 'maxPerAccount')) === window.units;
}

/** One leaked password for each account: nearly all accounts are tried once or twice. */
function isStuffing(window: WindowView, rule: Rule): boolean {
  const few = countAccounts(window, 1, integerCondition(rule, 'fewPerAccount'));
  return few * 100 >= integerCondition(rule, 'fewSharePercent') * window.units;
}

function countAccounts(window: WindowView, least: number, most: number): number {
  let accounts = 0;
  for (const attempts of window.perUnit.values()) if (attempts >= least && attempts <= most) accounts += 1;
  return accounts;
}
