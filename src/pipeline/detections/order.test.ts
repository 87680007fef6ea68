import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { Event } from '../events/event.ts';
import { severityRank } from '../vocabulary.ts';
import type { Rule } from './detector.ts';
import { DAY, eventOf, HOUR, MINUTE, PLACES, ruleOf, T0, user } from './test-event.ts';
import { runBatch, standing, testStore, type TestStore } from './test-run.ts';

/** What one event of a generated stream is made of; `gap` is the time since the one before. */
interface Seed {
  readonly gap: number;
  readonly who: number;
  readonly what: number;
  readonly where: number;
  readonly ingest: boolean;
}

interface Scenario {
  readonly rule: Rule;
  /** Mostly short gaps, some that close windows, a few that end a learning phase. */
  readonly gaps: readonly number[];
  event(seed: Seed, time: number, id: string): Event;
}

const CITIES = [PLACES.london, PLACES.newYork, PLACES.tokyo, PLACES.paris, PLACES.lyon];
const RESULTS = ['failure', 'denied', 'failure', 'unanswered', 'success', 'failure', 'denied', 'unknown'] as const;

function ingested(seed: Seed): Partial<Event> {
  return seed.ingest ? { timeQuality: 'ingest' } : {};
}

function travelEvent(seed: Seed, time: number, id: string): Event {
  const geo = CITIES[seed.where % CITIES.length] ?? null;
  return eventOf({
    id,
    time,
    geo,
    ip: `203.0.113.${seed.where}`,
    proxy: seed.what === 9,
    session: seed.what === 8 ? 's' : null,
    ...ingested(seed),
  });
}

function mfaEvent(seed: Seed, time: number, id: string): Event {
  const isPrompt = seed.what >= RESULTS.length;
  const correlation = seed.who === 0 ? { mapping: 'entra/1', attributes: { correlationId: `c${seed.where}` } } : {};
  const outcome = isPrompt ? 'challenge' : (RESULTS[seed.what] ?? 'unknown');
  return eventOf({
    id,
    time,
    kind: isPrompt ? 'mfa_prompt' : 'mfa_result',
    outcome,
    ...correlation,
    ...ingested(seed),
  });
}

function privilegeEvent(seed: Seed, time: number, id: string): Event {
  const base = { id, time, ...ingested(seed) };
  const target = { type: 'role', id: seed.where % 2 === 0 ? 'Global Administrator' : 'Reader' };
  if (seed.what < 3)
    return eventOf({
      ...base,
      kind: 'privilege_change',
      action: 'grant',
      subject: user(seed.who === 0 ? 'alice' : 'bob'),
      target,
    });
  if (seed.what === 3) return eventOf({ ...base, kind: 'mfa_change', action: 'factor.reset' });
  if (seed.what === 4) return eventOf({ ...base, kind: 'token_create', action: 'create' });
  if (seed.what === 5) return eventOf({ ...base, kind: 'logging_change', action: 'StopLogging' });
  if (seed.what === 6) return eventOf({ ...base, kind: 'data_export', action: 'export' });
  return eventOf({ ...base, device: { id: `d${seed.where % 4}` } });
}

/** Many accounts on one address, mostly failing; `who` is skewed so that shapes differ. */
function campaignEvent(accounts: number): Scenario['event'] {
  return (seed, time, id) => {
    const outcome = seed.what === 0 ? 'success' : 'failure';
    return eventOf({
      id,
      time,
      outcome,
      subject: user(`user${(seed.who * 7 + seed.where) % accounts}`),
      ...ingested(seed),
    });
  };
}

const SHORT = [0, 1_000, 20_000, MINUTE, 2 * MINUTE, 4 * MINUTE];
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'impossible travel': {
    rule: ruleOf('SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', { learningDays: 1 }),
    gaps: [...SHORT, 30 * MINUTE, 5 * HOUR, DAY],
    event: travelEvent,
  },
  'MFA bypass': {
    rule: ruleOf('REPEATED_2FA_BYPASS'),
    gaps: [...SHORT, 6 * MINUTE, 15 * MINUTE, 70 * MINUTE],
    event: mfaEvent,
  },
  'a flood of MFA attempts, beyond what memory holds': {
    rule: ruleOf('REPEATED_2FA_BYPASS'),
    gaps: [0, 500, 1_000, 2_000, 5_000, 1_000, 20_000, 20_000, 4 * MINUTE],
    event: (seed, time, id) => mfaEvent({ ...seed, who: 1 }, time, id),
  },
  'a flood of logins, beyond what memory holds': {
    rule: ruleOf('SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL'),
    gaps: [0, 500, 1_000, 2_000, 5_000, 1_000, 20_000, 20_000, 4 * MINUTE],
    event: travelEvent,
  },
  'privilege action': {
    rule: ruleOf('UNUSUAL_PRIVILEGE_ACTION', { learningDays: 1 }),
    gaps: [...SHORT, 20 * MINUTE, 3 * HOUR, DAY],
    event: privilegeEvent,
  },
  campaign: {
    rule: ruleOf('MULTI_ACCOUNT_CAMPAIGN', { sharedUsers: 3 }),
    gaps: [...SHORT, 10 * MINUTE, 40 * MINUTE, 2 * HOUR],
    event: campaignEvent(9),
  },
  'password spray': {
    rule: ruleOf('MULTI_ACCOUNT_CAMPAIGN', { shape: 'spray', minAttempts: 10, sharedUsers: 4 }),
    gaps: [...SHORT, ...SHORT, 10 * MINUTE, 40 * MINUTE],
    event: campaignEvent(7),
  },
  'credential stuffing': {
    rule: ruleOf('CREDENTIAL_STUFFING', { minAccounts: 8, minAttempts: 9, sharedUsers: 6 }),
    gaps: [0, 1_000, 5_000, 20_000, 30_000, MINUTE, 1_000, 5_000, 20 * MINUTE],
    event: campaignEvent(40),
  },
};

const seeds = (scenario: Scenario): fc.Arbitrary<Seed> =>
  fc.record({
    gap: fc.constantFrom(...scenario.gaps),
    who: fc.nat(5),
    what: fc.nat(9),
    where: fc.nat(5),
    ingest: fc.integer({ min: 0, max: 19 }).map((value) => value === 0),
  });

function streamOf(scenario: Scenario, given: readonly Seed[]): readonly Event[] {
  let time = T0;
  return given.map((seed, index) => {
    time += seed.gap;
    // Ids that do not grow with time, so that ties are broken by something else than arrival.
    return scenario.event(seed, time, `${(index * 37) % 101}-${index}`);
  });
}

/** An arrival order in which no event comes after another that is more than the tolerance younger. */
function disorder(events: readonly Event[], delays: readonly number[]): readonly Event[] {
  const arrival = (event: Event, index: number): number => event.time + (delays[index % delays.length] ?? 0);
  return events
    .map((event, index) => ({ event, at: arrival(event, index), index }))
    .sort((a, b) => a.at - b.at || b.index - a.index)
    .map(({ event }) => event);
}

function runIn(scenario: Scenario, events: readonly Event[], sizes: readonly number[]): TestStore {
  const store = testStore();
  for (let from = 0, turn = 0; from < events.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const batch = events.slice(from, from + size);
    const result = runBatch(store, [scenario.rule], batch);
    expect(result.errors).toEqual([]);
    from += size;
  }
  return store;
}

function outcome(store: TestStore): string {
  return canonicalJson(standing(store));
}

/** No finding that keeps its identity ever goes down, or is opened again after it became final. */
function expectOnlyUpwards(store: TestStore): void {
  const seen = new Map<string, { rank: number; confidence: number; count: number }>();
  const opened = store.changes.filter(({ change }) => change === 'opened').map(({ finding }) => finding.id);
  expect(new Set(opened).size).toBe(opened.length);
  for (const { finding } of store.changes) {
    const now = { rank: severityRank(finding.severity), confidence: finding.confidence, count: finding.evidenceCount };
    const before = seen.get(finding.id) ?? now;
    expect(now.rank).toBeGreaterThanOrEqual(before.rank);
    expect(now.confidence).toBeGreaterThanOrEqual(before.confidence);
    expect(now.count).toBeGreaterThanOrEqual(before.count);
    seen.set(finding.id, now);
  }
}

describe.each(Object.entries(SCENARIOS))('%s: the findings are a function of the set of events', (_name, scenario) => {
  it('whatever the batches and the order within the tolerance', () => {
    let runs = 0;
    let withFindings = 0;
    const property = fc.property(
      fc.array(seeds(scenario), { minLength: 10, maxLength: 90, size: 'max' }),
      fc.array(fc.integer({ min: 0, max: DISORDER_TOLERANCE_MS }), { minLength: 1, maxLength: 7 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      (given, delays, sizes) => {
        const events = streamOf(scenario, given);
        const whole = outcome(runIn(scenario, events, [events.length]));
        const shuffled = disorder(events, delays);
        for (const [order, batches] of [
          [events, [1]],
          [events, sizes],
          [shuffled, [1]],
          [shuffled, sizes],
          [shuffled.flatMap((event) => [event, event]), sizes],
          [events.toReversed(), [events.length]],
        ] as const) {
          const store = runIn(scenario, order, batches);
          expectOnlyUpwards(store);
          expect(outcome(store)).toBe(whole);
        }
        runs += 1;
        if (whole !== '[]') withFindings += 1;
      },
    );
    fc.assert(property, { numRuns: 30, seed: 20261121 });
    expect(withFindings / runs).toBeGreaterThan(0.4);
  });
});
