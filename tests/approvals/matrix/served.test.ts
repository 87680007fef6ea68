import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Case } from './case.ts';
import { CASES, SURFACES } from './cases.ts';
import { covering } from './covering.ts';
import { objectionTo } from './judge.ts';
import { PURE_CASES } from './pure-cases.ts';
import { openServedHouse, type ServedHouse } from './served-house.ts';

/** Of the cases of a surface at least so many go over the network and the command line; the rest is handed to the service. */
const SAMPLE = 450;

/** In ms; many times what it takes where nothing else runs. */
const PATIENCE_MS = 600_000;

/** How many cases were played on what. */
const played = new Map<string, number>([['core', PURE_CASES.length]]);

let house: ServedHouse;
beforeAll(async () => {
  house = await openServedHouse();
});
afterAll(async () => {
  const table = [...played].map(([surface, cases]) => `  ${surface.padEnd(8)} ${cases}`);
  process.stdout.write(`cases played, of ${CASES.length}:\n${table.join('\n')}\n`);
  await house.close();
});

async function objectionsTo(cases: readonly Case[]): Promise<readonly string[]> {
  const courses = await house.play(cases);
  return cases.flatMap((given, index) => {
    const happened = courses[index];
    return happened === undefined ? [given.name] : (objectionTo(given, happened) ?? []);
  });
}

/** Only the core can be brought to this: a fault elsewhere, and a declaration of every kind. */
const isPlanted = ({ steps }: Case): boolean =>
  steps.flat().some(({ do: what }) => what === 'plant' || what === 'break');

describe('the matrix of votes on the services, the runner and a journal', () => {
  it(
    'has no way past the specification',
    async () => {
      const cases = PURE_CASES.filter((given) => !isPlanted(given)).map((given) => ({ ...given, surface: 'service' }));
      expect(cases.length).toBeGreaterThan(4_000);
      played.set('service', cases.length);
      expect((await objectionsTo(cases)).slice(0, 5)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each(SURFACES)(
    'has none over the surfaces either: %s',
    async (surface) => {
      const cases = covering(CASES.filter((given) => given.surface === surface));
      expect(cases.length).toBeGreaterThanOrEqual(SAMPLE);
      played.set(surface, cases.length);
      expect((await objectionsTo(cases)).slice(0, 5)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'leaves records from which every decision comes out again',
    async () => {
      expect(await house.unlikeReplayed()).toEqual([]);
    },
    PATIENCE_MS,
  );
});
