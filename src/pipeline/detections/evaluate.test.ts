import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { DISORDER_TOLERANCE_MS, MAX_CLOCK_SKEW_MS } from '../../platform/limits.ts';
import type { Event } from '../events/event.ts';
import { changesOf } from './changes.ts';
import type { Finding } from './detector.ts';
import { BUCKET_MS, remember } from './memory.ts';
import { ruleVersion } from './rules.ts';
import { DAY, eventOf, HOUR, MINUTE, ruleOf, T0 } from './test-event.ts';
import { findingsOf, runBatch, standing, testStore, type TestStore } from './test-run.ts';

const RULE = ruleOf('REPEATED_2FA_BYPASS');

function denied(time: number, given: Partial<Event> = {}): Event {
  return eventOf({ kind: 'mfa_result', outcome: 'denied', time, ...given });
}

function stateOf(store: TestStore): NonNullable<ReturnType<TestStore['states']['get']>> {
  const [state] = store.states.values();
  if (state === undefined) throw new Error('no state');
  return state;
}

describe('the watermark', () => {
  it('follows the newest event of the key, behind by the tolerance, and never goes back', () => {
    const store = testStore();
    runBatch(store, [RULE], [denied(T0)]);
    expect(stateOf(store).watermark).toBe(T0 - DISORDER_TOLERANCE_MS);
    runBatch(store, [RULE], [denied(T0 - HOUR)]);
    expect(stateOf(store).watermark).toBe(T0 - DISORDER_TOLERANCE_MS);
  });

  it('does not follow a clock that runs ahead, nor an event without a time of its own', () => {
    const store = testStore();
    runBatch(store, [RULE], [denied(T0 + DAY, { receivedAt: T0 })]);
    expect(stateOf(store).watermark).toBe(T0 + MAX_CLOCK_SKEW_MS - DISORDER_TOLERANCE_MS);
    runBatch(store, [RULE], [denied(T0 + HOUR, { timeQuality: 'ingest' })]);
    expect(stateOf(store).watermark).toBe(T0);
  });
});

describe('memory', () => {
  it('is plain data that a record may hold', () => {
    const store = testStore();
    runBatch(
      store,
      [RULE],
      Array.from({ length: 8 }, (_, index) => denied(T0 + index * 7 * MINUTE)),
    );
    expect(() => canonicalJson(stateOf(store))).not.toThrow();
  });

  it('lets go of what is older than the window, and of findings that are final', () => {
    const store = testStore();
    runBatch(
      store,
      [RULE],
      Array.from({ length: 6 }, (_, index) => denied(T0 + index * MINUTE)),
    );
    expect(stateOf(store).findings).toHaveLength(1);
    runBatch(store, [RULE], [denied(T0 + DAY)]);
    expect(stateOf(store).observations).toHaveLength(1);
    expect(stateOf(store).findings).toEqual([]);
    expect(standing(store)).toHaveLength(1);
  });

  it('keeps of a flood the first by (time, id), whatever arrives first, and counts the rest', () => {
    const flood = Array.from({ length: 300 }, (_, index) => denied(T0 + index * 10));
    const [there, back] = [testStore(), testStore()];
    runBatch(there, [RULE], flood);
    for (const event of flood.toReversed()) runBatch(back, [RULE], [event]);
    expect(stateOf(there).observations).toEqual(stateOf(back).observations);
    expect(stateOf(there).observations).toHaveLength(32);
    expect(stateOf(there).dropped).toBe(268);
    expect(standing(there)).toEqual(standing(back));
  });

  it('caps each slot within its lane, and each lane by itself', () => {
    const at = (eventId: string, time: number): { eventId: string; source: string; time: number; ingest: boolean } => ({
      eventId,
      source: 's',
      time,
      ingest: false,
    });
    const capacityOf = ({
      eventId,
    }: {
      eventId: string;
    }): { lane: string; laneLimit: number; slot: string; slotLimit: number } => ({
      lane: eventId.charAt(0),
      laneLimit: 3,
      slot: eventId.charAt(1),
      slotLimit: 2,
    });
    const given = ['ax1', 'ax2', 'ax3', 'ay1', 'ay2', 'bx1'].map((id, index) => at(id, index));
    const kept = remember([], given, capacityOf);
    expect(kept.observations.map(({ eventId }) => eventId)).toEqual(['ax1', 'ax2', 'ay1', 'bx1']);
    expect(kept).toMatchObject({ dropped: 2, duplicates: 0 });
    expect(remember(kept.observations, [at('ax1', 0), at('ax9', BUCKET_MS)], capacityOf)).toMatchObject({
      dropped: 0,
      duplicates: 1,
    });
  });
});

describe('late events', () => {
  it('meet their window as long as it is in memory', () => {
    const store = testStore();
    runBatch(
      store,
      [RULE],
      [0, 1, 2, 3].map((index) => denied(T0 + index * MINUTE)),
    );
    runBatch(store, [RULE], [denied(T0 + 40 * MINUTE)]);
    runBatch(store, [RULE], [denied(T0 + 5 * MINUTE)]);
    expect(standing(store)[0]).toMatchObject({ severity: 'HIGH', evidenceCount: 6 });
  });

  it('from before memory are judged by themselves, and move nothing', () => {
    const store = testStore();
    runBatch(store, [RULE], [denied(T0 + 10 * DAY)]);
    const before = stateOf(store);
    const result = runBatch(
      store,
      [RULE],
      Array.from({ length: 5 }, (_, index) => denied(T0 + index * MINUTE)),
    );
    expect(result.late).toBe(5);
    expect(standing(store)[0]).toMatchObject({ severity: 'HIGH', evidenceCount: 5 });
    expect(stateOf(store)).toEqual(before);
  });
});

describe('changes', () => {
  const finding = (given: Partial<Finding>): Finding => {
    const [made] = findingsOf(
      RULE,
      Array.from({ length: 5 }, (_, index) => denied(T0 + index * MINUTE, { id: `f${index}` })),
    );
    if (made === undefined) throw new Error('no finding');
    return { ...made, ...given };
  };
  const change = (known: readonly Finding[], found: readonly Finding[]): readonly string[] =>
    changesOf(known, found, T0).changes.map((each) => `${each.change} ${each.finding.severity}`);

  it('open, raise, supersede and restore', () => {
    const [high, critical] = [finding({}), finding({ severity: 'CRITICAL' })];
    expect(change([], [high])).toEqual(['opened HIGH']);
    expect(change([high], [high])).toEqual([]);
    expect(change([high], [critical])).toEqual(['raised CRITICAL']);
    expect(change([high], [])).toEqual(['superseded HIGH']);
    expect(change([{ ...high, superseded: true }], [])).toEqual([]);
    expect(change([{ ...high, superseded: true }], [high])).toEqual(['restored HIGH']);
  });

  it('never go down, and leave alone what is final', () => {
    const critical = finding({ severity: 'CRITICAL' });
    expect(change([critical], [finding({})])).toEqual([]);
    expect(change([critical], [finding({ severity: 'CRITICAL', confidence: 1 })])).toEqual([]);
    expect(change([finding({ lastTime: T0 - 1 })], [])).toEqual([]);
  });
});

describe('another version', () => {
  const events = Array.from({ length: 5 }, (_, index) => denied(T0 + index * MINUTE));

  it('of a rule gives findings of its own and supersedes none', () => {
    const store = testStore();
    runBatch(store, [RULE], events);
    const stricter = ruleOf('REPEATED_2FA_BYPASS', { minAttempts: 3 });
    runBatch(store, [stricter], [denied(T0 + 6 * MINUTE)]);
    expect(store.changes.map((each) => each.change)).toEqual(['opened', 'opened']);
    expect(ruleVersion(RULE, 1)).not.toBe(ruleVersion(stricter, 1));
    expect(ruleVersion(RULE, 1)).not.toBe(ruleVersion(RULE, 2));
  });

  it('of a detector starts the key again', () => {
    const store = testStore();
    runBatch(store, [RULE], events);
    const [key = ''] = store.states.keys();
    store.states.set(key, { ...stateOf(store), detectorVersion: 0, ruleVersion: 'old', baseline: 'unreadable' });
    runBatch(store, [RULE], [denied(T0 + 6 * MINUTE)]);
    expect(stateOf(store).observations).toHaveLength(1);
  });
});
