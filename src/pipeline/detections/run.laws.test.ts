import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { MAX_CHOSEN_KEYS, runDetectors, type DetectionInput, type DetectionResult } from './run.ts';
import { eventOf, MINUTE, NO_EGRESS, ruleOf, T0, user } from './test-event.ts';

const MFA = ruleOf('REPEATED_2FA_BYPASS');
const PLAIN = ruleOf('MULTI_ACCOUNT_CAMPAIGN');
const STUFFING = ruleOf('CREDENTIAL_STUFFING');

function run(events: readonly Event[], given: Partial<DetectionInput> = {}): DetectionResult {
  const rules = [MFA, PLAIN, STUFFING];
  return runDetectors({
    events,
    rules,
    context: NO_EGRESS,
    loadState: () => null,
    receivedAt: T0,
    chosenKeysStored: 0,
    ...given,
  });
}

describe('the order of events and rules in a batch', () => {
  const attempts = ['zoe', 'bob', 'alice'].flatMap((id) =>
    Array.from({ length: 5 }, (_, index) =>
      eventOf({ kind: 'mfa_result', outcome: 'denied', subject: user(id), time: T0 + index * MINUTE }),
    ),
  );

  it('changes nothing about the findings nor their order', () => {
    const { changes } = run(attempts);
    expect(changes.filter(({ finding }) => finding.ruleId === MFA.ruleId).map(({ finding }) => finding.key)).toEqual([
      'user:alice',
      'user:bob',
      'user:zoe',
    ]);
    expect(run(attempts.toReversed()).changes).toEqual(changes);
    expect(run(attempts, { rules: [STUFFING, PLAIN, MFA] }).changes).toEqual(changes);
  });
});

describe('a pool of made-up keys that is full', () => {
  const failures = ['198.51.100.1', '198.51.100.2'].map((ip, index) =>
    eventOf({ outcome: 'failure', ip, time: T0 + index }),
  );

  it('is told once for each rule, with what that rule does not watch', () => {
    const { states, changes } = run(failures, { chosenKeysStored: MAX_CHOSEN_KEYS });
    expect(states).toEqual([]);
    const told = changes.map(({ finding }) => [finding.ruleId, finding.evidenceCount, finding.details['keys']]);
    expect(told).toEqual([
      [STUFFING.ruleId, 2, 2],
      [PLAIN.ruleId, 2, 2],
    ]);
    const [finding] = changes.map((change) => change.finding);
    expect(finding).toMatchObject({
      type: 'CUSTOM',
      severity: 'MEDIUM',
      confidence: 100,
      accounts: [],
      techniques: [],
      superseded: false,
      details: { reason: 'key_pool_full' },
    });
    expect(finding?.evidence).toEqual(failures.map(({ id, source }) => ({ source, eventId: id })));
    expect([finding?.firstTime, finding?.lastTime]).toEqual([T0, T0 + 1]);
  });

  it('keeps the room there is for the same keys, whichever event comes first', () => {
    const room = { chosenKeysStored: MAX_CHOSEN_KEYS - 1 };
    const there = run(failures, room);
    const back = run(failures.toReversed(), room);
    const kept = ({ states }: DetectionResult): readonly string[] =>
      states.map(({ ruleId, key }) => `${ruleId} ${key}`);
    expect(kept(there)).toEqual([`${STUFFING.ruleId} ip:198.51.100.1`]);
    expect(kept(back)).toEqual(kept(there));
    expect(back.changes).toEqual(there.changes);
  });
});
