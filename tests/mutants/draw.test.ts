import { describe, expect, it } from 'vitest';
import { draw, isProse } from './draw.ts';
import type { Mutant } from './instrument.ts';

function mutant(id: string, file: string, original = '1', kind = 'StringLiteral'): Mutant {
  return { id, file, line: 1, column: 1, kind, original, replacement: '', context: '' };
}

const MUTANTS = Array.from({ length: 90 }, (_, index) => mutant(String(index), index < 30 ? 'big.ts' : 'small.ts'));
const SIZES = new Map([
  ['big.ts', 9_000],
  ['small.ts', 1_000],
]);

describe('a draw', () => {
  it('is the same for the same seed, and another one for another', () => {
    const ids = (seed: number): readonly string[] => draw(MUTANTS, SIZES, 20, seed).map(({ id }) => id);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  it('draws none twice, and no more than there are', () => {
    for (const count of [1, 50, 90, 200]) {
      const drawn = draw(MUTANTS, SIZES, count, 7);
      expect(new Set(drawn.map(({ id }) => id)).size).toBe(drawn.length);
      expect(drawn).toHaveLength(Math.min(count, 90));
    }
  });

  it('looks at files by their size', () => {
    const big = Array.from({ length: 300 }, (_, seed) => draw(MUTANTS, SIZES, 1, seed)).flat();
    const share = big.filter(({ file }) => file === 'big.ts').length / big.length;
    expect(share).toBeGreaterThan(0.85);
    expect(share).toBeLessThan(0.95);
  });
});

describe('a text for people', () => {
  const file = 'src/pipeline/detections/rules.ts';

  it.each([
    "'must be an object'",
    '`must not be above ${high} (${highValue})`',
    '`Record ${nameText(name)} is missing`',
    '`${ELASTIC_SPRAY} (>= 5)`',
  ])('%s', (original) => {
    expect(isProse(mutant('1', file, original))).toBe(true);
    expect(isProse(mutant('1', file, original, 'ConditionalExpression'))).toBe(false);
  });

  it.each(["''", "' '", "', '", "'SKIPPED'", "'map<string, dyn>'", '`${ruleId} ${key}`', '`${type} v${v}`', "'login'"])(
    'is not %s, which a program reads',
    (original) => {
      expect(isProse(mutant('1', file, original))).toBe(false);
    },
  );

  it('is a whole sentence only in files whose texts are signed', () => {
    const signed = 'src/pipeline/audit/cosignature.ts';
    expect(isProse(mutant('1', signed, '`cosignature/v1\\ntime ${at}\\n${text}`'))).toBe(false);
    expect(isProse(mutant('1', signed, "'the time is in whole seconds'"))).toBe(true);
  });
});
