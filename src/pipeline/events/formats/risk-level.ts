/** Our numbers for providers that say their risk in words: own judgement, no published source. */
const RISK_OF_LEVEL: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['low', 25],
  ['medium', 50],
  ['high', 75],
  ['critical', 95],
]);

/** A risk word as 0 to 100; null for a word that is hidden or not known. */
export function riskOfLevel(level: string | null): number | null {
  return RISK_OF_LEVEL.get((level ?? '').slice(0, 20).toLowerCase()) ?? null;
}
