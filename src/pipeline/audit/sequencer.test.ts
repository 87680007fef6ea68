import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, leafHash, treeRoot } from './merkle.ts';
import { checkpointDue, compareNames, planPositions, type UnsequencedRecord } from './sequencer.ts';

function waiting(stream: string, seq: number): UnsequencedRecord {
  return { stream, seq, leafHash: leafHash(`${stream} ${seq}`) };
}

const names = fc.uniqueArray(
  fc.record({ stream: fc.constantFrom('access', 'é/1', 'execution/a'), seq: fc.integer({ min: 1, max: 30 }) }),
  {
    selector: ({ stream, seq }) => `${stream} ${seq}`,
    maxLength: 25,
  },
);

describe('planPositions', () => {
  it('gives contiguous places behind the log and the frontier that belongs to them, whatever the order', () => {
    fc.assert(
      fc.property(names, fc.nat(20), fc.nat(), (given, size, turn) => {
        const before = Array.from({ length: size }, (_, index) => leafHash(`old ${index}`));
        const frontier = appendLeaves(EMPTY_FRONTIER, before);
        const records = given.map(({ stream, seq }) => waiting(stream, seq));
        const start = records.length === 0 ? 0 : turn % records.length;
        const plan = planPositions(frontier, records);
        expect(planPositions(frontier, [...records.slice(start), ...records.slice(0, start)])).toEqual(plan);
        expect(plan.leaves.map((leaf) => leaf.position)).toEqual(records.map((_, index) => size + index));
        expect(frontierRoot(plan.frontier)).toBe(treeRoot([...before, ...plan.leaves.map((leaf) => leaf.leafHash)]));
        expect(new Set(plan.leaves.map(({ stream, seq, leafHash: leaf }) => `${stream} ${seq} ${leaf}`))).toEqual(
          new Set(records.map(({ stream, seq, leafHash: leaf }) => `${stream} ${seq} ${leaf}`)),
        );
      }),
    );
  });

  it('orders a batch by stream and seq', () => {
    const plan = planPositions(EMPTY_FRONTIER, [waiting('b', 10), waiting('b', 9), waiting('a', 11)]);
    expect(plan.leaves.map(({ stream, seq }) => `${stream} ${seq}`)).toEqual(['a 11', 'b 9', 'b 10']);
    expect(compareNames({ stream: 'a', seq: 1 }, { stream: 'a', seq: 1 })).toBe(0);
  });

  it('plans nothing for nothing', () => {
    expect(planPositions(EMPTY_FRONTIER, [])).toEqual({ leaves: [], frontier: EMPTY_FRONTIER });
  });

  it('stops at a record that is given twice or cannot be placed', () => {
    expect(() => planPositions(EMPTY_FRONTIER, [waiting('a', 1), waiting('b', 1), waiting('a', 1)])).toThrow(
      'a 1 is placed once',
    );
    expect(() => planPositions(EMPTY_FRONTIER, [waiting('a', 0)])).toThrow('can be placed');
    expect(() => planPositions(EMPTY_FRONTIER, [{ ...waiting('a', 1), leafHash: 'x' }])).toThrow('can be placed');
  });
});

describe('checkpointDue', () => {
  it.each([
    ['nothing was added', { size: 7, signedSize: 7, signedAt: 0, now: 1_000_000 }, false],
    ['the log is empty', { size: 0, signedSize: 0, signedAt: null, now: 0 }, false],
    ['the first records came', { size: 1, signedSize: 0, signedAt: null, now: 0 }, true],
    ['one record, just before the interval', { size: 8, signedSize: 7, signedAt: 1_000, now: 5_999 }, false],
    ['one record, at the interval', { size: 8, signedSize: 7, signedAt: 1_000, now: 6_000 }, true],
    ['99 records at once', { size: 106, signedSize: 7, signedAt: 1_000, now: 1_000 }, false],
    ['100 records at once', { size: 107, signedSize: 7, signedAt: 1_000, now: 1_000 }, true],
  ])('when %s', (_name, situation, due) => {
    expect(checkpointDue(situation)).toBe(due);
  });
});
