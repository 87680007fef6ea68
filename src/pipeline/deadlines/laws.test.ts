import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basisOf } from './basis.ts';
import { BUILTIN_CALENDARS } from './calendars/builtin.ts';
import { stagesOf, type ClockBasis, type ClockFacts } from './due.ts';
import { addBusinessDays, businessDaysBetween, type HolidayCalendar } from './holidays.ts';
import { addMonths, dateOf, dayOf, instantOf, localOf, parseDate, weekdayOf, type Offsets } from './local-time.ts';
import { BUILTIN_RULES } from './rules/builtin.ts';
import { START_KINDS, type DeadlineRule } from './rule.ts';

const HOUR = 3_600_000;
const FROM = Date.UTC(2026, 0, 1);
const TO = Date.UTC(2027, 9, 1);

/** Clocks go from UTC+1 to UTC+2 at 01:00 UTC of 2026-03-29, and back at 01:00 UTC of 2026-10-25. */
const BERLIN: Offsets = [
  { since: 0, minutes: 60 },
  { since: Date.UTC(2026, 2, 29, 1), minutes: 120 },
  { since: Date.UTC(2026, 9, 25, 1), minutes: 60 },
];
/** Midnight of 2026-09-06 is left out: 00:00 becomes 01:00. */
const SANTIAGO: Offsets = [
  { since: 0, minutes: -240 },
  { since: Date.UTC(2026, 8, 6, 4), minutes: -180 },
];

const instant = fc.integer({ min: FROM, max: TO });
const rule = fc.constantFrom(...BUILTIN_RULES);
const facts = (stages: readonly string[]): fc.Arbitrary<ClockFacts> =>
  fc.record({
    events: fc.array(fc.record({ kind: fc.constantFrom(...START_KINDS), at: instant }), { maxLength: 6 }),
    submissions: fc.array(fc.record({ stage: fc.constantFrom(...stages), at: instant }), { maxLength: 3 }),
    extensions: fc.array(fc.record({ stage: fc.constantFrom(...stages), until: instant }), { maxLength: 3 }),
    pauses: fc.array(
      fc.tuple(instant, fc.nat(96)).map(([from, hours]) => ({ from, to: from + hours * HOUR })),
      { maxLength: 2 },
    ),
  });
function basisFor(each: DeadlineRule): ClockBasis {
  const basis = basisOf(each, BUILTIN_CALENDARS);
  if (basis === null) throw new Error(`${each.id} has no calendar`);
  return basis;
}

const clock = rule.chain((each) =>
  facts(each.stages.map(({ id }) => id)).map((recorded) => ({ basis: basisFor(each), recorded })),
);

describe('local time', () => {
  it('takes the moment of the change for an hour that is left out, and the first of one that is repeated', () => {
    const spring = parseDate('2026-03-29') ?? 0;
    expect(new Date(instantOf(BERLIN, spring, 150)).toISOString()).toBe('2026-03-29T01:00:00.000Z');
    const autumn = parseDate('2026-10-25') ?? 0;
    expect(new Date(instantOf(BERLIN, autumn, 150)).toISOString()).toBe('2026-10-25T00:30:00.000Z');
    const noMidnight = parseDate('2026-09-05') ?? 0;
    expect(new Date(instantOf(SANTIAGO, noMidnight, 1_440)).toISOString()).toBe('2026-09-06T04:00:00.000Z');
  });

  it('finds an instant again by its day and minute, but in a repeated hour', () => {
    fc.assert(
      fc.property(instant, (at) => {
        const minute = Math.floor(at / 60_000) * 60_000;
        const repeated = minute >= Date.UTC(2026, 9, 25, 1) && minute < Date.UTC(2026, 9, 25, 2);
        const local = localOf(BERLIN, minute);
        expect(instantOf(BERLIN, local.day, local.minute)).toBe(repeated ? minute - HOUR : minute);
      }),
    );
  });

  it('refuses dates that there are not', () => {
    expect(['2026-02-29', '2026-13-01', '2026-00-10', '26-01-01', '2026-01-01 '].map(parseDate)).toEqual(
      Array(5).fill(null),
    );
    expect(parseDate('2028-02-29')).toBe(dayOf(2028, 2, 29));
  });

  it('adds months within the month', () => {
    expect(dateOf(addMonths(dayOf(2027, 1, 31), 1))).toBe('2027-02-28');
    expect(dateOf(addMonths(dayOf(2027, 12, 31), 2))).toBe('2028-02-29');
  });
});

describe('holidays', () => {
  it('count business days as one who looks at each day', () => {
    const year = fc.constantFrom(...BUILTIN_CALENDARS).map((calendar) => calendar);
    fc.assert(
      fc.property(
        year,
        fc.integer({ min: dayOf(2025, 1, 1), max: dayOf(2028, 6, 1) }),
        fc.nat(60),
        (calendar, day, n) => {
          const end = addBusinessDays(calendar, day, n);
          let slow = day;
          for (let left = n; left > 0;) {
            slow += 1;
            const works =
              ![0, 6].includes(new Date(slow * 86_400_000).getUTCDay()) &&
              !Object.values(calendar.years).flat().includes(dateOf(slow));
            if (works) left -= 1;
          }
          expect(end).toBe(slow);
          if (n > 0) expect(businessDaysBetween(calendar, day + 1, slow)).toBe(n);
        },
      ),
    );
  });

  it('are refused for a year that nobody entered, also by a name that every object has', () => {
    const none: HolidayCalendar = { id: 'none-yet', name: '', source: '', verifiedOn: '', years: {} };
    expect(addBusinessDays(none, dayOf(2026, 1, 1), 1)).toEqual({ calendar: 'none-yet', year: 2026 });
    for (const calendar of BUILTIN_CALENDARS) {
      expect(addBusinessDays(calendar, dayOf(2028, 12, 28), 3)).toEqual({ calendar: calendar.id, year: 2029 });
      expect(addBusinessDays(calendar, dayOf(2024, 12, 1), 1)).toEqual({ calendar: calendar.id, year: 2024 });
    }
  });

  it('are days of their year, in order, each once', () => {
    for (const { years } of BUILTIN_CALENDARS)
      for (const [year, dates] of Object.entries(years)) {
        expect(dates.filter((date) => parseDate(date) === null || !date.startsWith(`${year}-`))).toEqual([]);
        expect([...new Set(dates)].sort()).toEqual(dates);
      }
  });

  it('lie in the United States on the weekday that the law names', () => {
    const dates = BUILTIN_CALENDARS.flatMap(({ id, years }) =>
      id === 'us-federal' ? Object.values(years).flat() : [],
    );
    const weekdays = dates.map((date) => weekdayOf(parseDate(date) ?? 0));
    expect(weekdays.some((weekday) => weekday === 0 || weekday === 6)).toBe(false);
    // Martin Luther King, Washington, Memorial Day, Labor Day, Columbus are Mondays, Thanksgiving a Thursday.
    const mondays = dates.filter((date) => /-(01-(1[5-9]|2[01])|02-|05-|09-|10-)/.test(date));
    expect(mondays).toHaveLength(20);
    expect(mondays.every((date) => weekdayOf(parseDate(date) ?? 0) === 1)).toBe(true);
    const thanksgivings = dates.filter((date) => /-11-2/.test(date));
    expect(thanksgivings.map((date) => weekdayOf(parseDate(date) ?? 0))).toEqual([4, 4, 4, 4]);
  });
});

describe('a clock', () => {
  it('is a function of the set of what is recorded', () => {
    fc.assert(
      fc.property(clock, fc.func(fc.nat()), ({ basis, recorded }, order) => {
        const shuffled = <Item>(items: readonly Item[]): readonly Item[] =>
          items
            .map((item, index) => [order(index), item] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, item]) => item);
        const other: ClockFacts = {
          events: shuffled(recorded.events),
          submissions: shuffled(recorded.submissions),
          extensions: shuffled(recorded.extensions),
          pauses: shuffled(recorded.pauses),
        };
        expect(stagesOf(basis, other)).toEqual(stagesOf(basis, recorded));
      }),
    );
  });

  it('never moves a deadline earlier by an extension or a pause', () => {
    fc.assert(
      fc.property(clock, instant, fc.nat(200), ({ basis, recorded }, at, hours) => {
        const [first] = basis.rule.stages;
        const before = stagesOf(basis, recorded);
        const extended = stagesOf(basis, {
          ...recorded,
          extensions: [...recorded.extensions, { stage: first?.id ?? '', until: at }],
        });
        const paused = stagesOf(basis, {
          ...recorded,
          pauses: [...recorded.pauses, { from: at, to: at + hours * HOUR }],
        });
        before.forEach(({ due }, index) => {
          if (due === null) return;
          expect(extended[index]?.due ?? due).toBeGreaterThanOrEqual(due);
        });
        // A pause may overlap another one; the first stage hangs on nothing else.
        if (before[0]?.due !== null && recorded.pauses.length === 0)
          expect(paused[0]?.due ?? 0).toBeGreaterThanOrEqual(before[0]?.due ?? 0);
      }),
    );
  });

  it('never moves a deadline earlier by a relief', () => {
    fc.assert(
      fc.property(clock, ({ basis, recorded }) => {
        const plain = stagesOf({ ...basis, reliefs: [] }, recorded);
        const all = stagesOf({ ...basis, reliefs: basis.rule.reliefs.map(({ kind }) => kind) }, recorded);
        plain.forEach(({ due }, index) => {
          const with_ = all[index]?.due ?? null;
          if (due !== null && with_ !== null) expect(with_).toBeGreaterThanOrEqual(due);
        });
      }),
    );
  });
});

describe('the rows', () => {
  it('have an id of their own, stages of their own, and start nothing that nobody is sure of', () => {
    expect(new Set(BUILTIN_RULES.map(({ id }) => id)).size).toBe(BUILTIN_RULES.length);
    for (const { id, stages, sureness, enabled, reliefs, calendar } of BUILTIN_RULES) {
      expect(new Set(stages.map((stage) => stage.id)).size, id).toBe(stages.length);
      if (sureness === 'C') expect(enabled, id).toBe(false);
      if (reliefs.length > 0) expect(calendar, id).not.toBeNull();
      for (const relief of reliefs) if (relief.sureness !== 'A') expect(relief.enabled, id).toBe(false);
      for (const { limits, target } of stages) expect(limits.length > 0 || target !== undefined, id).toBe(true);
    }
  });

  it('hang only on stages before them', () => {
    for (const { id, stages } of BUILTIN_RULES)
      stages.forEach(({ limits }, index) => {
        const before = stages.slice(0, index).map((stage) => stage.id);
        for (const { after } of limits) if ('submitted' in after) expect(before, id).toContain(after.submitted);
      });
  });

  it('ask for a calendar wherever they count business days', () => {
    for (const { stages, calendar } of BUILTIN_RULES)
      for (const { limits } of stages)
        for (const { count } of limits) if (count.unit === 'business-days') expect(calendar).not.toBeNull();
  });
});
