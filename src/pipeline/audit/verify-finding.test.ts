import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstOf, nameText, type Finding } from './verify-finding.ts';

function finding(placed: Finding['placed'], given: Partial<Finding> = {}): Finding {
  return { verdict: 'changed', placed, position: null, name: null, problem: 'x', ...given };
}

/** Fails unless `first` comes before `second`, whichever is told first. */
function expectFirst(first: Finding, second: Finding): void {
  expect(firstOf(first, second)).toBe(first);
  expect(firstOf(second, first)).toBe(first);
}

const anyFinding: fc.Arbitrary<Finding> = fc.record({
  verdict: fc.constantFrom('changed' as const, 'truncated' as const),
  placed: fc.constantFrom('position' as const, 'name' as const, 'stray' as const, 'order' as const),
  position: fc.option(fc.nat(5)),
  name: fc.option(fc.record({ stream: fc.constantFrom('a', 'b', 'B'), seq: fc.integer({ min: 1, max: 3 }) })),
  problem: fc.string(),
});

describe('the first of two findings', () => {
  it('is the better placed one', () => {
    const all = [
      finding('position', { position: 9 }),
      finding('name', { name: { stream: 'a', seq: 1 } }),
      finding('stray', { name: { stream: 'a', seq: 1 } }),
      finding('order', { name: { stream: 'a', seq: 1 } }),
    ];
    for (const [place, better] of all.entries()) for (const worse of all.slice(place + 1)) expectFirst(better, worse);
  });

  it('is the one at the lower place', () => {
    expectFirst(finding('position', { position: 1 }), finding('position', { position: 2 }));
  });

  it('is by name where there are no places: by stream, then by number', () => {
    const named = (stream: string, seq: number): Finding => finding('name', { name: { stream, seq } });
    expectFirst(named('a', 2), named('b', 1));
    expectFirst(named('a', 9), named('a', 10));
  });

  it('is the one that was told first where nothing tells them apart', () => {
    for (const placed of ['stray', 'order'] as const) {
      const [a, b] = [
        finding(placed, { name: { stream: 'b', seq: 2 } }),
        finding(placed, { name: { stream: 'a', seq: 1 } }),
      ];
      expect(firstOf(a, b)).toBe(a);
    }
    const [a, b] = [finding('position', { position: 3 }), finding('position', { position: 3 })];
    expect(firstOf(a, b)).toBe(a);
  });

  it('is the only one where there is one', () => {
    const only = finding('order');
    expect(firstOf(null, only)).toBe(only);
  });

  it('is one of the two, whatever they hold', () => {
    fc.assert(fc.property(anyFinding, anyFinding, (a, b) => [a, b].includes(firstOf(a, b))));
  });
});

describe('the name of a record', () => {
  it('is its stream and its number', () => {
    expect(nameText({ stream: 'execution/exe_1', seq: 3 })).toBe('execution/exe_1 #3');
  });
});
