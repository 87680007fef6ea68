import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { eventOf, HOUR, MINUTE, ruleOf, T0 } from './test-event.ts';
import { findingsOf, runBatch, standing, testStore } from './test-run.ts';

const RULE = ruleOf('REPEATED_2FA_BYPASS', { minAttempts: 5, timeWindowMinutes: 60 });

function factor(time: number, given: Partial<Event> = {}): Event {
  return eventOf({ kind: 'mfa_result', outcome: 'denied', mfa: { factor: 'push' }, time, ...given });
}

/** `count` attempts, `gap` apart. */
function attempts(count: number, gap: number, given: Partial<Event> = {}): readonly Event[] {
  return Array.from({ length: count }, (_, index) => factor(T0 + index * gap, given));
}

function severities(events: readonly Event[]): readonly string[] {
  return findingsOf(RULE, events).map(({ severity }) => severity);
}

describe('repeated 2FA bypass', () => {
  it.each([
    ['4 in the window', attempts(4, MINUTE), []],
    ['5 in an hour', attempts(5, 14 * MINUTE), ['MEDIUM']],
    ['5 spread over more than an hour', attempts(5, 16 * MINUTE), []],
    ['5 in ten minutes', attempts(5, 2 * MINUTE), ['HIGH']],
    ['9 in an hour', attempts(9, 6 * MINUTE), ['MEDIUM']],
    ['10 in an hour', attempts(10, 6 * MINUTE), ['CRITICAL']],
    ['5 and a success', [...attempts(5, 2 * MINUTE), factor(T0 + 9 * MINUTE, { outcome: 'success' })], ['CRITICAL']],
    [
      '5 and a login that names its factor',
      [...attempts(5, 14 * MINUTE), eventOf({ time: T0 + 58 * MINUTE, mfa: { factor: 'totp' } })],
      ['CRITICAL'],
    ],
    ['5 and a login that does not', [...attempts(5, 14 * MINUTE), eventOf({ time: T0 + 58 * MINUTE })], ['MEDIUM']],
    [
      '5 and a success much later',
      [...attempts(5, 2 * MINUTE), factor(T0 + 2 * HOUR, { outcome: 'success' })],
      ['HIGH'],
    ],
    ['4 and a success', [...attempts(4, MINUTE), factor(T0 + 5 * MINUTE, { outcome: 'success' })], []],
    [
      'two series a day apart',
      [
        ...attempts(5, MINUTE),
        ...attempts(5, MINUTE).map((event) => ({ ...event, id: `${event.id}b`, time: event.time + 24 * HOUR })),
      ],
      ['HIGH', 'HIGH'],
    ],
  ])('%s', (_name, events, expected) => {
    expect(severities(events)).toEqual(expected);
  });

  it('tells its numbers', () => {
    const events = [...attempts(6, MINUTE), factor(T0 + 7 * MINUTE, { outcome: 'success', ip: '198.51.100.7' })];
    const [finding] = findingsOf(RULE, events);
    expect(finding).toMatchObject({
      subject: { type: 'user', id: 'alice' },
      techniques: ['T1078', 'T1621'],
      evidenceCount: 7,
      firstTime: T0,
      lastTime: T0 + 7 * MINUTE,
      details: {
        attempts: 6,
        windowMinutes: 60,
        successAfter: true,
        sourceIp: '81.2.69.142',
        sourceIps: ['81.2.69.142', '198.51.100.7'],
      },
    });
    expect(finding?.explanation).toBe(
      '6 second factors of alice failed, denied or unanswered within 60 minutes, 6 of them within 10 minutes, ' +
        'followed by a success, first from 81.2.69.142.',
    );
  });

  it('counts every factor and every way of not passing it', () => {
    const outcomes = ['failure', 'denied', 'unanswered', 'failure', 'denied'] as const;
    const factors = ['sms', 'push', 'totp', 'webauthn', 'voice'];
    const events = outcomes.map((outcome, index) =>
      factor(T0 + index * MINUTE, { outcome, mfa: { factor: factors[index] ?? '' } }),
    );
    expect(severities(events)).toEqual(['HIGH']);
  });

  it("does not let the owner's own success hide a series", () => {
    const events = [...attempts(5, 2 * MINUTE), factor(T0 + 3 * MINUTE, { outcome: 'success' })];
    expect(severities(events)).toEqual(['HIGH']);
  });

  it('does not count failed logins: the password may have been wrong', () => {
    expect(severities(attempts(10, MINUTE, { kind: 'login', outcome: 'failure' }))).toEqual([]);
  });

  it("counts Entra's records of one sign-in once, but not a whole series under one id", () => {
    const entra = (time: number, correlationId: string): Event =>
      factor(time, { mapping: 'entra/1', attributes: { correlationId } });
    const repeated = ['a', 'b', 'c', 'd'].flatMap((id, index) => {
      const time = T0 + index * 4 * MINUTE;
      return [entra(time, id), entra(time + 10_000, id), entra(time + 20_000, id)];
    });
    expect(severities(repeated)).toEqual([]);
    expect(severities([...repeated, entra(T0 + 17 * MINUTE, 'e')])).toEqual(['MEDIUM']);
    expect(severities(Array.from({ length: 5 }, (_, index) => entra(T0 + index * 4 * MINUTE, 'same')))).toEqual([
      'MEDIUM',
    ]);
  });

  it('drops repeats of the same event', () => {
    const event = factor(T0);
    expect(severities([event, event, event, event, event])).toEqual([]);
  });

  describe('a prompt without a result', () => {
    const prompt = (time: number, given: Partial<Event> = {}): Event =>
      factor(time, { kind: 'mfa_prompt', outcome: 'challenge', ...given });
    const prompts = Array.from({ length: 5 }, (_, index) => prompt(T0 + index * MINUTE));
    // Five minutes of tolerance and two in which an answer counts have passed since the last prompt.
    const later = eventOf({ time: T0 + 12 * MINUTE, kind: 'mfa_result', outcome: 'unknown' });

    it('counts once no result can come in time', () => {
      expect(severities(prompts)).toEqual([]);
      expect(severities([...prompts, later])).toEqual(['HIGH']);
    });

    it('counts at once when the provider says that nobody answered', () => {
      expect(severities(prompts.map((event) => ({ ...event, outcome: 'unanswered' as const })))).toEqual(['HIGH']);
    });

    it('is answered by one result, and a result answers one prompt', () => {
      const answers = prompts.map((event) => factor(event.time + 30_000, { outcome: 'success' }));
      expect(severities([...prompts, ...answers, later])).toEqual([]);
      // Six prompts within two minutes and a single denial are five unanswered prompts and a denial.
      const burst = Array.from({ length: 6 }, (_, index) => prompt(T0 + index * 10_000));
      const [finding] = findingsOf(RULE, [...burst, factor(T0 + 70_000), later]);
      expect(finding?.details['attempts']).toBe(6);
    });

    it('waits for an answer that is late by less than the tolerance', () => {
      const store = testStore();
      const burst = Array.from({ length: 5 }, (_, index) => prompt(T0 + index * 1000));
      runBatch(store, [RULE], [...burst, factor(T0 + 4 * MINUTE, { outcome: 'unknown' })]);
      runBatch(
        store,
        [RULE],
        burst.map((event) => factor(event.time + 10_000, { outcome: 'success' })),
      );
      runBatch(store, [RULE], [{ ...later, time: T0 + HOUR }]);
      expect(store.changes).toEqual([]);
    });

    it('is not answered by a result that comes after two minutes', () => {
      const answers = prompts.map((event) => factor(event.time + 10 * MINUTE, { outcome: 'success' }));
      expect(severities([...prompts, ...answers])).toEqual(['CRITICAL']);
    });
  });

  it('grows with the attack, and never opens it twice', () => {
    const store = testStore();
    const all = [...attempts(12, 30_000), factor(T0 + 10 * MINUTE, { outcome: 'success' })];
    for (const event of all) runBatch(store, [RULE], [event]);
    expect(
      store.changes.map(({ change, finding }) => `${change} ${finding.severity} ${finding.evidenceCount}`),
    ).toEqual([
      'opened HIGH 5',
      'raised HIGH 6',
      'raised HIGH 7',
      'raised HIGH 8',
      'raised HIGH 9',
      'raised CRITICAL 10',
      'raised CRITICAL 11',
      'raised CRITICAL 12',
      'raised CRITICAL 13',
    ]);
    expect(standing(store)).toHaveLength(1);
  });
});
