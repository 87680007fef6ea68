import { regimeNamed } from '../runbooks/regime-names.ts';
import type { DeadlineRule } from './rule.ts';

/** The regime that a runbook's tag names, in whatever spelling; null: none that there are rules for. */
export function tagRegime(tag: string, rules: readonly Pick<DeadlineRule, 'regime'>[]): string | null {
  return regimeNamed(
    tag,
    rules.map(({ regime }) => regime),
  );
}
