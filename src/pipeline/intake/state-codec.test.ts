import { describe, expect, it } from 'vitest';
import { eventOf, MINUTE, PLACES, T0, user } from '../detections/test-event.ts';
import { DEFAULT_RULES } from '../detections/rules.ts';
import { runBatch, testStore } from '../detections/test-run.ts';
import type { StoredState } from '../detections/registry.ts';
import type { Event } from '../events/event.ts';
import { decodeStates, encodeStates } from './state-codec.ts';

/** A day of one account and one address in which all detectors learn and find something. */
function busyDay(): readonly Event[] {
  const events: Event[] = [];
  for (let index = 0; index < 60; index += 1) {
    const time = T0 + index * 4 * MINUTE;
    const shared = { time, asn: 3320, userAgent: 'Browser/1', device: { id: `d${index % 3}`, fingerprint: 'f' } };
    events.push(eventOf({ ...shared, id: `s${index}`, geo: index % 7 === 0 ? PLACES.tokyo : PLACES.london }));
    events.push(eventOf({ ...shared, id: `f${index}`, outcome: 'failure', subject: user(`u${index % 9}`) }));
    events.push(eventOf({ ...shared, id: `m${index}`, kind: 'mfa_result', outcome: 'denied' }));
    if (index % 10 === 0) events.push(eventOf({ ...shared, id: `p${index}`, kind: 'token_create' }));
  }
  return events;
}

/** The states of all rules by key, after batches of ten. */
function statesByKey(): ReadonlyMap<string, ReadonlyMap<string, StoredState>> {
  const store = testStore();
  const events = busyDay();
  const byKey = new Map<string, Map<string, StoredState>>();
  for (let from = 0; from < events.length; from += 10) {
    for (const { ruleId, key, state } of runBatch(store, DEFAULT_RULES, events.slice(from, from + 10)).states) {
      byKey.set(key, (byKey.get(key) ?? new Map<string, StoredState>()).set(ruleId, state));
    }
  }
  return byKey;
}

describe('the stored form of detector states', () => {
  it('gives back exactly what it was made of, whatever a detector keeps', () => {
    const byKey = statesByKey();
    expect(byKey.size).toBeGreaterThan(3);
    expect([...byKey.values()].some((states) => [...states.values()].some(({ findings }) => findings.length > 0))).toBe(
      true,
    );
    for (const states of byKey.values()) {
      const text = JSON.stringify(encodeStates(states, 7));
      const back = decodeStates(JSON.parse(text));
      expect(back.upTo).toBe(7);
      expect(back.states).toEqual(states);
      expect(JSON.stringify(encodeStates(back.states, 7))).toBe(text);
    }
  });

  it('costs much less than the same as plain JSON', () => {
    let [packed, plain] = [0, 0];
    for (const states of statesByKey().values()) {
      packed += JSON.stringify(encodeStates(states, 7)).length;
      plain += JSON.stringify([...states]).length;
    }
    expect(packed).toBeLessThan(plain * 0.6);
  });

  it('takes texts that look like numbers, and objects of a shape nobody listed, as they are', () => {
    const odd = {
      detectorVersion: 1,
      ruleVersion: '0',
      watermark: null,
      ingestMark: null,
      baseline: { constructor: ['1', 1, -1, [], { common: null }], people: [] },
      observations: [{ eventId: '0', source: '1', time: 2, ingest: true, strange: '-1' }],
      findings: [],
      dropped: 0,
    };
    const states = new Map<string, StoredState>([['0', odd]]);
    expect(decodeStates(JSON.parse(JSON.stringify(encodeStates(states, 1)))).states).toEqual(states);
  });
});
