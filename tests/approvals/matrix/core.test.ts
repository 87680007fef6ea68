import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { playInCore } from './core-house.ts';
import { objectionTo } from './judge.ts';
import { ordersOf, PURE_CASES } from './pure-cases.ts';

describe('the specification', () => {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

  it('is short enough to be read whole', () => {
    expect(read('specification.ts').split('\n').length).toBeLessThan(100);
  });

  it.each(['specification.ts', 'case.ts'])('knows nothing of the product: %s', (file) => {
    const imported = [...read(file).matchAll(/\b(?:from|import|require)\b\s*\(?\s*['"]([^'"]+)['"]/g)].map(
      ([, name]) => name,
    );
    expect(imported.filter((name) => name !== './case.ts')).toEqual([]);
  });
});

describe('the matrix of votes on the pure core', () => {
  it('has thousands of cases, each another one', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(5_000);
    expect(PURE_CASES.length).toBeGreaterThan(CASES.length / 3);
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });

  it('has no way past the specification', () => {
    const objections = PURE_CASES.flatMap((given) =>
      ordersOf(given).flatMap((reversed) => objectionTo(given, playInCore(given, reversed)) ?? []),
    );
    expect(objections.slice(0, 5)).toEqual([]);
  });
});
