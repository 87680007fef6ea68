import { describe, expect, it } from 'vitest';
import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { BaseObservation } from './detector.ts';
import { HOUR, eventOf, ruleOf, T0 } from './test-event.ts';
import { runBatch, testStore } from './test-run.ts';
import { BUCKET_MS, bucketStart, remember } from './memory.ts';

const at = (time: number, eventId = String(time)): BaseObservation => ({ eventId, source: 's', time, ingest: false });
const room = (laneLimit: number, slotLimit: number) => () => ({ lane: '', laneLimit, slot: '', slotLimit });

describe('memory', () => {
  it('keeps nothing where there is no room, whether one comes or several', () => {
    for (const [laneLimit, slotLimit] of [
      [0, 1],
      [1, 0],
      [0, 0],
    ] as const) {
      for (const added of [[at(1)], [at(1), at(2)]]) {
        const { observations, dropped } = remember([], added, room(laneLimit, slotLimit));
        expect([observations, dropped]).toEqual([[], added.length]);
      }
    }
  });

  it('keeps what fits, in order, whether it comes alone or with others', () => {
    const all = [at(1), at(2), at(BUCKET_MS), at(BUCKET_MS + 1)];
    const once = remember([], all.toReversed(), room(2, 2));
    const one = all.reduce<readonly BaseObservation[]>(
      (held, each) => remember(held, [each], room(2, 2)).observations,
      [],
    );
    expect(once).toEqual({ observations: all, dropped: 0, duplicates: 0 });
    expect(one).toEqual(all);
    expect(remember(all, [], room(2, 2))).toEqual({ observations: all, dropped: 0, duplicates: 0 });
  });

  it('counts each bucket by itself, and leaves older ones as they are', () => {
    const held = [at(1), at(2), at(BUCKET_MS)];
    expect(remember(held, [at(BUCKET_MS + 1), at(BUCKET_MS + 2)], room(2, 2))).toEqual({
      observations: [...held, at(BUCKET_MS + 1)],
      dropped: 1,
      duplicates: 0,
    });
  });

  it('takes no event twice', () => {
    const held = [at(1), at(2)];
    expect(remember(held, [at(2), at(3)], room(9, 9))).toEqual({
      observations: [...held, at(3)],
      dropped: 0,
      duplicates: 1,
    });
  });

  it('has buckets that begin at whole multiples', () => {
    expect([0, 1, BUCKET_MS - 1, BUCKET_MS, 2 * BUCKET_MS + 7].map(bucketStart)).toEqual([
      0,
      0,
      0,
      BUCKET_MS,
      2 * BUCKET_MS,
    ]);
  });
});

describe('the memory of a source without times of its own', () => {
  it('ends where that of any other does: an event happened when it came', () => {
    for (const timeQuality of ['event', 'ingest'] as const) {
      const store = testStore();
      const rule = ruleOf('REPEATED_2FA_BYPASS');
      for (let hour = 0; hour < 12; hour += 1) {
        runBatch(
          store,
          [rule],
          [eventOf({ kind: 'mfa_result', outcome: 'denied', time: T0 + hour * HOUR, timeQuality })],
        );
      }
      const [state] = store.states.values();
      expect([timeQuality, state?.observations.length]).toEqual([timeQuality, 2]);
    }
  });

  it('never goes back', () => {
    for (const timeQuality of ['event', 'ingest'] as const) {
      const store = testStore();
      const rule = ruleOf('REPEATED_2FA_BYPASS');
      const marks = [12, 11, 13, 12].map((hour) => {
        const event = eventOf({ kind: 'mfa_result', outcome: 'denied', time: T0 + hour * HOUR, timeQuality });
        const [touched] = runBatch(store, [rule], [{ ...event, receivedAt: T0 + 13 * HOUR }]).states;
        const mark = timeQuality === 'event' ? touched?.state.watermark : touched?.state.ingestMark;
        return (mark ?? 0) + DISORDER_TOLERANCE_MS - T0;
      });
      expect(marks).toEqual([12, 12, 13, 13].map((hour) => hour * HOUR));
    }
  });
});
