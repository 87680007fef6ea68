import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What judges the product must not be made of it, and must be short enough to be read by whoever relies on it. */

const FOLDER = 'tests/approvals/matrix';
const MOST_LINES = 100;

const textOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
/** Everything that a file takes from elsewhere, in whichever way it is written. */
const importsOf = (file: string): readonly string[] =>
  [...textOf(file).matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"`]([^'"`]+)['"`]/g)].map(([, from = '']) => from);

describe('the specification of votes', () => {
  it('has fewer than 100 lines', () => {
    expect(textOf('specification.ts').trimEnd().split('\n').length).toBeLessThan(MOST_LINES);
  });

  it('takes nothing from the product, nor from anything that does', () => {
    expect([...new Set(importsOf('specification.ts'))]).toEqual(['./case.ts']);
    expect(importsOf('case.ts')).toEqual([]);
    for (const file of ['cases.ts', 'staff.ts'])
      expect(importsOf(file).filter((from) => !from.startsWith('./'))).toEqual([]);
  });

  it('would be found out', () => {
    expect(importsOf('core-house.ts').some((from) => from.includes('src/'))).toBe(true);
  });
});
