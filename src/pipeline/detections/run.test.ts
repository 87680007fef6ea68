import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { EVENT_KINDS, EVENT_OUTCOMES, IP_CLASSES, SUBJECT_TYPES, type Event } from '../events/event.ts';
import type { Rule } from './detector.ts';
import { egressContext } from './egress.ts';
import { POOL_SUBJECT } from './key-pool.ts';
import { DETECTORS, type RegisteredDetector } from './registry.ts';
import { DEFAULT_RULES } from './rules.ts';
import { MAX_CHOSEN_KEYS, runDetectors, touchedKeys, type DetectionInput } from './run.ts';
import { eventOf, MINUTE, NO_EGRESS, ruleOf, T0, user } from './test-event.ts';
import { runBatch, testStore } from './test-run.ts';

function inputOf(events: readonly Event[], given: Partial<DetectionInput> = {}): DetectionInput {
  return {
    events,
    rules: DEFAULT_RULES,
    context: NO_EGRESS,
    loadState: () => null,
    receivedAt: T0,
    chosenKeysStored: 0,
    ...given,
  };
}

describe('a batch over all rules', () => {
  const failures = ['a', 'b', 'c'].map((id, index) =>
    eventOf({ outcome: 'failure', subject: user(id), time: T0 + index * MINUTE }),
  );

  it('asks for exactly the keys that were announced, each once and in order', () => {
    const asked: string[] = [];
    const loadState = (ruleId: string, key: string): null => {
      asked.push(`${ruleId} ${key}`);
      return null;
    };
    const result = runDetectors(inputOf(failures, { loadState }));
    const announced = touchedKeys(failures, DEFAULT_RULES, NO_EGRESS).map(({ ruleId, key }) => `${ruleId} ${key}`);
    expect(asked).toEqual(announced);
    expect(result.states.map(({ ruleId, key }) => `${ruleId} ${key}`)).toEqual(announced);
    expect(new Set(announced).size).toBe(announced.length);
    expect(result.changes.map(({ finding }) => finding.ruleId)).toEqual(['rule_campaign']);
  });

  it('ignores rules without a detector', () => {
    const rule: Rule = { ruleId: 'r', ruleType: 'RUNBOOK', conditions: {} };
    expect(runDetectors(inputOf(failures, { rules: [rule] }))).toMatchObject({ states: [], changes: [], errors: [] });
  });

  it('settles a detector that throws as an error of its key, with the state unchanged', () => {
    const broken: RegisteredDetector = {
      ruleType: 'CREDENTIAL_STUFFING',
      emptyBaseline: null,
      observe: (event) => {
        if (event.id === 'bad') throw new Error('cannot observe');
        return [
          { key: 'user:x', observation: { eventId: event.id, source: event.source, time: event.time, ingest: false } },
        ];
      },
      evaluate: () => {
        throw new Error('cannot evaluate');
      },
    };
    const detectors = new Map([...DETECTORS, ['CREDENTIAL_STUFFING', broken]]);
    const result = runDetectors(inputOf([...failures, eventOf({ id: 'bad' })]), detectors);
    expect(result.errors.map(({ key, message, events }) => [key, message, events.length])).toEqual([
      [null, 'cannot observe', 1],
      ['user:x', 'cannot evaluate', 3],
    ]);
    expect(result.states.some(({ ruleId }) => ruleId === 'rule_credential_stuffing')).toBe(false);
    expect(result.changes).toHaveLength(1);
  });
});

describe('keys that anybody can make up', () => {
  const failure = eventOf({ outcome: 'failure', ip: '198.51.100.1' });
  const rules = [ruleOf('MULTI_ACCOUNT_CAMPAIGN')];

  it('are watched until the pool is full; then that is a finding of its own, once an hour', () => {
    const room = runDetectors(inputOf([failure], { rules, chosenKeysStored: MAX_CHOSEN_KEYS - 1 }));
    expect(room.states.map(({ chosen }) => chosen)).toEqual([true]);
    const two = [failure, eventOf({ outcome: 'failure', ip: '198.51.100.2' })];
    const full = runDetectors(inputOf(two, { rules, chosenKeysStored: MAX_CHOSEN_KEYS - 1 }));
    expect(full.states).toHaveLength(1);
    expect(full.changes.map(({ finding }) => [finding.subject.id, finding.evidenceCount])).toEqual([[POOL_SUBJECT, 1]]);
    const again = runDetectors(inputOf(two, { rules, chosenKeysStored: MAX_CHOSEN_KEYS, receivedAt: T0 + MINUTE }));
    expect(again.changes[0]?.finding.id).toBe(full.changes[0]?.finding.id);
  });

  it('that are known stay watched, and keys of people are never refused', () => {
    const [state] = runDetectors(inputOf([failure], { rules })).states;
    const known = runDetectors(
      inputOf([failure], { rules, chosenKeysStored: MAX_CHOSEN_KEYS, loadState: () => state?.state ?? null }),
    );
    expect(known.states).toHaveLength(1);
    const person = eventOf({ kind: 'mfa_result', outcome: 'denied' });
    const result = runDetectors(
      inputOf([person], { rules: [ruleOf('REPEATED_2FA_BYPASS')], chosenKeysStored: MAX_CHOSEN_KEYS }),
    );
    expect(result.states.map(({ chosen }) => chosen)).toEqual([false]);
  });
});

describe('hostile events', () => {
  const text = fc.oneof(
    fc.constantFrom(
      '__proto__',
      'constructor',
      '',
      '\ud800',
      'a\u0000b',
      'ADMIN',
      'x'.repeat(5_000),
      '::ffff:1.2.3.4',
      '075.1.1.1',
      '2001:db8::1',
    ),
    fc.string({ unit: 'binary' }),
  );
  const number = fc.oneof(
    fc.constantFrom(0, -0, NaN, Infinity, -1, 1.5, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, T0, T0 + 1),
    fc.double(),
    fc.integer(),
  );
  const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
  const place = fc.record({
    latMicro: maybe(number),
    lonMicro: maybe(number),
    radiusM: number,
    country: maybe(text),
    city: maybe(text),
    from: fc.constant('event' as const),
  });
  const hostile = fc.record({
    id: text,
    source: text,
    mapping: fc.oneof(text, fc.constant('entra/1')),
    time: number,
    receivedAt: fc.constant(T0),
    timeQuality: fc.constantFrom('event' as const, 'ingest' as const),
    kind: fc.constantFrom(...EVENT_KINDS),
    action: text,
    outcome: fc.constantFrom(...EVENT_OUTCOMES),
    subject: maybe(fc.record({ type: fc.constantFrom(...SUBJECT_TYPES), id: text, name: text })),
    actor: maybe(fc.record({ id: text, name: text })),
    ip: maybe(text),
    ipClass: maybe(fc.constantFrom(...IP_CLASSES)),
    asn: maybe(number),
    proxy: maybe(fc.boolean()),
    geo: maybe(place),
    userAgent: maybe(text),
    device: maybe(fc.record({ id: text, fingerprint: text })),
    session: maybe(text),
    target: maybe(fc.record({ type: text, id: text, name: text })),
    risk: maybe(number),
    attributes: fc.dictionary(
      fc.constantFrom('change', 'correlationId', '__proto__'),
      fc.oneof(text, fc.constant(null)),
    ),
  });

  it('never throw, and leave states and findings that a record may hold', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 30 }), (given) => {
        const store = testStore();
        const events = given.map((each) => eventOf(each));
        const context = egressContext([{ cidr: '1.2.3.0/24', asn: 7, label: 'x', expiresAt: T0 * 2 }], T0);
        for (const batch of [events.slice(0, 10), events.slice(10)]) {
          const result = runBatch(store, DEFAULT_RULES, batch, context);
          expect(result.errors).toEqual([]);
          for (const { state } of result.states) expect(() => canonicalJson(state)).not.toThrow();
          for (const { finding } of result.changes) expect(() => canonicalJson(finding)).not.toThrow();
        }
      }),
      { numRuns: 300, seed: 20261121 },
    );
  });
});
