import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { touchedKeys } from './run.ts';
import { DAY, eventOf, HOUR, NO_EGRESS, ruleOf, T0, user } from './test-event.ts';
import { findingsOf, runBatch, testStore } from './test-run.ts';

const RULE = ruleOf('UNUSUAL_PRIVILEGE_ACTION');

function grant(time: number, given: Partial<Event> = {}): Event {
  const target = { type: 'role', id: 'r1', name: 'Reader' };
  const action = 'user.account.privilege.grant';
  return eventOf({
    kind: 'privilege_change',
    action,
    actor: { id: 'alice' },
    subject: user('bob'),
    target,
    time,
    ...given,
  });
}

describe('what is remembered of a person', () => {
  const keysOf = (event: Event): readonly string[] =>
    touchedKeys([event], [RULE], NO_EGRESS)
      .map(({ key }) => key)
      .sort();

  it('is what they did, what happened to their factors, and where they signed in', () => {
    expect(keysOf(grant(T0))).toEqual(['user:alice']);
    expect(keysOf(eventOf({}))).toEqual(['user:alice']);
    const added = { kind: 'mfa_change', action: 'user.mfa.factor.activate', actor: { id: 'helpdesk' } } as const;
    expect(keysOf(eventOf(added))).toEqual(['user:alice']);
    expect(keysOf(eventOf({ ...added, action: 'reset' }))).toEqual(['user:alice', 'user:helpdesk']);
  });

  it('is nothing that others could make up about them', () => {
    const nothing: Partial<Event>[] = [
      { outcome: 'failure' },
      { outcome: 'unknown' },
      { kind: 'logout' },
      { kind: 'other' },
      { kind: 'mfa_change', outcome: 'failure', action: 'reset' },
      { kind: 'mfa_result', outcome: 'denied' },
      { subject: null },
    ];
    for (const given of nothing) expect(keysOf(eventOf(given))).toEqual([]);
    // Failed sign-ins do not make somebody known who is not.
    const failures = Array.from({ length: 5 }, (_, day) => eventOf({ outcome: 'failure', time: T0 + day * DAY }));
    expect(findingsOf(RULE, [...failures, grant(T0 + 30 * DAY)])[0]?.severity).toBe('LOW');
  });
});

describe('an operation that is reported too late for memory', () => {
  it('is judged all the same, by what was history already', () => {
    const store = testStore();
    for (const day of [0, 30, 31])
      runBatch(store, [RULE], [eventOf({ time: T0 + day * DAY, device: { id: 'laptop' } })]);
    const result = runBatch(store, [RULE], [grant(T0 + 31 * DAY - 6 * HOUR)]);
    expect(result).toMatchObject({ late: 1, errors: [] });
    expect(result.changes.map(({ finding }) => [finding.subject.id, finding.severity])).toEqual([['alice', 'MEDIUM']]);
  });
});

describe('what a finding says was touched', () => {
  const explained = (given: Partial<Event>): string =>
    findingsOf(RULE, [grant(T0, { ip: null, ...given })])[0]?.explanation ?? '';

  it('is the target, else the account, else nothing', () => {
    expect(explained({})).toContain(' (Reader)');
    expect(explained({ target: { type: 'role', id: 'r1' } })).toContain(' (r1)');
    expect(explained({ target: null })).toContain(' (bob)');
    expect(explained({ target: null, subject: null })).toContain('granted a privilege');
    expect(explained({ target: null, subject: null })).not.toContain('(');
  });
});
