import { describe, expect, it } from 'vitest';
import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { BaseObservation } from './detector.ts';
import { advance, enqueue, type Lagged } from './lagged.ts';

type Times = Lagged<readonly number[], BaseObservation>;

const at = (time: number, ingest = false): BaseObservation => ({ eventId: String(time), source: 's', time, ingest });
const fold = (history: readonly number[], { time }: BaseObservation): readonly number[] => [...history, time];
const EMPTY: Times = { history: [], waiting: [] };

describe('history that lags', () => {
  const lagged = [10, 20, 20, 30].reduce<Times>((to, time) => enqueue(to, at(time)), EMPTY);

  it('holds what is older than the tolerance, and not what is exactly as old', () => {
    const historyAt = (time: number): readonly number[] => advance(lagged, DISORDER_TOLERANCE_MS + time, fold).history;
    expect(historyAt(10)).toEqual([]);
    expect(historyAt(11)).toEqual([10]);
    expect(historyAt(20)).toEqual([10]);
    expect(historyAt(21)).toEqual([10, 20, 20]);
    expect(historyAt(1_000)).toEqual([10, 20, 20, 30]);
  });

  it('loses nothing and takes nothing twice, however it is moved on', () => {
    let moved = lagged;
    for (let time = 0; time <= 40; time += 5) {
      moved = advance(moved, DISORDER_TOLERANCE_MS + time, fold);
      expect([...moved.history, ...moved.waiting.map((each) => each.time)]).toEqual([10, 20, 20, 30]);
    }
    expect(moved.waiting).toEqual([]);
    expect(advance(moved, DISORDER_TOLERANCE_MS + 50, fold)).toEqual(moved);
  });

  it('never holds what has no time of its own', () => {
    expect(enqueue(lagged, at(40, true))).toEqual(lagged);
  });
});
