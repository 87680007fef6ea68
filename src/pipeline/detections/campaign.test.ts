import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { campaignSources, networkOf } from './campaign-source.ts';
import type { Rule } from './detector.ts';
import { DAY, eventOf, HOUR, MINUTE, ruleOf, T0, user } from './test-event.ts';
import { findingsOf, runBatch, standing, testStore } from './test-run.ts';

const PLAIN = ruleOf('MULTI_ACCOUNT_CAMPAIGN');
const SPRAY = ruleOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray' });
const STUFFING = ruleOf('CREDENTIAL_STUFFING');

function failure(account: string, time: number, given: Partial<Event> = {}): Event {
  return eventOf({ outcome: 'failure', subject: user(account), time, ...given });
}

/** `rounds` failures of each account, `gap` between any two. */
function attack(accounts: number, rounds: number, gap: number, given: Partial<Event> = {}): readonly Event[] {
  return Array.from({ length: accounts * rounds }, (_, index) =>
    failure(`user${index % accounts}`, T0 + index * gap, given),
  );
}

function office(people: number, given: Partial<Event> = {}): readonly Event[] {
  return Array.from({ length: people }, (_, index) =>
    eventOf({ subject: user(`colleague${index}`), time: T0 - DAY + index * MINUTE, ...given }),
  );
}

describe('campaign from one source', () => {
  it('is CRITICAL for three accounts on one address within an hour, and names them', () => {
    const events = [failure('c', T0), failure('a', T0 + 20 * MINUTE), failure('b', T0 + 50 * MINUTE)];
    const [finding, ...more] = findingsOf(PLAIN, events);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      type: 'MULTI_ACCOUNT_CAMPAIGN',
      subject: { type: 'ip', id: '81.2.69.142' },
      accounts: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      severity: 'CRITICAL',
      details: { accounts: 3, attempts: 3, sourceIp: '81.2.69.142', shape: 'accounts', ipNormalised: false },
    });
    expect(finding?.explanation).toBe(
      '3 accounts had 3 failed or suspicious events from the address 81.2.69.142, up to 3 of them within 60 minutes.',
    );
  });

  it.each([
    ['two accounts', attack(2, 5, MINUTE)],
    [
      'three accounts in more than an hour',
      [failure('a', T0), failure('b', T0 + 31 * MINUTE), failure('c', T0 + 61 * MINUTE)],
    ],
    [
      'three accounts from three addresses',
      [failure('a', T0, { ip: '1.1.1.1' }), failure('b', T0, { ip: '1.1.1.2' }), failure('c', T0, { ip: '1.1.1.3' })],
    ],
    ['three successes', ['a', 'b', 'c'].map((id) => eventOf({ subject: user(id) }))],
    ['failures of nobody we know', attack(3, 1, MINUTE, { subject: null })],
  ])('is not found for %s', (_name, events) => {
    expect(findingsOf(PLAIN, events)).toEqual([]);
  });

  it('counts failed factors, alerts and risky successes, each once for its account', () => {
    const events = [
      failure('a', T0, { kind: 'mfa_result', outcome: 'unanswered' }),
      failure('b', T0 + 1, { kind: 'alert', outcome: 'unknown', severity: 'HIGH' }),
      eventOf({ subject: user('c'), time: T0 + 2, risk: 80 }),
    ];
    expect(findingsOf(PLAIN, events)).toHaveLength(1);
    expect(findingsOf(PLAIN, events.slice(1))).toEqual([]);
  });

  it('takes IPv6 by /64, a device and a user agent within one network', () => {
    const six = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:2::77'].map((ip, index) =>
      failure(`u${index}`, T0 + index, { ip }),
    );
    expect(findingsOf(PLAIN, six)[0]?.subject).toEqual({ type: 'ip', id: '2001:db8:1:2::/64' });
    const spread = (given: (index: number) => Partial<Event>, accounts = 3): readonly Event[] =>
      Array.from({ length: accounts }, (_, index) =>
        failure(`u${index}`, T0 + index, { ip: `198.51.100.${index}`, ...given(index) }),
      );
    expect(
      findingsOf(
        PLAIN,
        spread(() => ({ device: { id: 'd', fingerprint: 'f1' } })),
      )[0]?.details,
    ).toMatchObject({ sourceKind: 'device', source: 'f1', sourceIp: '198.51.100.0' });
    expect(
      findingsOf(
        PLAIN,
        spread(() => ({ userAgent: 'curl/8', asn: 64_500 }), 9),
      ),
    ).toHaveLength(1);
    // Three strangers with the same browser at the same provider who mistype are no campaign.
    expect(
      findingsOf(
        PLAIN,
        spread(() => ({ userAgent: 'curl/8', asn: 64_500 }), 8),
      ),
    ).toEqual([]);
    expect(
      findingsOf(
        PLAIN,
        spread((index) => ({ userAgent: 'curl/8', asn: 64_500 + index }), 9),
      ),
    ).toEqual([]);
  });

  it('says when an address had to be read leniently', () => {
    expect(findingsOf(PLAIN, attack(3, 1, MINUTE, { ipNormalised: true }))[0]?.details['ipNormalised']).toBe(true);
  });
});

describe('shared addresses', () => {
  it('need three times as many accounts once twenty people signed in there', () => {
    const store = testStore();
    runBatch(store, [PLAIN], office(20));
    runBatch(store, [PLAIN], attack(8, 1, MINUTE));
    expect(standing(store)).toEqual([]);
    runBatch(store, [PLAIN], [failure('ninth', T0 + 9 * MINUTE)]);
    expect(standing(store)[0]?.accounts).toHaveLength(9);
  });

  it('are not shared with nineteen, nor when the people came long ago', () => {
    expect(findingsOf(PLAIN, [...office(19), ...attack(3, 1, MINUTE)])).toHaveLength(1);
    const longAgo = office(20).map((event) => ({ ...event, time: event.time - 8 * DAY }));
    expect(findingsOf(PLAIN, [...longAgo, ...attack(3, 1, MINUTE)])).toHaveLength(1);
  });

  it('are not made by an attacker whose attempts succeed meanwhile', () => {
    const successes = office(25).map((event, index) => ({ ...event, time: T0 + index * 1000 }));
    expect(findingsOf(PLAIN, [...successes, ...attack(3, 1, MINUTE)])).toHaveLength(1);
  });

  it('stay silent for ordinary mistakes when they are on the egress list, but not for a spray', () => {
    const context = { egressLabel: (ip: string | null) => (ip === '81.2.69.142' ? 'office' : null) };
    const morning = Array.from({ length: 60 }, (_, index) => failure(`colleague${index % 40}`, T0 + index * MINUTE));
    for (const rule of [PLAIN, SPRAY, STUFFING]) expect(findingsOf(rule, morning, context)).toEqual([]);
    expect(findingsOf(SPRAY, attack(20, 3, 50_000), context)).toHaveLength(1);
  });
});

describe('shapes', () => {
  const found = (rule: Rule, events: readonly Event[]): number => findingsOf(rule, events).length;

  it('password spraying: 5 accounts, 15 attempts, 2 to 8 each, over 5 minutes', () => {
    const [finding] = findingsOf(SPRAY, attack(5, 3, 30_000));
    expect(finding).toMatchObject({
      type: 'MULTI_ACCOUNT_CAMPAIGN',
      techniques: ['T1110.003'],
      details: { shape: 'spray', accounts: 5, attempts: 15 },
    });
    expect(found(SPRAY, attack(4, 4, 30_000))).toBe(0);
    expect(found(SPRAY, attack(7, 2, 30_000))).toBe(0);
    expect(found(SPRAY, attack(15, 1, 30_000))).toBe(0);
    expect(found(SPRAY, attack(5, 3, 1_000))).toBe(0);
    const hammered = Array.from({ length: 9 }, (_, index) => failure('user0', T0 + index * 1_000));
    expect(found(SPRAY, [...hammered, ...attack(5, 2, 40_000)])).toBe(0);
  });

  it('credential stuffing: 15 accounts, 25 attempts, most accounts at most twice, in 15 minutes', () => {
    const [finding] = findingsOf(STUFFING, attack(15, 2, 20_000));
    expect(finding).toMatchObject({ type: 'CREDENTIAL_STUFFING', techniques: ['T1110.004'], severity: 'CRITICAL' });
    expect(finding?.explanation).toContain('in the shape of credential stuffing');
    expect(found(STUFFING, attack(14, 2, 20_000))).toBe(0);
    expect(found(STUFFING, attack(24, 1, 20_000))).toBe(0);
    expect(found(STUFFING, attack(15, 2, 70_000))).toBe(0);
    const often = attack(4, 6, 5_000).map((event) => ({ ...event, id: `${event.id}x` }));
    expect(found(STUFFING, [...often, ...attack(15, 1, 20_000)])).toBe(0);
  });

  it('a shape that was found stays, whatever is tried afterwards', () => {
    const store = testStore();
    runBatch(store, [SPRAY], attack(5, 3, 30_000));
    runBatch(
      store,
      [SPRAY],
      Array.from({ length: 20 }, (_, index) => failure('user0', T0 + HOUR / 4 + index * 1_000)),
    );
    expect(store.changes.map(({ change }) => change)).toEqual(['opened', 'raised']);
  });
});

describe('sources', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::/64'],
    ['not an address', 'not an address'],
    ['', ''],
  ])('%s counts as %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });

  it('are three at most, and none for an event without any', () => {
    expect(campaignSources(eventOf({ ip: null }))).toEqual([]);
    const all = eventOf({ userAgent: 'x', asn: 1, device: { id: 'd', fingerprint: 'f' } });
    expect(campaignSources(all).map(({ kind }) => kind)).toEqual(['ip', 'device', 'agent']);
  });
});
