import { describe, expect, it } from 'vitest';
import { KNOWLEDGE } from '../../src/pipeline/deadlines/rule.ts';
import { BUILTIN_RULES } from '../../src/pipeline/deadlines/rules/builtin.ts';
import { tagRegime } from '../../src/pipeline/deadlines/tag-regime.ts';
import { OTHER_REGIME_NAMES } from '../../src/pipeline/runbooks/regime-names.ts';
import { REGIME_TAGS, regimeName } from '../../src/pipeline/runbooks/validate/regimes.ts';

/** What `validate` says of regimes is what the rules of clocks say, although it does not know them. */

/** Of the rules that a tag starts: the largest limit in hours that counts from when somebody came to know; null: there is none. */
function latestHours(regime: string): number | null {
  const hours = BUILTIN_RULES.filter((rule) => rule.regime === regime && rule.enabled && rule.onTag)
    .flatMap(({ stages }) => stages.flatMap(({ limits }) => limits))
    .flatMap(({ after, count }) =>
      'event' in after && KNOWLEDGE.includes(after.event) && count.unit === 'hours' ? [count.amount] : [],
    );
  return hours.length === 0 ? null : Math.max(...hours);
}

describe('regimes', () => {
  it('are known to validate exactly as the rules have them, with their limits', () => {
    const regimes = [...new Set(BUILTIN_RULES.map(({ regime }) => regime))].sort();
    const notifying = Object.entries(REGIME_TAGS).filter(([, { notifies }]) => notifies);
    expect(Object.fromEntries(notifying.map(([name, { latestHours: hours }]) => [name, hours]))).toEqual(
      Object.fromEntries(regimes.map((regime) => [regime, latestHours(regime)])),
    );
  });

  it('have the same other names in runbooks and in clocks', () => {
    for (const [other, regime] of OTHER_REGIME_NAMES) {
      expect([other, regimeName(other), tagRegime(other, BUILTIN_RULES)]).toEqual([other, regime, regime]);
    }
    for (const tag of ['gdpr', 'UK_GDPR', 'uk gdpr', 'Pci-Dss', 'CERT_IN'])
      expect(regimeName(tag)).toBe(tagRegime(tag, BUILTIN_RULES));
    expect([regimeName('iso 27001'), regimeName('constructor'), regimeName('NOREGIME')]).toEqual([
      'ISO27001',
      null,
      null,
    ]);
  });
});
