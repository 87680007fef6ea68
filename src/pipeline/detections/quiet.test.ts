import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { advance, enqueue } from './lagged.ts';
import { DEFAULT_RULES } from './rules.ts';
import { EMPTY_SHARED, foldSuccess, learnSuccesses } from './shared-source.ts';
import { eventOf, MINUTE, PLACES, ruleOf, T0, user } from './test-event.ts';
import { runBatch, testStore } from './test-run.ts';

/*
 * Two short cuts for ordinary days, each held to the way that it spares. One new observation goes the short way, an event
 * that a batch holds twice goes the long one and counts once.
 */

const PLACE_LIST = Object.values(PLACES);
const KINDS = [
  { kind: 'login', outcome: 'success' },
  { kind: 'login', outcome: 'failure' },
  { kind: 'mfa_result', outcome: 'success' },
  { kind: 'mfa_result', outcome: 'denied' },
  { kind: 'mfa_prompt', outcome: 'challenge' },
  { kind: 'mfa_change', outcome: 'success' },
  { kind: 'privilege_change', outcome: 'success' },
] as const satisfies readonly Partial<Event>[];

const step = fc.record({
  // Far back now and then: what comes late must not pass for quiet.
  gapMinutes: fc.constantFrom(0, 1, 4, 6, 6, 11, 31, 75, 1_500, -3, -8, -90),
  kind: fc.constantFrom(...KINDS, KINDS[0], KINDS[0]),
  who: fc.nat(2),
  where: fc.nat(2),
  /** How far a source's clock runs ahead of ours. */
  aheadMinutes: fc.constantFrom(0, 0, 0, 20, 45),
  ingest: fc.integer({ min: 0, max: 11 }).map((value) => value === 0),
});

function eventsOf(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): Event[] {
  let time = T0;
  return steps.map(({ gapMinutes, kind, who, where, aheadMinutes, ingest }, index) => {
    time += gapMinutes * MINUTE;
    return eventOf({
      id: `e${index}`,
      ...kind,
      time,
      receivedAt: time - aheadMinutes * MINUTE,
      timeQuality: ingest ? 'ingest' : 'event',
      subject: user(`person${who}`),
      actor: { id: `person${(who + (where === 2 ? 1 : 0)) % 3}` },
      ip: `81.2.69.${where}`,
      geo: PLACE_LIST[where] ?? null,
      device: { id: `d${where}`, fingerprint: `d${where}` },
      userAgent: 'Browser',
      asn: 7,
    });
  });
}

describe('a batch with one new observation of a key', () => {
  it('leaves the states and finds what the long way does', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const [short, long] = [testStore(), testStore()];
        for (const event of eventsOf(steps)) {
          const once = runBatch(short, DEFAULT_RULES, [event]);
          const twice = runBatch(long, DEFAULT_RULES, [event, event]);
          expect(once.states).toEqual(twice.states);
          expect(once.changes).toEqual(twice.changes);
          expect(once.dropped).toBe(twice.dropped);
          expect(once.late * 2).toBe(twice.late);
        }
      }),
      { numRuns: 70, seed: 20261121 },
    );
  });
});

describe('what the guard of shared addresses learns of many successes', () => {
  const rule = ruleOf('MULTI_ACCOUNT_CAMPAIGN', { sharedUsers: 3 });
  const success = fc.record({ gap: fc.constantFrom(0, 1, 3, 6, 30), who: fc.nat(5), ingest: fc.boolean() });

  it('is what folding one after the other gives, in however many parts', () => {
    fc.assert(
      fc.property(fc.array(success, { maxLength: 40 }), fc.nat(40), (given, cut) => {
        let time = T0;
        const successes = given.map(({ gap, who, ingest }, index) => {
          time += gap * MINUTE;
          const eventId = `e${index}`;
          return { eventId, source: 's', time, ingest, unit: `person${who}`, ip: null, ipNormalised: false };
        });
        let expected = EMPTY_SHARED;
        for (const each of successes) expected = enqueue(advance(expected, each.time, foldSuccess(rule)), each);
        const first = learnSuccesses(EMPTY_SHARED, successes.slice(0, cut), rule);
        expect(learnSuccesses(first, successes.slice(cut), rule)).toEqual(expected);
      }),
      { numRuns: 200, seed: 20261121 },
    );
  });
});
