import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { eventOf, MINUTE, ruleOf, T0 } from './test-event.ts';
import { findingsOf, runBatch, testStore } from './test-run.ts';

const RULE = ruleOf('REPEATED_2FA_BYPASS');

function factor(minutes: number, outcome: Event['outcome']): Event {
  return eventOf({ kind: 'mfa_result', outcome, time: T0 + minutes * MINUTE });
}

describe('a success that arrives when the attempts before it have become history', () => {
  const attempts = Array.from({ length: 5 }, (_, index) => factor(index, 'denied'));
  // Nothing that counts, but it lets what came before be counted for good.
  const other = factor(14, 'unknown');
  const muchLater = factor(90, 'unknown');
  const success = factor(30, 'success');

  it('still makes their series critical, as it would have in time', () => {
    const store = testStore();
    runBatch(store, [RULE], [...attempts, other]);
    runBatch(store, [RULE], [muchLater]);
    const [state] = store.states.values();
    // The success is not too late, and memory has let go of every attempt.
    expect(state?.observations).toHaveLength(1);
    const { changes, late } = runBatch(store, [RULE], [success]);
    expect(late).toBe(0);
    expect(changes.map(({ finding: { severity, evidenceCount } }) => [severity, evidenceCount])).toEqual([
      ['CRITICAL', 6],
    ]);
    const [inTime] = findingsOf(RULE, [...attempts, other, success, muchLater]);
    expect(changes[0]?.finding).toEqual(inTime);
  });

  it("is nobody else's business: without a series it says nothing", () => {
    const store = testStore();
    runBatch(store, [RULE], [...attempts.slice(1), other]);
    runBatch(store, [RULE], [muchLater]);
    expect(runBatch(store, [RULE], [success]).changes).toEqual([]);
  });
});

describe('a series without a success', () => {
  it('says nothing of one', () => {
    const [finding] = findingsOf(
      RULE,
      Array.from({ length: 5 }, (_, index) => factor(index, 'denied')),
    );
    expect(finding).toMatchObject({ techniques: ['T1621'], details: { successAfter: false }, confidence: 75 });
    expect(finding?.explanation).not.toContain('success');
  });
});

describe('records of Entra', () => {
  const records = (correlationId: string | null): number =>
    findingsOf(
      RULE,
      Array.from({ length: 5 }, (_, index) => ({
        ...factor(index / 10, 'denied'),
        mapping: 'entra/1',
        attributes: { correlationId },
      })),
    ).length;

  it('are one attempt only where they say so', () => {
    expect(records('one')).toBe(0);
    expect([records(''), records(null)]).toEqual([1, 1]);
  });
});
