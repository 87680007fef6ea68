import { describe, expect, it } from 'vitest';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import { CORE_CHECKS, GLASS_CHECKS, SERVED_CHECKS, type ServedCheck } from './checks.ts';
import { playInCore } from './core-house.ts';
import { ordersOf, PURE_CASES } from './pure-cases.ts';
import { openServedHouse } from './served-house.ts';

/** In ms; many times what it takes where nothing else runs. */
const PATIENCE_MS = 240_000;
import { withoutCheck, type Check } from './edited-house.ts';
import { objectionTo } from './judge.ts';

type CoreHouse = { readonly playInCore: typeof playInCore };

/** The first case that the specification objects to; null: the matrix does not notice. */
function firstObjection({ playInCore: play }: CoreHouse, cases = PURE_CASES): string | null {
  for (const given of cases)
    for (const reversed of ordersOf(given)) {
      const objection = told(() => objectionTo(given, play(given, reversed)));
      if (objection !== null) return objection;
    }
  return null;
}

/** A product that falls over is noticed too. */
function told(judge: () => string | null): string | null {
  try {
    return judge();
  } catch (thrown) {
    return String(thrown);
  }
}

/** The cases of somebody who decides alone. */
const ALONE = PURE_CASES.filter(({ steps }) => steps.flat().some((event) => event.do === 'break'));

describe('the matrix without one check', () => {
  it('is content with the product as it is', () => {
    expect(firstObjection({ playInCore })).toBeNull();
  });

  it.each(CORE_CHECKS)(
    'objects to a core without: $name',
    async (check: Check) => {
      const objection = await withoutCheck('core-house.ts', check, async (house: CoreHouse) => firstObjection(house));
      expect(objection).not.toBeNull();
    },
    PATIENCE_MS,
  );
});

describe('deciding alone without one check', () => {
  it.each(GLASS_CHECKS)(
    'is objected to: $name',
    async (check: Check) => {
      const judge = async (house: CoreHouse) => firstObjection(house, ALONE);
      expect(await withoutCheck('core-house.ts', check, judge)).not.toBeNull();
    },
    PATIENCE_MS,
  );
});

type House = { readonly openServedHouse: typeof openServedHouse };
/** Cases that a server without a check is given: enough for each kind, and soon done. */
const PLAYED = 40;

/** Cases of the kind, spread over all roles and thresholds. */
function casesAmong({ among, surface: door }: ServedCheck): readonly Case[] {
  const all = CASES.filter(({ name, surface }) => surface === door && among.test(name));
  const every = Math.max(1, Math.floor(all.length / PLAYED));
  return all.filter((_, index) => index % every === 0);
}

async function servedObjections({ openServedHouse: open }: House, cases: readonly Case[]): Promise<readonly string[]> {
  const house = await open();
  try {
    const courses = await house.play(cases);
    return cases.flatMap(
      (given, index) => objectionTo(given, courses[index] ?? { answers: {}, status: 'not played' }) ?? [],
    );
  } finally {
    await house.close();
  }
}

describe('a server without one check', () => {
  it(
    'is told from one as it is',
    async () => {
      const cases = SERVED_CHECKS.flatMap(casesAmong);
      expect(SERVED_CHECKS.filter((each) => casesAmong(each).length === 0)).toEqual([]);
      expect(await servedObjections({ openServedHouse }, [...new Set(cases)])).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each(SERVED_CHECKS)(
    'is objected to without: $name',
    async (check: ServedCheck) => {
      const cases = casesAmong(check);
      const objections = await withoutCheck('served-house.ts', check, (house: House) => servedObjections(house, cases));
      expect(objections).not.toEqual([]);
    },
    PATIENCE_MS,
  );
});
