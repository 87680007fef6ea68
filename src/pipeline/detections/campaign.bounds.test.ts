import { describe, expect, it } from 'vitest';
import { EVENT_OUTCOMES, type Event } from '../events/event.ts';
import type { Rule } from './detector.ts';
import { DAY, eventOf, HOUR, MINUTE, ruleOf, T0, user } from './test-event.ts';
import { findingsOf, runBatch, testStore } from './test-run.ts';

const PLAIN = ruleOf('MULTI_ACCOUNT_CAMPAIGN');
const SPRAY = ruleOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray' });
const STUFFING = ruleOf('CREDENTIAL_STUFFING');

function failure(account: string, time: number, given: Partial<Event> = {}): Event {
  return eventOf({ outcome: 'failure', subject: user(account), time, ...given });
}

/** `counts[i]` failures of account i, taking turns, `gap` apart. */
function attack(counts: readonly number[], gap: number): readonly Event[] {
  const rounds = Array.from({ length: Math.max(...counts) }, (_, round) => round);
  const turns = rounds.flatMap((round) => counts.flatMap((count, account) => (round < count ? [account] : [])));
  return turns.map((account, turn) => failure(`user${account}`, T0 + turn * gap));
}

function times(count: number, attempts: number): readonly number[] {
  return Array.from({ length: count }, () => attempts);
}

const found = (rule: Rule, events: readonly Event[]): boolean => findingsOf(rule, events).length > 0;

describe('the guard for shared addresses', () => {
  const three = ['a', 'b', 'c'].map((id, index) => failure(id, T0 + index * MINUTE));
  const office = (given: (index: number) => Partial<Event>, people = 20): readonly Event[] =>
    Array.from({ length: people }, (_, index) =>
      eventOf({ subject: user(`colleague${index}`), time: T0 - DAY + index * MINUTE, ...given(index) }),
    );

  it.each(EVENT_OUTCOMES)('counts people who signed in, not who tried to: %s', (outcome) => {
    // Failures of a day ago are a campaign of their own; what matters is whether today's three are one as well.
    const findings = findingsOf(PLAIN, [...office(() => ({ outcome })), ...three]);
    const today = findings.filter(({ firstTime }) => firstTime >= T0);
    expect(today).toHaveLength(outcome === 'success' ? 0 : 1);
  });

  it.each(['mfa_result', 'logout', 'privilege_change'] as const)('counts sign-ins only: %s', (kind) => {
    expect(found(PLAIN, [...office(() => ({ kind })), ...three])).toBe(true);
  });

  it('counts each person once', () => {
    expect(found(PLAIN, [...office((index) => ({ subject: user(`colleague${index % 19}`) }), 40), ...three])).toBe(
      true,
    );
    expect(found(PLAIN, [...office((index) => ({ subject: user(`colleague${index % 20}`) }), 40), ...three])).toBe(
      false,
    );
  });

  it('forgets whom it has not seen for its days', () => {
    const before = (days: number, ms: number): readonly Event[] =>
      office(() => ({ time: T0 + 2 * MINUTE - days * DAY + ms }));
    expect(found(PLAIN, [...before(7, 1), ...three])).toBe(false);
    expect(found(PLAIN, [...before(7, 0), ...three])).toBe(true);
  });
});

describe('the bounds of a spray', () => {
  it.each([
    ['five minutes from the first to the last', attack(times(8, 2), 20_000), true],
    ['a moment less', attack(times(8, 2), 19_999), false],
    ['two of each account on average', attack(times(8, 2), MINUTE), true],
    ['fewer on average', attack([...times(7, 2), 1], MINUTE), false],
    ['eight of one account', attack([8, ...times(6, 2)], MINUTE), true],
    ['nine of one account', attack([9, ...times(6, 2)], MINUTE), false],
    ['three of five accounts in the band of 2 to 6', attack([8, 7, 2, 2, 2], MINUTE), true],
    ['two of five accounts in the band', attack([8, 7, 7, 2, 2], MINUTE), false],
  ])('%s', (_name, events, expected) => {
    // Judged at its end: before that fewer attempts were made than it takes.
    const least = ruleOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray', minAttempts: events.length });
    expect(found(least, events)).toBe(expected);
  });
});

describe('the bounds of stuffing', () => {
  it.each([
    ['twelve of fifteen accounts at most twice', attack([...times(12, 2), ...times(3, 3)], 10_000), true],
    ['eleven of fifteen', attack([...times(11, 2), ...times(4, 3)], 10_000), false],
    ['an account that was tried once is one of few', attack([...times(10, 2), ...times(5, 1)], 10_000), true],
  ])('%s', (_name, events, expected) => {
    const least = ruleOf('CREDENTIAL_STUFFING', { minAttempts: events.length });
    expect(found(least, events)).toBe(expected);
  });
});

describe('the window of a campaign', () => {
  it('is open at its start: what is exactly one window old counts no more', () => {
    const last = (ms: number): readonly Event[] => [
      failure('a', T0),
      failure('b', T0 + 1),
      failure('c', T0 + HOUR + ms),
    ];
    expect(found(PLAIN, last(-1))).toBe(true);
    expect(found(PLAIN, last(0))).toBe(false);
    expect(findingsOf(STUFFING, last(-1))).toEqual([]);
  });
});

describe('confidence in a campaign', () => {
  const confidenceOf = (rule: Rule, accounts: number, each: number): number | undefined =>
    findingsOf(rule, attack(times(accounts, each), 30_000)).at(-1)?.confidence;

  it('grows with each account more than it takes, up to its limit', () => {
    expect([3, 4, 9, 10, 11, 12].map((accounts) => confidenceOf(PLAIN, accounts, 1))).toEqual([55, 60, 85, 90, 90, 90]);
    expect([5, 6, 8, 9].map((accounts) => confidenceOf(SPRAY, accounts, 3))).toEqual([80, 85, 95, 95]);
  });
});

describe('the memory of a source', () => {
  const MINUTES_OF_BUCKET = 5;
  const keptOf = (events: readonly Event[]): number => {
    const store = testStore();
    runBatch(store, [PLAIN], events);
    const [state] = store.states.values();
    return state?.observations.length ?? 0;
  };
  const many = (count: number, given: (index: number) => Partial<Event>): readonly Event[] =>
    Array.from({ length: count }, (_, index) =>
      eventOf({ time: T0 + index, subject: user(`user${index}`), ...given(index) }),
    );

  it('holds of five minutes 24 people who signed in, each once', () => {
    expect(keptOf(many(60, () => ({})))).toBe(24);
    expect(keptOf(many(60, () => ({ subject: user('one') })))).toBe(1);
    const spread = many(60, (index) => ({ time: T0 + (index % 2) * MINUTES_OF_BUCKET * MINUTE + index }));
    expect(keptOf(spread)).toBe(48);
  });

  it('holds of five minutes 200 failures, nine of each account, and successes beside them', () => {
    expect(keptOf(many(300, () => ({ outcome: 'failure' })))).toBe(200);
    expect(keptOf(many(60, () => ({ outcome: 'failure', subject: user('one') })))).toBe(9);
    expect(keptOf([...many(300, () => ({ outcome: 'failure' })), ...many(60, () => ({}))])).toBe(224);
  });
});

describe('what a batch did', () => {
  it('tells how many observations had no room, and how many came too late, over all keys', () => {
    const rule = ruleOf('REPEATED_2FA_BYPASS');
    const denied = (account: string, time: number): Event =>
      eventOf({ kind: 'mfa_result', outcome: 'denied', subject: user(account), time });
    const flood = (account: string, count: number): readonly Event[] =>
      Array.from({ length: count }, (_, index) => denied(account, T0 + index));
    const store = testStore();
    expect(runBatch(store, [rule], [...flood('a', 40), ...flood('b', 35)])).toMatchObject({ dropped: 11, late: 0 });
    expect(runBatch(store, [rule], [denied('a', T0 + DAY), denied('b', T0 + DAY)])).toMatchObject({
      dropped: 0,
      late: 0,
    });
    const late = [denied('a', T0), denied('a', T0 + 1), denied('b', T0), denied('c', T0)];
    expect(runBatch(store, [rule], late)).toMatchObject({ dropped: 0, late: 3, errors: [] });
  });
});
